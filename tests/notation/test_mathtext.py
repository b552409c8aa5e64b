"""helpers.notation.mathtext: ink cropped to the formula, and one answer to what can be drawn."""

import warnings

import numpy as np
import pytest

from helpers.notation import mathtext


def test_ink_is_cropped_and_dark_on_nothing():
    ink = mathtext.ink(r"\frac { a } { b }", "cm", 40)
    assert ink.dtype == np.uint8 and ink.max() == 255
    assert all(edge.any() for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


def test_size_is_the_height_of_the_font_in_pixels():
    small, large = (mathtext.ink("x", "cm", size).shape[0] for size in (20, 80))
    assert large == pytest.approx(4 * small, abs=4)


def test_spaces_between_tokens_do_not_matter():
    first, second = (mathtext.draw(text, "cm", 30) for text in ("x _ { i } ^ { 2 }", "x_{i}^{2}"))
    assert first.shape == second.shape and (first == second).all()


@pytest.mark.parametrize("text", [r"\nosuchcommand", "x ^ {", r"\begin{picture} a \end{picture}", r"\left( x", "a & b"])
def test_ink_says_what_it_cannot_draw(text):
    with pytest.raises(ValueError):
        mathtext.ink(text, "cm", 20)
    assert mathtext.draw(text, "cm", 20) is None


@pytest.mark.parametrize("text", ["", " ", r"\quad", "a $ b", "$x$", "{" * 3000, "公式", "x\u2028y"])
def test_what_cannot_be_drawn_is_none(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # mathtext warns of signs that its fonts lack
        assert mathtext.draw(text, "cm", 20) is None


def test_an_escaped_dollar_is_a_sign():
    assert mathtext.draw(r"\$ x", "cm", 20).any()


def test_a_font_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="font is 'times', choose one of cm, "):
        mathtext.ink("x", "times", 20)


@pytest.mark.parametrize(
    "text", [r"\left( \begin{array} { c c } { a } & { b } \\ { c } & { d } \\ \end{array} \right) ^ { 2 }", "x"]
)
def test_the_same_formula_is_the_same_ink(text):
    first, second = (mathtext.ink(text, "cm", 64) for _ in range(2))
    assert first.tobytes() == second.tobytes() and first.shape == second.shape


def test_small_print_is_as_dark_as_a_scan():
    thin, bar = mathtext.ink("l", "cm", 14), mathtext.ink(r"\frac { a } { b }", "cm", 14)
    assert thin.max() == 255 and (bar.sum(1) > 0.8 * 140 * bar.shape[1]).any()
