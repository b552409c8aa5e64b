"""LaTeX drawn by matplotlib's mathtext, as ink on pixels: the one place that knows what it can draw."""

import re
from functools import cache

import numpy as np


def draw(latex, font, size):
    """The ink of a formula as ``ink`` gives it, or None where mathtext cannot draw it.

    It cannot draw environments such as ``\\begin{matrix}``, sized brackets such as ``\\big(``, unbalanced braces, signs
    that its fonts lack; other scripts than Latin are not tried.
    """
    if not latex or not latex.isascii() or "$" in latex.replace("\\$", ""):
        return None
    try:
        return ink(latex, font, size)
    except (ValueError, RecursionError):  # mathtext reports what it cannot parse as a ValueError
        return None


def ink(latex, font, size):
    """How much ink falls on each pixel.

    Args:
        latex: the formula, without dollar signs.
        font: a mathtext font set: cm, stix, stixsans, dejavusans or dejavuserif.
        size: height of the font in pixels.

    Returns:
        uint8 array (height, width), 0 for paper and 255 for ink, cropped to the formula.

    Raises:
        ValueError: mathtext cannot draw this formula; the message shows where.
    """
    from matplotlib.font_manager import FontProperties

    properties = FontProperties(size=size, math_fontfamily=font)
    tight = re.sub(r" *([_^{}]) *", r"\1", latex)  # as mathtext wants it: x_{i}, not x _ { i }
    drawn = np.asarray(_parser().parse(f"${tight}$", dpi=72, prop=properties).image)
    rows, columns = drawn.any(1).nonzero()[0], drawn.any(0).nonzero()[0]
    if not len(rows):
        raise ValueError(f"nothing to draw in {latex!r}")
    return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@cache
def _parser():
    import logging

    from matplotlib.mathtext import MathTextParser

    logging.getLogger("matplotlib.mathtext").setLevel(logging.ERROR)  # it warns when a box misses its height by 1 px
    return MathTextParser("agg")
