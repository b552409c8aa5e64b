"""helpers.data.notations: what an answer is written in is told by looking, and where it does not parse is named."""

import pytest

from helpers.data.notations import are_molecules, notation_warning
from helpers.data.synthetic import grammar, molecules
from helpers.notation.smiles import fence

MOLECULES = ["CCO", "c1ccccc1", "CC(=O)O", "C#N", "OC1CCNCC1Br", "CC(=O)Oc1ccccc1"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (r"\frac { a } { b", "nothing closes { at character 13, near"),
        (r"\alpha } + { b }", "} at character 8 closes nothing"),
        (r"\left( \frac{a}{b}", r"nothing closes \left at character 1"),
        (r"\begin{array}{c} a \end{matrix}", r"\end{matrix} at character 20 closes nothing"),
        (r"x + {\frac{a}}", r"an argument of \frac at character 6 is missing"),
        (r"\sqrt{x}^{2}^{3}", "a second ^ on one sign at character 13"),
    ],
)
def test_latex_that_does_not_parse_is_named_with_its_place(answer, reason):
    found, cure = notation_warning(answer)
    assert reason in found and cure


@pytest.mark.parametrize(
    "answer",
    ["a { b", "```python\nx = {'\\alpha': {\n```", '{"a": "\\\\beta {"}', "a_b_c {", "x^2^3"],
)
def test_what_is_no_latex_is_left_alone(answer):
    assert notation_warning(answer) is None


def test_formulas_that_the_lessons_draw_are_sound():
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = [grammar.formula(rng, 150) for _ in range(300)]
    assert [formula for formula in drawn if notation_warning(formula)] == []


def test_molecules_that_the_lessons_draw_are_sound():
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = [molecules.molecule(rng) for _ in range(50)]
    assert [text for text in drawn if notation_warning(fence(text)) or notation_warning(text, molecules=True)] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CC(O", "( at character 3 has no partner"),
        ("CC)O", ") at character 3 has no partner"),
        ("C[NH4", "[ at character 2"),
        ("C1CC", "RDKit cannot parse: 'C1CC'"),
        ("C(C)(C)(C)(C)C", "RDKit cannot parse"),
    ],
)
def test_smiles_that_does_not_parse_is_named(text, reason):
    for answer, bare in ((fence(text), False), (text, True)):
        assert reason in notation_warning(answer, bare)[0]


def test_file_of_molecules_is_known_by_its_answers():
    assert are_molecules(MOLECULES) and are_molecules([*MOLECULES * 3, "C1CC"])
    assert not are_molecules(["C", "CN", "OK", "I", "F"] * 5)
    assert not are_molecules([r"\frac { a } { b }", "x _ { 1 }", "a = b"] * 5)
    assert not are_molecules(["Total", "5.00", "INVOICE", "CO", "2024"] * 5) and not are_molecules([])
