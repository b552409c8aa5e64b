"""helpers.show.kinds: formulas and molecules drawn, or not; which kind a sample is."""

import warnings

import numpy as np
import pytest

from helpers.notation import smiles
from helpers.show import kinds


def test_formula_is_drawn_dark_on_white():
    picture = kinds.formula_picture(r"\frac { a } { b }")
    assert (picture.mode, *picture.getextrema()) == ("L", 0, 255) and np.asarray(picture).mean() > 200


def test_spaced_tokens_are_drawn_as_scripts():
    assert kinds.formula_picture("x _ { i }").tobytes() == kinds.formula_picture("x_{i}").tobytes()


@pytest.mark.parametrize(
    "latex",
    [r"\begin{matrix} a", r"\frac { a } { b", "}", "", "a $ $ b", "x " * 300, "{" * 390, r"\nosuchcommand x", "#"],
)
def test_what_mathtext_cannot_draw_is_none(latex):
    assert kinds.formula_picture(latex) is None


def test_chinese_is_not_given_to_mathtext():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kinds.formula_picture(r"\mathrm { 公 式 }") is None


@pytest.mark.parametrize("text", ["CCO", smiles.fence("CCO"), "C(C)O", "[CH3:1][CH2:2][OH:3]"])
def test_molecule_is_drawn_dark_on_white_and_alike_in_every_spelling(text):
    picture = kinds.molecule_picture(text)
    assert picture.mode == "L" and picture.getextrema()[1] == 255 and np.asarray(picture).mean() > 180
    assert abs(picture.width - kinds.molecule_picture("CCO").width) <= 2


def test_a_small_molecule_makes_a_small_picture_and_a_large_one_fits():
    sizes = [kinds.molecule_picture(text).size for text in ("C", "CCO", "C1CCCCC1" * 9)]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0] <= kinds.SIDES[0] + 6
    assert all(height <= kinds.SIDES[1] + 6 for _, height in sizes)


@pytest.mark.parametrize("text", ["", "C1CC", "NA", "C is methane", "C" * 90, "C" * 5000, "```rdkit\n```"])
def test_what_is_no_molecule_or_too_large_is_not_drawn(text):
    assert kinds.molecule_picture(text) is None


def test_a_molecule_too_large_to_draw_is_still_a_molecule():
    assert kinds.KINDS["molecule"].fault("C" * 90) == "" != kinds.KINDS["molecule"].fault("C1" * 90)


@pytest.mark.parametrize("text", ["ClCCBr", "[nH]1cccc1%12", "C[C@@H](N)C(=O)O", "a b\n", "[C", "中文"])
def test_tokens_of_smiles_put_together_are_the_text(text):
    assert "".join(kinds.KINDS["molecule"].tokens(text)) == text


def test_tokens_of_smiles_are_atoms_bonds_and_rings():
    assert kinds.KINDS["molecule"].tokens("Cl[C@@H]=C%12Br") == ["Cl", "[C@@H]", "=", "C", "%12", "Br"]


@pytest.mark.parametrize(
    "truth, modality, name",
    [
        ("x ^ { 2 }", "image", "formula"),
        ("CCO", "image", "formula"),
        (smiles.fence("CCO"), "image", "molecule"),
        (" ".join(smiles.fence("CCO").split()), "image", "molecule"),
        ("", "image", "formula"),
        ("a rising tone", "audio", "text"),
        (smiles.fence("CCO"), "audio", "text"),
        ("x ^ { 2 }", "video", "text"),
    ],
)
def test_the_kind_follows_from_the_sample(truth, modality, name):
    assert kinds.kind_of(truth, modality) is kinds.KINDS[name]


def test_text_is_right_up_to_white_space_and_never_drawn():
    kind = kinds.KINDS["text"]
    assert kind.same(" a  b", "a b") and not kind.same("ab", "a b") and kind.drawn("x") is None
