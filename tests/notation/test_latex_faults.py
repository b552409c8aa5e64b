"""helpers.notation.latex_faults: where a formula cannot be right, and nothing about one that can."""

import pytest

from helpers.notation.latex_faults import find_fault

FAULTS = {
    r"\frac { a } { b": ("unclosed", 12, "{"),
    r"\frac{a}{b}}": ("stray", 11, "}"),
    r"\left( x + \{ y": ("unclosed", 0, r"\left"),
    r"\alpha \right)": ("stray", 7, r"\right"),
    r"{ \left( x }": ("unclosed", 2, r"\left"),
    r"\left( { x \right)": ("unclosed", 7, "{"),
    r"\begin{array}{c} a": ("unclosed", 0, r"\begin{array}"),
    r"\begin{array}{c} a \end{matrix}": ("stray", 19, r"\end{matrix}"),
    r"\begin{array}{c} { a \end{array}": ("unclosed", 17, "{"),
    r"x + \frac{a}": ("argument", 4, r"\frac"),
    r"{\sqrt[3]}": ("argument", 1, r"\sqrt"),
    r"\alpha _ {i} + x _ ^ {2}": ("argument", 17, "_"),
    r"\begin{array}{c} x ^ & y \end{array}": ("argument", 19, "^"),
    r"\alpha_{i}^{j}_{k}": ("twice", 14, "_"),
    r"\hat{x}^2^3": ("twice", 9, "^"),
    r"公式 \frac{a}{b": ("unclosed", 11, "{"),
    r"so $\frac{a}{b$ is": ("unclosed", 12, "{"),
}
SOUND = [
    r"\frac12 + {}", r"\frac\alpha\beta{}", r"\sqrt [ 3 ] { x }", r"\sum\limits_{i}^{n}{x}", r"x^{a}{}^{b} \alpha{}",
    r"\left\{ a \right.", r"\left. { x } \right|_{0}^{1}", r"\begin{array} { c c } a & b \\ c & d \end{array}",
    r"\begin {array} {c} a \end{array}", r"x_\frac{a}{b} {}", r"{x'}^{2} \hat{y}'", r"\frac{\frac{a}{b}}{c}^{2}_{i}",
    r"\mathrm{a}_{1} \, ^{2} {}", r"\{ \alpha \}", r"\leftarrow \rightarrow {}", r"a { b", r"C:\new_x",
    r"the file a__b and \textbf{c} in $x^2$",
    r"_a ^b \beta{}", r"\operatorname*{max}_{x} {}", r"\overset{a}{b} \binom n k {}", "", "{",
]  # fmt: skip


@pytest.mark.parametrize("text", FAULTS)
def test_first_fault_is_found_with_its_place(text):
    kind, place, token = find_fault(text)
    assert (kind, place, token) == FAULTS[text] and text[place:].startswith(token)


@pytest.mark.parametrize("text", SOUND)
def test_what_can_be_right_has_no_fault(text):
    assert find_fault(text) is None


def test_braces_thousands_deep_are_read():
    assert find_fault(r"\alpha" + "{" * 5000 + "}" * 5000) is None
    assert find_fault(r"\alpha" + "{" * 5000 + "}" * 4999) == ("unclosed", 6, "{")
