"""helpers.data.synthetic.molecules: what is drawn is a molecule, spelt canonically; same seed, same pixels."""

import numpy as np
import pytest
from rdkit import Chem

from helpers.data.synthetic.held_out import PARTS, reserved
from helpers.data.synthetic.molecules import LARGEST, SIDE, STYLES, draw_sample, molecule, picture

MOLECULES = [molecule(np.random.default_rng(seed)) for seed in range(400)]


def test_every_molecule_is_read_back_in_the_same_spelling():
    assert [Chem.MolToSmiles(Chem.MolFromSmiles(smiles)) for smiles in MOLECULES] == MOLECULES


def test_molecules_are_of_one_piece_and_not_too_large():
    assert not any("." in smiles for smiles in MOLECULES)
    assert max(Chem.MolFromSmiles(smiles).GetNumAtoms() for smiles in MOLECULES) <= LARGEST


def test_molecules_are_many_and_their_atoms_varied():
    assert len(set(MOLECULES)) > 300
    atoms = {atom.GetSymbol() for smiles in MOLECULES for atom in Chem.MolFromSmiles(smiles).GetAtoms()}
    assert atoms == {"C", "N", "O", "S", "F", "Cl", "Br"}


def test_train_and_test_never_meet():
    drawn = {part: {draw_sample(index, 3, part=part)[1] for index in range(40)} for part in PARTS}
    assert all(map(reserved, drawn["test"])) and not any(map(reserved, drawn["train"]))


@pytest.mark.parametrize("style", STYLES)
def test_same_seed_same_pixels_other_seed_others(style):
    first, again, other = (np.asarray(picture("CCO", style, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert first.shape == (SIDE, SIDE, 3)
    assert (first == again).all() and not np.array_equal(first, other)


def test_clean_is_black_on_white_and_the_others_are_not():
    clean, colour, sketch = (np.asarray(picture("OCC", style), int) for style in STYLES)
    assert clean.max() == 255 and np.ptp(clean, axis=2).max() < 8
    assert np.ptp(colour, axis=2).max() > 50
    assert np.ptp(sketch, axis=2).max() > 50


def test_rotation_differs_from_picture_to_picture():
    ink = [
        (np.asarray(picture("CCCCCC", rng=np.random.default_rng(seed)))[..., 0] < 128).any(1).sum() for seed in range(9)
    ]
    assert max(ink) > 1.5 * min(ink)


def test_text_that_is_no_molecule_and_unknown_styles_are_value_errors():
    with pytest.raises(ValueError, match="RDKit cannot read the SMILES 'C1CC'"):
        picture("C1CC")
    with pytest.raises(ValueError, match="unknown style 'photo'; choose one of clean, "):
        picture("C", "photo")
    with pytest.raises(ValueError, match="unknown part 'tset'"):
        draw_sample(0, 0, part="tset")
