"""helpers.notation.latex_tree: formulas read into nodes; what does not fit together is said."""

import pytest

from helpers.notation.latex_tree import tree


def sign(token, font=""):
    return ("sign", token, font)


def test_scripts_hang_on_the_sign_before_them():
    assert tree("a x _ { i } ^ 2") == [sign("a"), ("scripts", sign("x"), [sign("i")], [sign("2")])]


def test_scripts_may_hang_on_nothing():
    assert tree(r"\, ^ { a }") == [("space", 3 / 18), ("scripts", None, None, [sign("a")])]


def test_primes_are_upper_scripts_and_another_may_follow():
    assert tree("f '' ^ 2") == [("scripts", sign("f"), None, [sign("\\prime")] * 2 + [sign("2")])]


def test_old_fonts_reach_to_the_end_of_their_group():
    assert tree(r"{ \bf a b } c") == [("group", [sign("a", "bf"), sign("b", "bf")]), sign("c")]


@pytest.mark.parametrize("braced", ["{ x }", "{ { x } }"])
def test_braces_around_one_sign_change_nothing(braced):
    assert tree(braced) == tree("x")


def test_braces_take_an_operator_out_of_its_class():
    assert tree("{ + }") == [("group", [sign("+")])]


def test_infix_fractions_take_all_of_their_group():
    assert tree(r"{ a \over b } c")[0][1][0][:3] == ("fraction", [sign("a")], [sign("b")])


@pytest.mark.parametrize("begin", [r"\begin{array}{lr}", r"\begin {array} { l r }", r"\begin { array } [ t ] { l r }"])
def test_arrays_are_read_cell_by_cell(begin):
    node = tree(begin + r" a & b \\ [ 2 p t ] \hline c & \\ \end{array}")[0]
    assert node == ("array", "array", "lr", [[[sign("a")], [sign("b")]], [[sign("c")], []]], [1])


def test_fences_keep_their_middle():
    assert tree(r"\left< a \middle| b \right.") == [("fence", "\\langle", [[sign("a")], "|", [sign("b")]], "")]


def test_words_keep_their_spaces():
    assert tree(r"\text{if  x}") == [("text", "if x", "rm")]


@pytest.mark.parametrize("text, first", [(r"\label{a} x", "x"), (r"\nonumber x", "x"), (r"\kern 2pt x", "x")])
def test_what_prints_nothing_is_left_out(text, first):
    assert tree(text) == [sign(first)]


@pytest.mark.parametrize(
    "text, says",
    [
        ("{ x", "ends before }"),
        ("x }", "} does not belong"),
        ("x ^ a ^ b", "two upper"),
        ("x _ a _ b", "two lower"),
        (r"\frac { a }", "argument is missing"),
        (r"\left( x", r"ends before \\right"),
        (r"a \over b \over c", "second"),
        (r"\begin{picture} x \end{picture}", "picture"),
        (r"\begin{matrix} x \end{array}", "matrix"),
        (r"\hspace{wide} x", "no length"),
        ("a & b", "& does not belong"),
    ],
)
def test_what_does_not_fit_is_said(text, says):
    with pytest.raises(ValueError, match=says):
        tree(text)
