"""Molecules made up and drawn by the project itself: random structures, RDKit, and a few ways of drawing.

The text of a molecule is its canonical SMILES as RDKit writes it. The same seed always gives the same pictures and
texts. One molecule in ten, chosen by a checksum of its SMILES, is reserved for testing, as with the formulas.
"""

import io
from functools import cache

import numpy as np
from PIL import Image, ImageFilter

from helpers.data.synthetic.held_out import belongs, check_choice

SIDE = 84  # pixels a side of a picture: 3 x 3 image tokens
LARGEST = 8  # atoms of the largest molecule, hydrogen not counted
STYLES = ("clean", "colour", "sketch")
CORES = (
    "c1ccccc1 c1ccncc1 c1cncnc1 c1ccoc1 c1ccsc1 c1cc[nH]c1 C1CCCCC1 C1CCCC1 C1CC1 C1CCNCC1 C1CCOC1 C1CCOCC1 C1=CCCCC1 "
    "CC CCC CCCC CC(C)C COC CNC C=C CC=C C#C CCS"
).split()
GROUPS = "C C C C O O O N N F Cl Br OC C#N C(=O)O C=O CC C(C)C CO N(C)C C(N)=O C(C)=O S C(F)(F)F C=C NC".split()


@cache
def _fragment(smiles):
    from rdkit import Chem

    return Chem.MolFromSmiles(smiles)


def _attach(molecule, smiles, rng):
    """``molecule`` with a group bound to a random atom that still has a hydrogen, or ``None`` if none has."""
    from rdkit import Chem

    free = [a.GetIdx() for a in molecule.GetAtoms() if a.GetTotalNumHs() and (a.GetSymbol() == "C" or a.IsInRing())]
    if not free:
        return None
    both = Chem.RWMol(Chem.CombineMols(molecule, _fragment(smiles)))
    place = both.GetAtomWithIdx(int(rng.choice(free)))
    if place.GetNumExplicitHs():  # the hydrogen of pyrrole's [nH] makes room
        place.SetNumExplicitHs(0)
    both.AddBond(place.GetIdx(), molecule.GetNumAtoms(), Chem.BondType.SINGLE)
    Chem.SanitizeMol(both)
    return both


def molecule(rng, largest=LARGEST):
    """Canonical SMILES of a random molecule of up to ``largest`` heavy atoms; ``rng`` is a numpy ``Generator``."""
    from rdkit import Chem

    grown = _fragment(str(rng.choice(CORES)))
    while grown.GetNumAtoms() > largest:
        grown = _fragment(str(rng.choice(CORES)))
    groups = GROUPS if largest <= LARGEST else GROUPS + CORES
    for _ in range(int(rng.integers(1, 1 + max(3, largest // 3)))):
        bigger = _attach(grown, str(rng.choice(groups)), rng)
        if bigger is not None and bigger.GetNumAtoms() <= largest:
            grown = bigger
    return Chem.MolToSmiles(grown)


def picture(smiles, style="clean", rng=None, side=SIDE):
    """Draw one molecule.

    Args:
        smiles: the molecule.
        style: one of ``STYLES``.
        rng: source of the variations (rotation, line width, labels, paper, noise); the default is always the same.
        side: width and height in pixels.

    Returns:
        RGB ``PIL.Image``.

    Raises:
        ValueError: the style is unknown, or RDKit cannot read the SMILES.
    """
    check_choice("style", style, STYLES)
    rng = np.random.default_rng(0) if rng is None else rng
    return FINISHES[style](_draw(smiles, style, rng, side), rng)


def _draw(smiles, style, rng, side):
    from rdkit import Chem

    rdMolDraw2D = _drawing()
    structure = Chem.MolFromSmiles(smiles)
    if structure is None:
        raise ValueError(f"RDKit cannot read the SMILES {smiles!r}")
    structure = rdMolDraw2D.PrepareMolForDrawing(structure)
    pen = rdMolDraw2D.MolDraw2DCairo(side, side)
    options = pen.drawOptions()
    options.prepareMolsBeforeDrawing = False
    options.rotate = float(rng.uniform(-20, 20))
    options.padding = float(rng.uniform(0.04, 0.10))
    options.fixedBondLength = side / 5
    options.minFontSize = max(10, side // 28)
    options.bondLineWidth = float(rng.uniform(1.0, 3.5 if style == "colour" else 2.0)) * max(1, side / 224)
    if style == "clean":
        options.useBWAtomPalette()
    if style == "colour":
        options.explicitMethyl = bool(rng.random() < 0.5)
    if style == "sketch":
        options.fontFile = _slanted_font()
        _shake(structure, rng)
    pen.DrawMolecule(structure)
    pen.FinishDrawing()
    return Image.open(io.BytesIO(pen.GetDrawingText())).convert("RGB")


@cache
def _drawing():
    """RDKit's drawing module. It wants two libraries of the X Window System, which servers may lack."""
    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as error:
        raise ImportError(f"{error} -> RDKit draws with it: apt-get install libxrender1 libxext6") from error
    return rdMolDraw2D


@cache
def _slanted_font():
    from matplotlib import get_data_path

    return f"{get_data_path()}/fonts/ttf/DejaVuSerif-Italic.ttf"


def _shake(structure, rng):
    """Move every atom a little, as a hand does: 0.08 of a bond's usual 1.5 units to each side."""
    places = structure.GetConformer()
    for index in range(structure.GetNumAtoms()):
        place = places.GetAtomPosition(index)
        place.x, place.y = place.x + rng.normal(0, 0.12), place.y + rng.normal(0, 0.12)
        places.SetAtomPosition(index, place)


def _clean(drawn, rng):
    """Black on white."""
    return drawn


def _colour(drawn, rng):
    """Coloured atoms on coloured paper, the ink sometimes coloured too."""
    ink = 255 - np.asarray(drawn, np.float32)
    paper = rng.uniform(200, 255, 3)
    return Image.fromarray((paper - ink * rng.uniform(0.6, 0.9)).clip(0, 255).astype(np.uint8))


def _sketch(drawn, rng):
    """A page of a notebook: drawn by hand, grey and unevenly lit, blurred and noisy."""
    soft = 255 - np.asarray(drawn.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8))), np.float32)
    light = np.linspace(rng.uniform(150, 240), rng.uniform(150, 240), drawn.width)[None, :, None]
    paper = light * rng.uniform(0.85, 1.0, 3)
    seen = paper - soft * rng.uniform(0.5, 0.75) + rng.normal(0, 7, (drawn.height, drawn.width, 1))
    return Image.fromarray(seen.clip(0, 255).astype(np.uint8))


FINISHES = {"clean": _clean, "colour": _colour, "sketch": _sketch}


def draw_sample(index, seed, style="clean", part="train", largest=LARGEST, side=SIDE):
    """Sample ``index`` of a set: ``(picture, SMILES)``; ``part`` as in ``render.render_set``, the rest as above."""
    rng = np.random.default_rng((seed, index))
    while True:
        smiles = molecule(rng, largest)
        if belongs(smiles, part):
            return picture(smiles, style, rng, side), smiles
