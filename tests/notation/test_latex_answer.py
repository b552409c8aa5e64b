r"""helpers.notation.latex_answer: what stands around a formula is taken off, what belongs to it stays."""

import numpy as np
import pytest

from helpers.data.synthetic.formulas import FULL, formula
from helpers.notation import extract_latex, normalise_latex

TALL = r"\begin{array}{c} a & b \\ c & d \end{array}"


@pytest.mark.parametrize(
    "answer, inside",
    [
        ("```latex\nx^2\n```", "x^2"),
        ("```\nx^2\n```", "x^2"),
        ("```LaTeX\r\nx^2\r\n```", "x^2"),
        ("```math\n\\frac{a}{b}", r"\frac{a}{b}"),  # it never closes
        ("```x^2```", "x^2"),
        ("```text```", "text"),  # no language: nothing would be left
        ("Sure! Here it is:\n```latex\nx^2\n```\nIt says that x is squared.", "x^2"),
        ("`x^2`", "x^2"),
        ("$x^2$", "x^2"),
        ("$$\nx^2\n$$", "x^2"),
        (r"\[ x^2 \]", "x^2"),
        (r"\( x^2 \)", "x^2"),
        (r"\[ a \\[2pt] b \]", r"a \\[2pt] b"),
        ("```latex\n$$x^2$$\n```", "x^2"),
        (r"\begin{equation}x^2\end{equation}", "x^2"),
        (r"\begin{equation*} x^2 \end{equation*}", "x^2"),
        (r"\begin {displaymath} x^2 \end {displaymath}", "x^2"),
        (r"\begin{math}x^2\end{math}", "x^2"),
        (r"\begin{align} a &= b \\ \end{align}", "a  = b"),
        (
            r"\begin{align*}a&=\begin{pmatrix}1&2\\3&4\end{pmatrix}\end{align*}",
            r"a =\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        ),
        (r"\begin{equation}\begin{split} a &= b \& c \end{split}\end{equation}", r"a  = b \& c"),
        (r"\begin{equation}" + TALL + r"\end{equation}", TALL),
        ("```latex\n\\documentclass{article}\n\\begin{document}\n\\[ x^2 \\]\n\\end{document}\n```", "x^2"),
        ("<think></think>x^2", "x^2"),
        ("<think>\n\n</think>\n\n$x^2$", "x^2"),
        ("<think>It may be $y^2$.\nNo.</think>```latex\nx^2\n```", "x^2"),
        ("It may be y^2.</think>x^2", "x^2"),  # the prompt opened the thought
        ("LaTeX: x^2", "x^2"),
        ("**LaTeX code:** $x^2$", "x^2"),
        ("latex：x^2", "x^2"),
        ("Here is the formula in the image:\n\n\\[x^2\\]", "x^2"),
        ("The recognized equation is: x^2", "x^2"),
        ("识别结果：$x^2$", "x^2"),
    ],
)
def test_what_stands_around_is_taken_off(answer, inside):
    assert extract_latex(answer) == inside


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x ^ { 2 }",
        "f : A",
        r"\mathrm{Answer:} x",
        r"\text{if the answer is: } x",
        "$a$ and $b$",
        r"\[a\] \[b\]",
        r"\begin{align} a &= b \\ c &= d \end{align}",
        r"\begin{equation} a \end{equation} \begin{equation} b \end{equation}",
        r"\begin{equation} a",
        r"\begin{pmatrix} a & b \end{pmatrix}",
        r"\begin{equation} { a \end{equation}",
        TALL,
        "<think>x^2",  # the thought never ended: no answer yet
        "LaTeX:",
        "a:b",
    ],
)
def test_what_belongs_to_the_formula_stays(text):
    assert extract_latex(text) == text


def test_formulas_as_they_are_written_have_nothing_around():
    rng = np.random.default_rng(7)
    made = [formula(rng, FULL) for _ in range(500)]
    assert [text for text in made if extract_latex(text) != text.strip()] == []


def test_any_wrapping_of_any_formula_is_taken_off():
    rng = np.random.default_rng(8)
    wrappings = ["```latex\n{}\n```", "$${}$$", "\\[{}\\]", "\\begin{{equation*}}{}\\end{{equation*}}", "LaTeX: ${}$"]
    wrappings += ["<think>\n</think>\n{}", "```\n\\begin{{align}}\n{} \\\\\n\\end{{align}}\n```", "The formula: {}"]
    for _ in range(60):
        text = formula(rng, FULL)
        for wrapping in wrappings:
            assert normalise_latex(extract_latex(wrapping.format(text))) == normalise_latex(text), wrapping


def test_once_is_enough():
    answer = "<think>\n</think>Here is the LaTeX: ```latex\n\\begin{equation}\\[ $x$ \\]\\end{equation}\n```"
    assert extract_latex(extract_latex(answer)) == extract_latex(answer)


def test_a_runaway_answer_takes_no_time():
    for text in ("a " * 20000, "<think>" * 5000, "`" * 20000, "$" * 20001, "\\begin{align}" * 3000, "{" * 20000):
        extract_latex(text)
