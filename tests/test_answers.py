import warnings

import numpy as np
import pytest

from helpers import answers, smiles


def test_formula_is_drawn_dark_on_white():
    picture = answers.formula_picture(r"\frac { a } { b }")
    assert (picture.mode, *picture.getextrema()) == ("L", 0, 255) and np.asarray(picture).mean() > 200


def test_spaced_tokens_are_drawn_as_scripts():
    assert answers.formula_picture("x _ { i }").tobytes() == answers.formula_picture("x_{i}").tobytes()


@pytest.mark.parametrize(
    "latex",
    [r"\begin{matrix} a", r"\frac { a } { b", "}", "", "a $ $ b", "x " * 300, "{" * 390, r"\nosuchcommand x", "#"],
)
def test_what_mathtext_cannot_draw_is_none(latex):
    assert answers.formula_picture(latex) is None


def test_chinese_is_not_given_to_mathtext():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answers.formula_picture(r"\mathrm { 公 式 }") is None


@pytest.mark.parametrize("text", ["CCO", smiles.fence("CCO"), "C(C)O", "[CH3:1][CH2:2][OH:3]"])
def test_molecule_is_drawn_dark_on_white_and_alike_in_every_spelling(text):
    picture = answers.molecule_picture(text)
    assert picture.mode == "L" and picture.getextrema()[1] == 255 and np.asarray(picture).mean() > 180
    assert abs(picture.width - answers.molecule_picture("CCO").width) <= 2


def test_a_small_molecule_makes_a_small_picture_and_a_large_one_fits():
    sizes = [answers.molecule_picture(text).size for text in ("C", "CCO", "C1CCCCC1" * 9)]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0] <= answers.SIDES[0] + 6
    assert all(height <= answers.SIDES[1] + 6 for _, height in sizes)


@pytest.mark.parametrize("text", ["", "C1CC", "NA", "C is methane", "C" * 90, "C" * 5000, "```rdkit\n```"])
def test_what_is_no_molecule_or_too_large_is_not_drawn(text):
    assert answers.molecule_picture(text) is None


def test_a_molecule_too_large_to_draw_is_still_a_molecule():
    assert answers.KINDS["molecule"].fault("C" * 90) == "" != answers.KINDS["molecule"].fault("C1" * 90)


@pytest.mark.parametrize("text", ["ClCCBr", "[nH]1cccc1%12", "C[C@@H](N)C(=O)O", "a b\n", "[C", "中文"])
def test_tokens_of_smiles_put_together_are_the_text(text):
    assert "".join(answers.KINDS["molecule"].tokens(text)) == text


def test_tokens_of_smiles_are_atoms_bonds_and_rings():
    assert answers.KINDS["molecule"].tokens("Cl[C@@H]=C%12Br") == ["Cl", "[C@@H]", "=", "C", "%12", "Br"]
