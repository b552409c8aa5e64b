"""Any text, and any formula put together by chance: read, normalised and drawn without a surprise."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from properties import examples

from helpers.data.synthetic.grammar import FULL, SHORT, formula
from helpers.notation import latex_commands, latex_signs, mathtext, smiles
from helpers.notation.boxes import Ink, flat
from helpers.notation.latex import normalise_latex
from helpers.notation.latex_tree import tree
from helpers.notation.layout import layout

COMMANDS = sorted(
    latex_commands.NO_BRACKETS.union(
        *(latex_commands.SYNONYMS, latex_commands.LOW, latex_commands.LIMITS, latex_commands.SUMS),
        *(latex_signs.CLASSES, latex_signs.SPACES, latex_signs.NOTHING, latex_signs.NOTHING_WITH_ARGUMENT),
        *(latex_signs.LAPS, latex_signs.SIMPLE, latex_signs.STYLES, latex_signs.FONTS, latex_signs.ACCENTS),
        *(latex_signs.LINES, latex_signs.STACKS, latex_signs.PHANTOMS, latex_signs.FRACTIONS, latex_signs.BIG),
        ("\\buildrel", "\\xrightarrow", "\\not", "\\middle", "\\hline", "\\cr", "[1pt]", "{red}", "{2ex}", "$", "%"),
        ("\\begin{array}{cc}", "\\end{array}", "\\begin{aligned}[t]", "\\end{aligned}", "[", "]", "\\sqrt", "#"),
    )
)
BRACES = st.sampled_from(["{", "}", "_", "^", "'"])
SOUP = st.lists(st.sampled_from(COMMANDS) | BRACES | st.characters(max_codepoint=126), max_size=14).map(" ".join)

SIGNS = st.sampled_from(r"a b x 1 2 + = ( ) \alpha \leq \cdot \partial \infty \ldots \to \ne ,".split())
ONE = r"""\hat; \bar; \mathrm; \mathbf; \mathcal; \overline; \sqrt; \sqrt [ 3 ]; \boxed; \raisebox { 2 e x }; a ^; x _
\textcolor { red }; \color { blue }; \smash; \pmod; \lefteqn; \rlap; \fbox; \mathrel; \ensuremath; \textstyle; \bf; \mit
\vspace { 2 m m }; \displaystyle"""
TWO = r"""\frac {} {}; \dfrac {} {}; \dbinom {} {}; \overset {} {}; \buildrel {} \over {}; {{ {} \over {} }}; {} {}
\left( {} {} \right); {{ {} \atop {} }}; \begin{{array}} {{cc}} {} & {} \end{{array}}; {{ {} {} }} _ {{ 2 }}"""


def choice(table):
    return st.sampled_from(table.replace("\n", "; ").split("; "))


def larger(inner):
    braced = inner.map("{{ {} }}".format)
    one = st.tuples(choice(ONE), braced).map(" ".join).map("{{ {} }}".format)
    return one | st.builds(str.format, choice(TWO), braced, braced)


WELL_FORMED = st.recursive(SIGNS, larger, max_leaves=6)
GRAMMAR = st.builds(lambda seed, longest: formula(np.random.default_rng(seed), longest),
                    st.integers(0, 2**32 - 1), st.sampled_from((SHORT, FULL)))  # fmt: skip


@examples(500)
@given(SOUP | st.text())
@example("{" * 1200)
@example(r"\mathclose \rho ^ \cap")
@example(r"_ '")
@example(r"\left f \right \displaystyle")
def test_a_normal_form_normalises_to_itself(text):
    assert normalise_latex(normalise_latex(text)) == normalise_latex(text)


def printed(latex):
    """What a formula prints: every sign with its size and height, but for bars, which come in two kinds."""
    parts = flat(layout(tree(latex), "cm"))
    return sorted((part.glyph.font, part.glyph.number, part.size, round(y, 3))
                  for _, y, part in parts if type(part) is Ink and part.glyph.number not in (106, 124))  # fmt: skip


def drawable(latex):
    try:
        return printed(latex)
    except ValueError:
        return None


@examples(300)
@given(WELL_FORMED | GRAMMAR)
@example(r"a \raisebox { 2 e x } { b c } d")
@example(r"\buildrel { a b } \over = c")
@example(r"\begin{array} {cc} \multicolumn { 2 } { c } { a b } \\ c & d \end{array}")
@example(r"{ \mit \Gamma } 1")
def test_a_normal_form_prints_the_same(latex):
    found = drawable(latex)
    hangs_on_a_space = any(f"{space} {script} " in latex for space in latex_commands.SPACES for script in "_^")
    if found is not None and not hangs_on_a_space:
        assert printed(normalise_latex(latex)) == found


@examples(300)
@given(SOUP | st.text())
@example("{" * 3000 + "}" * 3000)
def test_no_text_breaks_the_renderer(text):
    try:
        pixels = mathtext.ink(text, "cm", 32)
    except ValueError as error:
        assert str(error)
        assert mathtext.draw(text, "cm", 32) is None
    else:
        assert pixels.dtype == np.uint8 and pixels.any() and min(pixels.shape) > 0


# --- trees: the text of a tree is read as that tree ----------------------------------------------------------------

LETTERS = st.sampled_from("abxy12+=").map(lambda letter: (letter, ("sign", letter, "")))


def _group(parts):
    text, nodes = " ".join(text for text, _ in parts), [node for _, node in parts]
    return f"{{ {text} }}", nodes


def _trees(inner):
    groups = st.lists(inner, min_size=2, max_size=3).map(_group)
    return st.one_of(
        groups.map(lambda group: (group[0], ("group", group[1]))),
        st.tuples(groups, groups).map(
            lambda two: (rf"\frac {two[0][0]} {two[1][0]}", ("fraction", two[0][1], two[1][1], True, "", "", None))
        ),
        groups.map(lambda group: (rf"\sqrt {group[0]}", ("root", None, group[1]))),
        st.tuples(LETTERS, groups, groups).map(
            lambda three: (
                f"{three[0][0]} ^ {three[1][0]} _ {three[2][0]}",
                ("scripts", three[0][1], three[2][1], three[1][1]),
            )
        ),
    )


@examples(100)
@given(st.recursive(LETTERS, _trees, max_leaves=12))
def test_the_text_of_a_tree_is_read_as_that_tree(pair):
    text, node = pair
    assert tree(text) == tree(text.replace(" ", "")) == [node]


# --- molecules ------------------------------------------------------------------------------------------------------

ATOMS = st.lists(st.sampled_from("C c N n O o F Cl ( ) = # [ ] H + - @ 1 2 % / \\ .".split()), max_size=12).map("".join)


@examples(250)
@given(ATOMS | st.text())
def test_no_text_breaks_the_parser_of_molecules(text):
    found = smiles.canonical_smiles(text)
    assert found is None or smiles.canonical_smiles(found) == found


@examples(100)
@given(st.text())
def test_what_is_fenced_is_unfenced(text):
    if "```" not in text:
        assert smiles.unfence(smiles.fence(text)) == text.strip()
