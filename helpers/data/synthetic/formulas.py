"""Formulas made up and drawn by the project itself: ``grammar`` writes them, ``papers`` draws or writes them.

The text of a formula follows LaTeX_OCR: tokens separated by single spaces, every argument in braces. The same seed
always gives the same pictures and texts. One formula in ten is reserved for testing, see ``held_out``.
"""

import re

import numpy as np

from helpers.data.synthetic import papers
from helpers.data.synthetic.grammar import FULL, SHORT, formula
from helpers.data.synthetic.held_out import belongs, check_choice
from helpers.notation.latex import normalise_latex

SHEET = "sheet"
STYLES = (*papers.STYLES, SHEET)

SIZED = re.compile(r"(\\left|\\right) ")  # LaTeX_OCR writes \left( as one token

# what prints nothing, or the same as something else, so that no reader could know it; \surd is in one font only
UNSEEN = frozenset(
    r"\hfill \displaystyle \textstyle \scriptstyle \mit \mathit \dots \boldsymbol \hphantom \vphantom \phantom "
    r"\triangle \bigtriangleup \mathop \big \Big \bigg \Bigg \surd".split()
)

UNWRITTEN = frozenset((r"\mathsf", r"\mathtt"))  # what a hand writes as \mathrm


def draw_sample(index, seed, style="printed", part="train", longest=None):
    """Sample ``index`` of a set: ``(picture, latex)``; ``part`` as in ``render.render_set``.

    Args:
        style: of ``papers.STYLES`` for short formulas, each in the one spelling that ``normalise_latex`` gives, on
            pages of up to ``papers.LARGEST``; or "sheet" for pictures like LaTeX_OCR's printed ones, spelt as freely.
        longest: tokens of the longest formula; the default is ``SHORT`` or, on sheets, ``FULL``.
    """
    check_choice("style", style, STYLES)
    longest = longest or (FULL if style == SHEET else SHORT)
    rng = np.random.default_rng((seed, index))
    while True:
        latex = formula(rng, longest)
        if style != SHEET:
            latex = SIZED.sub(r"\1", normalise_latex(latex))
        if not belongs(latex, part) or len(latex.split()) > longest:
            continue
        if style == SHEET:
            image = papers.sheet(latex, rng)
            if image is not None:
                return image, latex
        elif readable(latex, style):
            image = papers.picture(latex, style, rng)
            if image.width <= papers.LARGEST[0] and image.height <= papers.LARGEST[1]:
                return image, latex


def readable(latex, style="printed"):
    """Whether the picture says all that is written, on one line: no part that cannot be seen, no array."""
    lost = UNSEEN | UNWRITTEN if style in papers.HANDS else UNSEEN
    return lost.isdisjoint(latex.split()) and "{ }" not in latex and "\\begin" not in latex
