"""The kinds of answers there are, and how one is compared and drawn: formulas by mathtext, molecules by RDKit.

A new kind is one row in ``KINDS``.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from helpers import smiles
from helpers.evaluate import normalise
from helpers.formulas import ink

LONGEST_DRAWN = 400  # characters; a longer answer is shown as text
LARGEST_DRAWN = 80  # atoms of a molecule, without hydrogen
BOND = 20  # pixels a bond is long
SIDES = 200, 150  # width and height in pixels of the largest drawing of a molecule
SMILES_TOKEN = re.compile(r"\s+|\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)


def formula_picture(latex: str):
    """``latex`` drawn by matplotlib's mathtext as a greyscale picture, or None where mathtext cannot draw it.

    It cannot draw environments such as ``\\begin{matrix}``, unbalanced braces, or scripts that its fonts lack.
    """
    from PIL import Image, ImageOps

    latex = normalise(latex)
    if not latex or len(latex) > LONGEST_DRAWN or "$" in latex or not latex.isascii():
        return None
    try:
        picture = Image.fromarray(255 - ink(latex, "cm", 17))
    except (ValueError, RecursionError):  # mathtext reports what it cannot parse as a ValueError
        return None
    return ImageOps.expand(picture, 2, 255)


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


@dataclass(frozen=True)
class Kind:
    """What an answer is.

    drawn    answer -> PIL picture, or None if it cannot be drawn
    same     (answer, truth) -> whether it is right
    fault    answer -> what makes it none of this kind, or ""
    plain    answer -> the text that is shown
    tokens   that text -> the pieces in which a wrong answer is compared with the truth
    space    what stands between two tokens
    written  whether a grid shows the text below the drawing, too
    """

    drawn: Callable
    same: Callable
    fault: Callable
    plain: Callable
    tokens: Callable
    space: str
    written: bool


KINDS = {
    "formula": Kind(
        drawn=formula_picture,
        same=lambda text, truth: normalise(text) == normalise(truth),
        fault=lambda text: "",  # mathtext draws less than LaTeX does
        plain=str,
        tokens=str.split,
        space=" ",
        written=False,
    ),
    "molecule": Kind(
        drawn=molecule_picture,
        same=smiles.same,
        fault=lambda text: "no molecule 不是分子" if smiles.canonical(smiles.unfence(text)) is None else "",
        plain=smiles.unfence,
        tokens=SMILES_TOKEN.findall,
        space="",
        written=True,
    ),
}


def kind_of(name: str) -> Kind:
    """The row of ``KINDS``; ValueError lists the names there are."""
    if name not in KINDS:
        raise ValueError(f"unknown kind {name!r}; choose one of {', '.join(KINDS)}")
    return KINDS[name]
