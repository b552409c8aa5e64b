"""helpers.notation.smiles: the fence, and molecules in one spelling."""

import pytest

from helpers.notation import smiles

CAFFEINE = ("CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "Cn1c(=O)c2c(ncn2C)n(C)c1=O")
ASPIRIN = ("CC(=O)OC1=CC=CC=C1C(=O)O", "OC(=O)c1ccccc1OC(C)=O")
L_ALANINE, D_ALANINE = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"


# --- the fence --------------------------------------------------------------------------------


def test_fence_is_that_of_the_example_data():
    assert smiles.fence("C1=CC=CC=C1") == "```rdkit\nC1=CC=CC=C1\n```"


@pytest.mark.parametrize(
    "text, inside",
    [
        ("```rdkit\nCCO\n```", "CCO"),
        (" CCO \n", "CCO"),
        ("", ""),
        ("Here it is:\n```rdkit\nCCO\n```\nIt is ethanol.", "CCO"),
        ("```rdkit\nCCO\n```\n```rdkit\nCCN\n```", "CCO"),
        ("```python\nC\n```\n```rdkit\nCCO\n```", "CCO"),
        ("```rdkit\nCC(", "CC("),
        ("```rdkit\nCCO``", "CCO``"),
        ("```rdkit\r\nCCO\r\n```", "CCO"),
        ("```rdkit CCO```", "CCO"),
        ("```rdkit", ""),
        ("```rdkit\n```", ""),
        ("```rdkit\nCCO\nCCN\n```", "CCO\nCCN"),
        ("```rdkitx\nCCO\n```", "```rdkitx\nCCO\n```"),
        ("```\nCCO\n```", "CCO"),
        ("```SMILES\nCCO\n```", "CCO"),
        ("```\nCCN\n```\n```rdkit\nCCO\n```", "CCO"),
        ("```python\nCCO\n```", "```python\nCCO\n```"),
        ("<think>\n```rdkit\nCCN\n```</think>\n```rdkit\nCCO\n```", "CCO"),
        ("<think></think>CCO", "CCO"),
        ("NA", "NA"),
    ],
)
def test_unfence(text, inside):
    assert smiles.unfence(text) == inside


def test_unfence_undoes_fence():
    assert smiles.unfence(smiles.fence(ASPIRIN[0])) == ASPIRIN[0]


# --- canonical form ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first, second",
    [
        CAFFEINE,
        ASPIRIN,
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("[Na+].[Cl-]", "[Cl-].[Na+]"),
        ("[H]C([H])([H])[H]", "C"),
        ("[CH3:1][CH2:2][OH:3]", "OCC"),
        ("F[C@](Cl)([CH3:1])[CH3:2]", "CC(C)(F)Cl"),
        (" CCO\n", "CCO"),
        ("C(=O)(O)[C@@H](N)C", L_ALANINE),
    ],
)
def test_spellings_of_one_molecule_are_equal(first, second):
    assert smiles.canonical_smiles(first) == smiles.canonical_smiles(second) is not None


@pytest.mark.parametrize(
    "first, second",
    [
        (L_ALANINE, D_ALANINE),
        (L_ALANINE, "CC(N)C(=O)O"),
        ("F/C=C/F", r"F/C=C\F"),
        ("[2H]C", "C"),
        ("CC(=O)[O-]", "CC(=O)O"),
        ("CC(=O)C", "CC(O)=C"),
        ("C.C", "C"),
    ],
)
def test_different_molecules_differ(first, second):
    assert None is not smiles.canonical_smiles(first) != smiles.canonical_smiles(second) is not None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "NA", "None", "nan", "C1CC", "c1ccc", "cc", "C(C)(C)(C)(C)C", "CC(", "C>>C", "[Xx]", "苯", "C\0C"),
        *("\ud800", "((((" * 3000, "CCO ethanol", "C is the answer", "CCO\nCCN", "```\nC\n```", "C |^1:0|"),
    ],
    ids=lambda text: ascii(text[:10]),
)
def test_no_molecule_is_none(text):
    assert smiles.canonical_smiles(text) is None


def test_rdkit_is_silent_during_the_call_only(capfd):
    from rdkit import Chem

    assert smiles.canonical_smiles("C1CC") is None
    assert capfd.readouterr().err == ""
    assert Chem.MolFromSmiles("C1CC") is None
    assert "unclosed ring" in capfd.readouterr().err


@pytest.mark.parametrize(
    "prediction, right", [("OCC", True), (smiles.fence("OCC"), True), ("CC", False), ("", False), ("C1", False)]
)
def test_same(prediction, right):
    assert smiles.same(prediction, smiles.fence("CCO")) is right
