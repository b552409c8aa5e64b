"""Formulas compared by what is printed: truth and prediction drawn, and laid over each other."""

from functools import lru_cache

from helpers.notation.latex import normalise_latex
from helpers.notation.mathtext import draw

FONT, SIZE = "cm", 64  # pixels: from 56 on, SLACK hides no difference between signs, even in scripts of scripts
SLACK = 1  # pixels by which an edge may be off
SOLID, FAINT = 128, 64  # of 255: what is surely ink, and what may be


def same(prediction: str, truth: str) -> bool | None:
    """Whether both formulas print the same; None where that cannot be told, because the truth cannot be drawn.

    - Equal after ``normalise_latex``: True, nothing is drawn.
    - The truth cannot be drawn: None. The prediction cannot (also an empty one): False.
    - Else both normal forms are drawn in one font (Computer Modern, 64 pixels), blank columns are taken out, since the
      width of white space says nothing, and the pictures are compared as ``overlap`` says.

    1000 pairs of long formulas that all differ take about 2 s on one core, equal ones no time.
    """
    prediction, truth = normalise_latex(prediction), normalise_latex(truth)
    if prediction == truth:
        return True
    right = drawn(truth)
    if right is None:
        return None
    found = drawn(prediction)
    return found is not None and overlap(found, right)


@lru_cache(maxsize=2048)
def drawn(formula: str):
    """The formula's ink without blank columns, uint8 (height, width); None where ``mathtext.draw`` cannot draw it."""
    picture = draw(formula, FONT, SIZE)
    return None if picture is None else picture[:, (picture >= FAINT).any(0)]


def overlap(first, second) -> bool:
    """Whether two pictures (uint8, 255 for ink) show the same: their sides differ by at most two pixels, and all solid
    ink of one lies within one pixel of ink of the other."""
    if any(abs(a - b) > 2 * SLACK for a, b in zip(first.shape, second.shape, strict=True)):
        return False
    return _covers(first, second) and _covers(second, first)


def _covers(above, below) -> bool:
    """Whether the ink of ``above``, grown by ``SLACK`` pixels, hides all solid ink of ``below``."""
    import numpy as np

    height, width = (max(a, b) + 2 * SLACK for a, b in zip(above.shape, below.shape, strict=True))
    grown = np.zeros((height, width), bool)
    faint = above >= FAINT
    for down in range(2 * SLACK + 1):
        for right in range(2 * SLACK + 1):
            grown[down : down + faint.shape[0], right : right + faint.shape[1]] |= faint
    rows, columns = (below >= SOLID).nonzero()
    return bool(grown[rows + SLACK, columns + SLACK].all())
