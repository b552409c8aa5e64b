"""helpers.cdm: characters matched by hand, on two of the examples that come with the authors' program."""

import numpy as np
import pytest

from helpers import cdm
from helpers.formulas import formula, ink


def test_another_spelling_of_the_same_print_is_all_right():
    assert cdm.f1(r"{a \over b} x'^2", r"\frac { a } { b } x ^ { \prime 2 }") == 1


def test_authors_example_of_swapped_characters():
    # y = 2 z + 3 x: 7 characters; x and z are found, but each in the other's place
    assert cdm.f1("y = 2x + 3z", "y = 2z + 3x") == pytest.approx(2 * 5 / 14)


def test_authors_example_with_a_wrong_sign():
    # 18 characters (r = a / b, the line, |sin b(s1 +- s2)|): a plus for plus-minus, 1 and 2 swapped
    truth = r"r = \frac { \alpha } { \beta } \vert \sin \beta \left( \sigma _ { 1 } \pm \sigma _ { 2 } \right) \vert"
    read = r"r={\frac{\alpha}{\beta}}|\sin\beta\left(\sigma_{2}+\sigma_{1}\right)|"
    assert cdm.f1(read, truth) == pytest.approx(2 * 15 / 36)


@pytest.mark.parametrize(
    "prediction, truth, expected",
    [
        ("a x c", "a b c", 4 / 6),
        ("a b c", "a b c d", 6 / 7),
        ("a b c d", "a b c", 6 / 7),
        ("x", "y", 0),
        ("a", r"\mathrm{a}", 0),
        (r"\sqrt{x} + 1", r"\sqrt{x} - 1", 8 / 10),  # root, line, x, sign, 1
        ("", "x", 0),
        ("x ^ {", "x", 0),
    ],
)
def test_characters_are_counted(prediction, truth, expected):
    assert cdm.f1(prediction, truth) == pytest.approx(expected)


def test_a_group_may_be_shifted_as_one():
    # what follows the missing a + stands further left, all of it alike
    assert cdm.f1("b c d e f", "a + b c d e f") == pytest.approx(2 * 5 / 12)


def test_two_groups_may_be_shifted_each_by_its_own_way():
    # before the added sign nothing is shifted, behind it all by its width
    assert cdm.f1("a b c + d e f", "a b c d e f") == pytest.approx(2 * 6 / 13)


def test_a_character_far_away_is_no_match():
    assert cdm.f1("h a b c d e f g", "a b c d e f g h") == pytest.approx(14 / 16)


def test_small_shifts_pass_as_in_the_authors_program():
    assert cdm.f1("x _ { 2 }", "x ^ { 2 }") == 1


def test_a_truth_that_cannot_be_drawn_is_not_judged_but_named():
    found, rows = cdm.score(["a", "a", "b"], ["a", r"\begin{array}{c} a \end{array}", "a"])
    assert found["cdm"].value == 0.5 and rows == [1]
    with pytest.raises(ValueError, match="no truth can be drawn"):
        cdm.score(["a"], [r"\begin{array}{c} a \end{array}"])


@pytest.mark.parametrize("seed", range(15))
def test_formulas_match_themselves_and_score_less_when_cut(seed):
    text = formula(np.random.default_rng(seed)) + " + q"
    assert cdm.f1(text, text) == 1 and cdm.f1(text.removesuffix(" + q"), text) < 1


def test_boxes_are_those_of_the_ink():
    """The characters' boxes together are as wide and high as what is drawn."""
    for text in (r"\frac { a } { b } + \sqrt { x }", "f ( x ) = y _ { 2 }"):
        boxes = np.array([box for _, box in cdm.characters(text)])
        sides = boxes[:, 2:].max(0) - boxes[:, :2].min(0)
        height, width = ink(text, "cm", 100).shape
        assert sides * 100 == pytest.approx((width, height), abs=3)
