"""The kinds of answers there are, and how one is compared and drawn: formulas by ``notation``, molecules by RDKit.

A new kind is one row in ``KINDS`` and one line in ``kind_of``.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from helpers.evaluation.text import collapse_spaces
from helpers.language import message
from helpers.notation import mathtext, smiles

LONGEST_DRAWN = 400  # characters; a longer answer is shown as text
LARGEST_DRAWN = 80  # atoms of a molecule, without hydrogen
BOND = 20  # pixels a bond is long
SIDES = 200, 150  # width and height in pixels of the largest drawing of a molecule
SMILES_TOKEN = re.compile(r"\s+|\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)


def formula_picture(latex: str):
    """``latex`` drawn as a greyscale picture; None where it is too long or cannot be drawn.

    ``helpers.notation.mathtext.draw`` says what cannot: commands and environments that it does not know, for one.
    """
    from PIL import Image, ImageOps

    latex = collapse_spaces(latex)
    ink = mathtext.draw(latex, "cm", 17) if len(latex) <= LONGEST_DRAWN else None
    return None if ink is None else ImageOps.expand(Image.fromarray(255 - ink), 2, 255)


def molecule_picture(text: str):
    """The molecule of an answer, fenced or not, drawn by RDKit as a greyscale picture; None if there is none to draw.

    Larger ones than ``LARGEST_DRAWN`` are not drawn.
    """
    from PIL import Image
    from rdkit.Chem.Draw import rdMolDraw2D

    text = smiles.unfence(text)
    molecule = smiles.parse(text) if len(text) <= LONGEST_DRAWN else None
    if molecule is None or molecule.GetNumAtoms() > LARGEST_DRAWN:
        return None
    drawing = rdMolDraw2D.MolDraw2DCairo(*SIDES)
    options = drawing.drawOptions()
    options.fixedBondLength, options.bondLineWidth, options.padding = BOND, 1.3, 0.03
    options.minFontSize = options.maxFontSize = 11
    options.useBWAtomPalette()
    drawing.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(molecule))
    drawing.FinishDrawing()
    return _trimmed(Image.open(io.BytesIO(drawing.GetDrawingText())).convert("L"))


def _trimmed(picture):
    """``picture`` without its white margins, but for three pixels."""
    from PIL import ImageOps

    return ImageOps.expand(picture.crop(ImageOps.invert(picture).getbbox()), 3, 255)


def _same_text(text, truth):
    return collapse_spaces(text) == collapse_spaces(truth)


@dataclass(frozen=True)
class Kind:
    """What an answer is.

    drawn    answer -> PIL picture, or None if it cannot be drawn
    same     (answer, truth) -> whether it is right
    fault    answer -> what makes it none of this kind, or ""
    unfence  answer -> the text that is shown
    tokens   that text -> the pieces in which a wrong answer is compared with the truth
    space    what stands between two tokens
    written  whether a grid shows the text below the drawing, too
    """

    drawn: Callable = lambda text: None
    same: Callable = _same_text
    fault: Callable = lambda text: ""
    unfence: Callable = str
    tokens: Callable = str.split
    space: str = " "
    written: bool = False


KINDS = {
    "text": Kind(),
    "formula": Kind(drawn=formula_picture),  # no fault: not all that LaTeX sets can be drawn here
    "molecule": Kind(
        drawn=molecule_picture,
        same=smiles.same,
        fault=lambda text: message("show.no_molecule") if smiles.canonical_smiles(smiles.unfence(text)) is None else "",
        unfence=smiles.unfence,
        tokens=SMILES_TOKEN.findall,
        space="",
        written=True,
    ),
}


def kind_of(truth: str, modality: str = "image") -> Kind:
    """The row of ``KINDS`` for a sample: in an ``rdkit`` fence, a molecule; else a formula. Beside players, text: a
    notebook with both players and drawings in it would be too large.
    """
    if modality != "image":
        return KINDS["text"]
    return KINDS["molecule" if smiles.FENCE.search(truth) else "formula"]
