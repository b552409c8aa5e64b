"""helpers.evaluation.rendered: what prints alike matches, the smallest visible difference does not."""

from itertools import combinations

import numpy as np
import pytest

from helpers.data.synthetic.formulas import draw_sample
from helpers.data.synthetic.grammar import FULL, formula
from helpers.evaluation import rendered
from helpers.evaluation.rendered import overlap, same
from helpers.notation import mathtext

LETTERS = "a b c d e f g h i j k m n p q r s t u v w x y z".split()
SIGNS = (
    LETTERS + list("ABCDEFGHKLMNPRSTVX0123456789")
    + r"\alpha \beta \gamma \delta \epsilon \theta \lambda \mu \pi \rho \sigma \tau \phi \psi \omega".split()
    + r"\Gamma \Delta \Omega \infty \partial \nabla".split()
    + r"+ - = < > \times \cdot \pm \leq \geq \neq \approx \to . , ; : ! ( ) [ ] | / * \sin \cos \tan \log \ln".split()
    + r"l o \varepsilon \varphi \nu \xi \zeta \eta \chi \ell \mp \div \circ \bullet \sim \equiv \simeq".split()
)  # fmt: skip

ALIKE = [
    ("x^{2}", "x^2"),
    ("x_i^2", "x ^ { 2 } _ { i }"),
    (r"\frac { a } { b }", r"{a \over b}"),
    ("a{+}b", "a+b"),
    (r"a \mathrel{+} b", "a + b"),
    (r"{ab}^{2}", "a b ^ 2"),
    (r"\mathrm{a}\mathrm{b}", r"\mathrm{a b}"),
    (r"\mathrm { 2 } x", "2 x"),
    (r"\ldots", r"\dots"),
    ("a", r"\begin{array}{c} a \end{array}"),
    (r"\begin{pmatrix} a & b \end{pmatrix}", r"\left( \begin{matrix} a & b \end{matrix} \right)"),
    (r"x \vert y", "x | y"),
]
UNLIKE = [
    ("x^2", "x_2"),
    ("x^2", "x2"),
    ("x ^ { a b }", "x ^ a b"),
    (r"\frac { a } { b }", r"\frac { b } { a }"),
    (r"\frac { a } { b }", "a / b"),
    ("x", r"\mathrm{x}"),
    ("x", r"\mathbf{x}"),
    ("x", r"\bar{x}"),
    (r"\bar{x}", r"\hat{x}"),
    (r"\bar{x}", r"\dot{x}"),
    ("x'", "x"),
    ("x'", "x^{1}"),
    ("x_{i}", "x_{j}"),
    ("x_{1}", "x_{l}"),
    ("x_{.}", "x_{,}"),
    ("a b", "a b ."),
    ("a - b", "a b"),
    (r"\sqrt { a b }", r"\sqrt { a } b"),
    ("a", ""),
    ("a", "a }"),
    (r"\begin{array}{c} a \\ b \end{array}", r"\begin{array}{c c} a & b \end{array}"),
    (r"\begin{pmatrix} a \\ b \end{pmatrix}", r"\begin{bmatrix} a \\ b \end{bmatrix}"),
    ("a", r"\begin{picture} a \end{picture}"),
    ("a", "公式"),
    ("a", "a $ b"),
]


@pytest.mark.parametrize("first, second", ALIKE)
def test_what_prints_alike_matches(first, second):
    assert same(first, second) is True and same(second, first) is True


@pytest.mark.parametrize("truth, prediction", UNLIKE)
def test_what_prints_otherwise_does_not_match(truth, prediction):
    assert same(prediction, truth) is False


@pytest.mark.parametrize("around", ["M {} = 0", "M _ {{ {} }} = 0", "M _ {{ x _ {{ {} }} }} = 0"])
def test_no_two_signs_match_even_in_scripts(around):
    pairs = combinations([around.format(sign) for sign in SIGNS], 2)
    assert [pair for pair in pairs if same(*pair) is not False] == []


def test_formulas_of_this_project_match_only_themselves():
    made = list({draw_sample(index, 1)[1] for index in range(60)})
    assert [pair for pair in combinations(made, 2) if same(*pair)] == []


def test_a_changed_token_is_seen():
    rng = np.random.default_rng(2)
    for _ in range(40):
        tokens = formula(rng, FULL).split()
        places = [i for i, token in enumerate(tokens) if token in LETTERS]
        if places:
            place = int(rng.choice(places))
            changed = [*tokens[:place], "w" if tokens[place] != "w" else "q", *tokens[place + 1 :]]
            assert same(" ".join(changed), " ".join(tokens)) is False


def bar(height=20, width=9, at=0):
    page = np.zeros((30, 12), np.uint8)
    page[at : at + height, at : at + width] = 255
    return page


@pytest.mark.parametrize("moved, alike", [(0, True), (1, True), (2, False)])
def test_ink_may_be_off_by_one_pixel(moved, alike):
    assert overlap(bar(at=moved), bar()) is alike


@pytest.mark.parametrize("extra, alike", [(1, True), (2, False)])
def test_ink_may_reach_one_pixel_further(extra, alike):
    assert overlap(bar(height=20 + extra), bar()) is alike and overlap(bar(), bar(height=20 + extra)) is alike


@pytest.mark.parametrize("wider, alike", [(2, True), (3, False)])
def test_sides_may_differ_by_two_pixels(wider, alike):
    blank = np.zeros((30, 12 + wider), np.uint8)
    assert overlap(blank, np.zeros((30, 12), np.uint8)) is alike


def test_faint_ink_need_not_be_covered():
    faint = bar()
    faint[25:, 5:] = 100
    assert overlap(faint, bar()) and overlap(bar(), faint)


def test_a_truth_that_cannot_be_drawn_is_judged_by_its_text_alone():
    unknown = r"\begin{picture} a \end{picture}"
    assert same("a", unknown) is None and same(r"\begin{picture}{a}\end{picture}", unknown) is True


def test_equal_texts_are_not_drawn(monkeypatch):
    monkeypatch.setattr(rendered, "draw", lambda *_: pytest.fail("drawn"))
    assert same(r"\frac12 ^ 7", r"{1 \over 2} ^ { 7 }") is True


def test_each_formula_is_drawn_once(monkeypatch):
    rendered.drawn.cache_clear()
    seen = []
    monkeypatch.setattr(rendered, "draw", lambda text, *rest: seen.append(text) or mathtext.draw(text, *rest))
    for pair in ("ac", "bc", "ad", "da") * 10:
        same(*pair)
    assert sorted(seen) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("text", ["{" * 5000, "x ^ { " * 300 + "x" + " }" * 300, r"\frac { a } { " * 2000])
def test_a_wild_prediction_is_only_wrong(text):
    assert same(text, "x") is False
