"""LaTeX drawn with the fonts of matplotlib's mathtext, as ink on pixels: the one place that knows what can be drawn.

``latex_tree`` reads a formula, ``layout`` sets it as TeX does, and here its glyphs become pixels.
"""

import numpy as np

from helpers.notation import glyphs
from helpers.notation.boxes import Ink, flat
from helpers.notation.latex_tree import tree
from helpers.notation.layout import layout

FAMILIES = ("cm", "stix", "stixsans", "dejavusans", "dejavuserif")
COARSE = 32  # pixels: below this a formula is drawn twice as large and reduced, as scans of papers are
DARKER = (
    (255 * np.linspace(0, 1, 256) ** 0.33).round().astype(np.uint8)
)  # the strokes of scans are thicker than the font's


def draw(latex, font, size):
    """The ink of a formula as ``ink`` gives it, or None where it cannot be drawn.

    That is: unbalanced braces, commands and environments that are not known, signs that the fonts lack; other scripts
    than Latin are not tried.
    """
    if not latex or not latex.isascii() or "$" in latex.replace("\\$", ""):
        return None
    try:
        return ink(latex, font, size)
    except ValueError:
        return None


def ink(latex, font, size):
    """How much ink falls on each pixel.

    Args:
        latex: the formula, without dollar signs.
        font: one of ``FAMILIES``, mathtext's font sets.
        size: height of the font in pixels.

    Returns:
        uint8 array (height, width), 0 for paper and 255 for ink, cropped to the formula.

    Raises:
        ValueError: this formula cannot be drawn; the message says why.
    """
    if font not in FAMILIES:
        raise ValueError(f"font is {font!r}, choose one of {', '.join(FAMILIES)}")
    finer = 2 if size < COARSE else 1
    try:
        box = layout(tree(latex), font)
    except RecursionError as error:
        raise ValueError("braces are nested too deep") from error
    drawn = _page(flat(box), size * finer, finer)
    if finer == 2:
        drawn = _halved(DARKER[drawn])
    rows, columns = drawn.any(1).nonzero()[0], drawn.any(0).nonzero()[0]
    if not len(rows):
        raise ValueError(f"nothing to draw in {latex!r}")
    return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _page(parts, size, thinnest):
    """All glyphs and rules on one page; no rule is less than ``thinnest`` pixels thick."""
    placed = []
    for x, y, part in parts:
        if type(part) is Ink:
            pixels, left, up = glyphs.pixels(part.glyph.font, part.glyph.number, part.size * size, part.stretch)
            placed.append((round(x * size) + left, -round(y * size) - up, pixels))
        elif part.wide > 0 and part.high > 0:
            high, wide = (max(thinnest, round(side * size)) for side in (part.high, part.wide))
            placed.append(
                (round(x * size), -round((y + part.high / 2) * size + high / 2), np.full((high, wide), 255, np.uint8))
            )
    if not placed:
        return np.zeros((2, 2), np.uint8)
    left, top = min(x for x, _, _ in placed), min(y for _, y, _ in placed)
    right = max(x + pixels.shape[1] for x, _, pixels in placed)
    bottom = max(y + pixels.shape[0] for _, y, pixels in placed)
    page = np.zeros((bottom - top, right - left), np.uint8)
    for x, y, pixels in placed:
        at = page[y - top : y - top + pixels.shape[0], x - left : x - left + pixels.shape[1]]
        np.maximum(at, pixels, out=at)
    return page


def _halved(page):
    """A page at half its size."""
    from PIL import Image

    high, wide = (side + side % 2 for side in page.shape)
    even = np.zeros((high, wide), np.uint8)
    even[: page.shape[0], : page.shape[1]] = page
    return np.asarray(Image.fromarray(even).resize((wide // 2, high // 2), Image.LANCZOS))
