r"""helpers.notation.latex: what prints the same is written the same; what prints otherwise stays different."""

import numpy as np
import pytest

from helpers.data.synthetic.grammar import FULL, SHORT, formula
from helpers.evaluation.rendered import drawn, overlap
from helpers.notation.latex import normalise_latex
from helpers.notation.mathtext import ink

SAME = [
    (r"a\,b\quad c~d\ e", "a b c d e"),
    (r"a\hspace{0.2cm}b\hskip 2pt c \kern-1pt d", "abcd"),
    ("$x$", "x"),
    (r"$$ x $$", "x"),
    (r"\[ x \]", "x"),
    (r"x=1 \label{eq:a} \nonumber", "x = 1"),
    ("x^2", "x ^ { 2 }"),
    ("x^{{2}}", "x^2"),
    ("x_{i}", "{x}_i"),
    (r"\frac12", r"\frac { 1 } { 2 }"),
    (r"\frac\alpha b", r"\frac{\alpha}{b}"),
    (r"\sqrt2+\hat x", r"\sqrt{2}+\hat{x}"),
    (r"\sqrt[3]x", r"\sqrt [ 3 ] { x }"),
    ("{{a} b} c {}", "a b c"),
    ("{a} b {c}", "abc"),
    (r"\mathbf x", r"\mathbf{x}"),
    ("x_i^2", "x^2_i"),
    ("x'", r"x^{\prime}"),
    ("x'", r"x^\prime"),
    ("x''", r"x^{\prime\prime}"),
    ("x'_i", r"x_{i}^{\prime}"),
    ("x'^2", r"x^{\prime 2}"),
    ("^2x", "{}^{2}x"),
    (r"a\le b\ne c\to d", r"a \leq b \neq c \rightarrow d"),
    (r"\not= x", r"\neq x"),
    (r"\lbrace x\rbrace\vert y\Vert", r"\{x\}|y\|"),
    (r"{a \over b}", r"\frac{a}{b}"),
    (r"a \over b", r"\frac{a}{b}"),
    (r"{n \choose k}", r"\binom nk"),
    (r"x + {1 \over {a \over b}}", r"x+\frac{1}{\frac{a}{b}}"),
    (r"\displaystyle \dfrac{a}{b}", r"\frac{a}{b}"),
    (r"{\rm a b} c", r"\mathrm{a b} c"),
    (r"a \bf b \rm c", r"a \mathbf{b} \mathrm{c}"),
    (r"{\rm a \over b}", r"\frac{\mathrm{a}}{\mathrm{b}}"),
    (r"\text{if}", r"\mathrm{if}"),
    (r"\mbox{i f}", r"\mathrm { i f }"),
    (r"\textbf{A}", r"\mathbf{A}"),
    (r"\text{a-b}", r"\mbox{a-b}"),
    (r"\operatorname{sin}x", r"\sin x"),
    (r"{\rm sin}^2 x", r"\sin^{2}x"),
    (r"\operatorname* { l i m }_x", r"\lim_{x}"),
    (r"\mathrm{max} x", r"\max x"),
    (r"f\left(x\right)", "f(x)"),
    (r"\left. x \right|", "x|"),
    (r"\left( x_i + a_{12} \right) = 0", "(x_i+a_{12}) = 0"),
    (r"\left< x^2 \right>", r"\left\langle x^2 \right\rangle"),
    (r"\bigl( x \bigr)", r"\big( x \big)"),
    (r"\sum\limits_{i} x", r"\sum_i x"),
    (r"\int\nolimits_0", r"\int_0"),
    (r"a \mathrel{=} b", "a = b"),
    (r"\begin{array}{c c} a & b \over c \\ {d} & e \end{array}", r"\begin{array}{cc}a&\frac{b}{c}\\d&e\end{array}"),
    (r"\left( \begin{array}{c} x^2 \end{array} \right)", r"\left(\begin{array}{c} x^{2}\end{array}\right)"),
]
DIFFERENT = [
    ("a b", "ab c"),
    ("x^{ab}", "x^ab"),
    ("{ab}^2", "ab^2"),
    ("x_i", "x^i"),
    (r"\tfrac{a}{b}", r"\frac{a}{b}"),
    (r"\frac{\displaystyle a}{b}", r"\frac{a}{b}"),
    (r"\frac{\dfrac ab}{c}", r"\frac{\frac ab}{c}"),
    (r"{\displaystyle \sum_i \over b}", r"{\sum_i \over b}"),
    (r"x^{\scriptstyle a b}", "x^{a b}"),
    (r"{x \scriptstyle y} z", r"x \scriptstyle y z"),
    (r"\mathrm{x}", "x"),
    (r"{\rm a} b", r"\rm a b"),
    (r"\text{a-b}", r"\mathrm{a-b}"),
    (r"\mathrm{max}_x", r"\max_x"),
    (r"\left( \frac{a}{b} \right)", r"( \frac{a}{b} )"),
    (r"\left( x_i \right)_0", "(x_i)_0"),
    (r"\left( x^2 \right)", r"( x^2 )"),
    (r"\left( x_i^2 \right)", r"( x_i^2 )"),
    (r"\left( x_{i_j} \right)", r"( x_{i_j} )"),
    (r"\left( \log_j x \right)", r"( \log_j x )"),
    (r"\left( x_{[} \right)", r"( x_{[} )"),
    (r"\text{a.}", r"\mathrm{a.}"),
    (r"\mathrm{max}^2", r"\max^2"),
    (r"\big(", "("),
    (r"\sum\nolimits_i", r"\sum_i"),
    (r"\frac{\sum\limits_i}{b}", r"\frac{\sum_i}{b}"),
    (r"\int\limits_0", r"\int_0"),
    (r"\epsilon", r"\varepsilon"),
    (r"\rightarrow", r"\longrightarrow"),
    (r"{a \atop b} c", r"a \atop b c"),
    (r"\{ x \}", "{ x }"),
]

DRAWN = {
    "x^2",
    "x^{{2}}",
    "x_{i}",
    "{a} b {c}",
    "x_i^2",
    "x'",
    "x''",
    r"{\rm a b} c",
    r"\operatorname{sin}x",
}  # by mathtext


@pytest.mark.parametrize("first, second", SAME)
def test_what_prints_the_same_is_written_the_same(first, second):
    assert normalise_latex(first) == normalise_latex(second)


@pytest.mark.parametrize("first, second", DIFFERENT)
def test_what_prints_otherwise_stays_different(first, second):
    assert normalise_latex(first) != normalise_latex(second)


def test_the_form_is_that_of_latex_ocr():
    assert (
        normalise_latex(r"{x'}^2+\frac12\over \text{if}")
        == r"\frac { { x ^ { \prime } } ^ { 2 } + \frac { 1 } { 2 } } { \mathrm { i f } }"
    )


@pytest.mark.parametrize("text", [text for pair in SAME + DIFFERENT for text in pair])
def test_normalising_again_changes_nothing(text):
    assert normalise_latex(normalise_latex(text)) == normalise_latex(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "}",
        "x _",
        "x ^ 2 ^ 3",
        r"\frac { a }",
        r"\left ( x",
        r"\begin { array } x",
        "\\",
        "a } b {",
        "{" * 3000,
    ],
)
def test_what_is_no_formula_keeps_its_tokens(text):
    assert normalise_latex(text).replace(" ", "") == text.replace(" ", "")


def test_normalising_a_formula_of_this_project_again_changes_nothing():
    rng = np.random.default_rng(0)
    made = [normalise_latex(formula(rng, longest)) for longest in (SHORT, FULL) for _ in range(300)]
    assert [text for text in made if normalise_latex(text) != text] == []


@pytest.mark.parametrize("pair", [pair for pair in SAME if pair[0] in DRAWN])
def test_both_spellings_are_drawn_alike_by_mathtext(pair):
    first, second = (ink(text, "cm", 30) for text in pair)
    assert first.shape == second.shape and (first == second).all()


@pytest.mark.parametrize("seed", range(40))
def test_a_formula_and_its_normal_form_print_alike(seed):
    text = formula(np.random.default_rng(seed), SHORT)
    assert overlap(drawn(text), drawn(normalise_latex(text))), text
