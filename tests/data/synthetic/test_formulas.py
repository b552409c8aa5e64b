"""helpers.data.synthetic.formulas: every formula can be drawn, test formulas stay unseen, same seed, same pixels."""

import numpy as np
import pytest

from helpers.data.synthetic import formulas
from helpers.data.synthetic.formulas import LARGEST, LONGEST, STYLES, draw_sample, formula, picture
from helpers.data.synthetic.held_out import PARTS, reserved
from helpers.notation import mathtext

FORMULAS = [formula(np.random.default_rng(seed)) for seed in range(400)]
LISTS = ("LETTERS", "CAPITALS", "DIGITS", "GREEK", "OPERATORS", "RELATIONS", "FUNCTIONS", "SPECIAL")
SYMBOLS = sorted({token for name in LISTS for token in getattr(formulas, name)})
BUILT = r"\frac \sqrt \sum \int \prod _ ^ { } ( )".split()


def test_tokens_are_separated_by_single_spaces():
    assert all(latex == " ".join(latex.split()) for latex in FORMULAS)


def test_every_token_is_of_the_grammar():
    assert {token for latex in FORMULAS for token in latex.split()} <= set(SYMBOLS + BUILT)


def test_every_argument_is_in_braces():
    for latex in FORMULAS:
        tokens = latex.split()
        opened = [token for token, after in zip(tokens, tokens[1:], strict=False) if after == "{"]
        assert tokens.count("{") == tokens.count("}") and set(opened) <= {"_", "^", "}", "\\frac", "\\sqrt"}
        takes_argument = [token for token in tokens if token in ("_", "^", "\\frac", "\\sqrt")]
        assert takes_argument == [token for token in opened if token != "}"]


def test_every_symbol_can_be_drawn_in_every_font():
    for font in {font for fonts in formulas.FONTS.values() for font in fonts}:
        assert [symbol for symbol in SYMBOLS if mathtext.ink(symbol, font, 18).max() <= 127] == []


def test_train_and_test_never_meet():
    drawn = {part: {draw_sample(index, 3, part=part)[1] for index in range(60)} for part in PARTS}
    assert not drawn["train"] & drawn["test"]
    assert all(map(reserved, drawn["test"])) and not any(map(reserved, drawn["train"]))


def test_one_formula_in_ten_is_reserved():
    share = sum(map(reserved, set(FORMULAS))) / len(set(FORMULAS))
    assert 0.05 < share < 0.15


@pytest.mark.parametrize("style", STYLES)
def test_sides_are_whole_image_tokens_and_not_too_large(style):
    for index in range(30):
        image, latex = draw_sample(index, 4, style)
        assert image.mode == "L" and image.width % 28 == image.height % 28 == 0
        assert image.width <= LARGEST[0] and image.height <= LARGEST[1] and len(latex.split()) <= LONGEST


def test_formulas_too_large_are_left_out(monkeypatch):
    monkeypatch.setattr(formulas, "LARGEST", (112, 56))
    assert {draw_sample(index, 4)[0].width for index in range(40)} == {84, 112}


def test_longest_bounds_the_formula():
    assert all(len(draw_sample(index, 4, longest=4)[1].split()) <= 4 for index in range(30))


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_drawn_outside_the_picture(style, monkeypatch):
    monkeypatch.setitem(formulas.PAPERS, style, lambda page, rng: page)
    page = np.asarray(picture(r"\frac { a } { b }", style))
    assert page[[0, -1]].max() == page[:, [0, -1]].max() == 0 and page.max() > 127


def test_printed_is_black_on_white_and_chalkboard_light_on_dark():
    printed, board = (np.asarray(picture("x + y", style), float) for style in ("printed", "chalkboard"))
    assert np.median(printed) == 255 and printed.min() == 0
    assert np.median(board) < 100 and board.max() > 150


@pytest.mark.parametrize("style", STYLES)
def test_same_seed_same_pixels_other_seed_others(style):
    first, again, other = (np.asarray(picture("x + y", style, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert (first == again).all() and not np.array_equal(first, other)


@pytest.mark.parametrize("latex", [r"\nosuchthing", r"\frac { a }", "x ^ {", "x } y", "", r"\quad", "a $ b"])
def test_what_cannot_be_drawn_is_a_value_error(latex):
    with pytest.raises(ValueError):
        picture(latex)


def test_unknown_style_or_part_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown style 'photo'; choose one of printed, "):
        picture("x", "photo")
    with pytest.raises(ValueError, match="unknown part 'tset'; choose one of train, test"):
        draw_sample(0, 0, part="tset")
