"""helpers.notation.layout: formulas set as TeX sets them, measured in em."""

import pytest

from helpers.notation.latex_tree import tree
from helpers.notation.layout import layout


def box(text, style=0, family="cm"):
    return layout(tree(text), family, style)


def test_relations_and_operations_have_space_around_them():
    assert box("a = b").wide == pytest.approx(box("a").wide + box("=").wide + box("b").wide + 10 / 18, abs=0.05)
    assert box("a + b").wide == pytest.approx(box("a").wide + box("+").wide + box("b").wide + 8 / 18, abs=0.05)


def test_a_sign_without_left_side_is_no_operation():
    assert box("- b").wide == pytest.approx(box("-").wide + box("b").wide, abs=0.01)
    assert box("a -").wide == pytest.approx(box("a").wide + box("-").wide, abs=0.01)


def test_scripts_are_smaller_and_have_no_space_around_relations():
    assert box("a = b", style=4).wide < 0.75 * box("a = b").wide


def test_limits_stand_above_and_below_in_displays_only():
    assert box(r"\sum _ { i } ^ { n }").up > box(r"\textstyle \sum _ { i } ^ { n }").up + 0.3
    assert box(r"\int _ { 0 } ^ { 1 }").wide > box(r"\int").wide
    assert box(r"\int \limits _ { 0 } ^ { 1 }").up > box(r"\int _ { 0 } ^ { 1 }").up


def test_fractions_in_a_display_are_large():
    high = {name: box(rf"\{name} {{ a }} {{ b }}") for name in ("frac", "dfrac", "tfrac")}
    assert high["frac"].up == high["dfrac"].up > high["tfrac"].up + 0.2


@pytest.mark.parametrize("rows", [1, 2, 3, 6, 12])
def test_fences_are_as_high_as_what_they_hold(rows):
    cells = r" \\ ".join(["a"] * rows)
    inside = box(rf"\begin{{array}}{{c}} {cells} \end{{array}}")
    for left, right in ((r"\{", r"\}"), "()", "[]", "||"):
        fenced = box(rf"\left{left} \begin{{array}}{{c}} {cells} \end{{array}} \right{right}")
        assert 0.88 * (inside.up + inside.down) <= fenced.up + fenced.down <= inside.up + inside.down + 0.9


def test_matrices_stand_closer_than_arrays_and_columns_side_by_side():
    narrow, wide = box(r"\begin{matrix} a & b \end{matrix}"), box(r"\begin{array}{cc} a & b \end{array}")
    assert wide.wide == pytest.approx(narrow.wide + 1)
    assert narrow.wide == pytest.approx(box("a").wide + box("b").wide + 1, abs=0.01)


def test_cells_of_aligned_are_displays_and_of_arrays_texts():
    cell = r"\frac { a } { b } & c"
    assert box(rf"\begin{{aligned}} {cell} \end{{aligned}}").up > box(rf"\begin{{matrix}} {cell} \end{{matrix}}").up


@pytest.mark.parametrize("family", ["cm", "stix", "stixsans", "dejavusans"])
@pytest.mark.parametrize(
    "text",
    [
        r"\sqrt [ 3 ] { \frac { x } { y } }",
        r"\widehat { A B } \overline { x } \underbrace { a + b } _ { n } \overrightarrow { A B }",
        r"\Biggl( \bigl[ x \bigr] \Biggr) \left\langle \frac { a } { b } \middle| c \right\|",
        r"\stackrel { ! } { = } \not \in \binom { n } { k } \boxed { x } \xrightarrow { f } \substack { a \\ b }",
        r"\rlap { / } D \raisebox { 2pt } { x } \phantom { x } \operatorname * { T r } _ { a } \pmod { n }",
    ],
)
def test_constructs_are_set_in_every_family(text, family):
    assert box(text, 0, family).wide > 1 and box(text, 0, family).up > 0.5
