"""Formulas on paper: pages of a few image tokens in five styles, and pages as LaTeX_OCR's printed pictures are.

Print is drawn by ``helpers.notation.mathtext``, a hand by ``handwriting``. The same source of chance always gives the
same pixels.
"""

import math

import numpy as np
from PIL import Image, ImageFilter

from helpers.data.synthetic import handwriting
from helpers.data.synthetic.held_out import check_choice
from helpers.notation.mathtext import ink

TILT = 2  # degrees by which scans and chalkboards may be askew
GRID = 28  # pixels a side that one image token of Qwen2-VL covers
SMALLEST = (196, 56)  # width, height in pixels of the smallest page
LARGEST = (252, 56)  # of the largest picture of a rendered set
STYLES = ("printed", "traced", "scan", "chalkboard", "handwritten")
HANDS = {"traced": handwriting.traced, "handwritten": handwriting.written}
DEGRADED = ("scan", "chalkboard")  # those that can be made of any print
FONTS = {"printed": ("cm", "stix"), "scan": ("dejavusans",), "chalkboard": ("stixsans",)}
HEIGHTS = np.arange(14, 18.1, 0.25)  # pixels of the font on pages; few enough for glyphs to be drawn once

# LaTeX_OCR's print: ten points at 200 dots per inch, reduced to half, on the first of these sizes that holds it
SHEETS = (
    (120, 50), (160, 40), (200, 40), (200, 50), (240, 40), (240, 50), (280, 40), (280, 50), (320, 40), (320, 50),
    (360, 40), (360, 50), (360, 60), (360, 100), (400, 50), (500, 100),
)  # fmt: skip
PRINT = 13.84  # pixels of its font
MARGIN = 4  # white pixels around a formula
PRINTS = np.array([13.25, 13.5, PRINT, PRINT, PRINT, 14.0, 14.25, 14.5])


def picture(latex, style="printed", rng=None):
    """Draw one formula on a page of whole image tokens.

    Args:
        latex: the formula, without dollar signs.
        style: one of ``STYLES``.
        rng: source of the small variations (font, size, position, noise); the default is always the same.

    Returns:
        greyscale ``PIL.Image`` whose sides are multiples of 28 pixels, no smaller than ``SMALLEST``.

    Raises:
        ValueError: the style is unknown, or the formula cannot be drawn.
    """
    check_choice("style", style, STYLES)
    rng = np.random.default_rng(0) if rng is None else rng
    if style in HANDS:
        drawn = HANDS[style](latex, rng.uniform(HEIGHTS[0], HEIGHTS[-1]), rng)
    else:
        fonts = FONTS[style]
        drawn = ink(latex, fonts[rng.integers(len(fonts))], float(rng.choice(HEIGHTS)))
    height, width = (-(-(side + 2 * MARGIN) // GRID) * GRID for side in drawn.shape)
    page = np.zeros((max(height, SMALLEST[1]), max(width, SMALLEST[0])), np.uint8)
    top, left = (int(rng.integers(MARGIN, page.shape[i] - drawn.shape[i] - MARGIN + 1)) for i in (0, 1))
    page[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return Image.fromarray(PAPERS[style](page, rng))


def sheet(latex, rng=None):
    """Draw one formula as LaTeX_OCR's printed pictures are: black on white, at the top left of one of ``SHEETS``.

    Args:
        latex: the formula, without dollar signs.
        rng: source of small variations (size, position, blur, weight of the strokes); without it, there are none.

    Returns:
        greyscale ``PIL.Image``, or None where the formula is larger than the largest sheet.

    Raises:
        ValueError: the formula cannot be drawn.
    """
    height, place = PRINT, (MARGIN, MARGIN)
    if rng is not None:
        height = float(rng.choice(PRINTS))
        if rng.random() < 0.3:
            place = tuple(int(side) for side in rng.integers(2, 9, 2))
    font = "stix" if rng is not None and rng.random() < 0.03 and "\\surd" not in latex else "cm"
    drawn = ink(latex, font, height)
    needed = drawn.shape[1] + place[1] + MARGIN, drawn.shape[0] + place[0] + MARGIN
    size = next((size for size in SHEETS if size[0] >= needed[0] and size[1] >= needed[1]), None)
    if size is None:
        return None
    page = np.zeros((size[1], size[0]), np.uint8)
    page[place[0] : place[0] + drawn.shape[0], place[1] : place[1] + drawn.shape[1]] = drawn
    return Image.fromarray(255 - page if rng is None else 255 - _reprinted(page, rng))


def degraded(image, style, rng):
    """Print that somebody else made, as a style shows it.

    Args:
        image: ``PIL.Image`` of dark print on white, of any size, grey or in colour.
        style: one of ``DEGRADED``.
        rng: source of the degradation.

    Returns:
        greyscale ``PIL.Image``, larger by the edge that keeps all print on the page when it lies askew.
    """
    check_choice("style", style, DEGRADED)
    page = 255 - np.asarray(image.convert("L"))
    edges = [math.ceil(math.sin(math.radians(TILT)) * side / 2) for side in (page.shape[1], page.shape[0])]
    return Image.fromarray(PAPERS[style](np.pad(page, [(edge, edge) for edge in edges]), rng))


def _reprinted(page, rng):
    """Strokes a little thinner or thicker, and now and then out of focus."""
    if rng.random() < 0.25:
        page = np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6))))
    if rng.random() < 0.5:
        curve = 255 * np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.35, 0.45))
        page = curve.round().astype(np.uint8)[page]
    return page


def _printed(page, rng):
    """Black on white."""
    return 255 - page


def _scan(page, rng):
    """A poor photocopy: a little askew, blurred, grey, unevenly lit and noisy."""
    turned = Image.fromarray(page).rotate(rng.uniform(-TILT, TILT), Image.BICUBIC)
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.5))), np.float32)
    light = np.linspace(rng.uniform(170, 240), rng.uniform(170, 240), page.shape[1], dtype=np.float32)
    grey = light - soft * rng.uniform(0.55, 0.75) + 5 * rng.standard_normal(page.shape, np.float32)
    return grey.clip(0, 255).astype(np.uint8)


def _chalkboard(page, rng):
    """White chalk on a dark board: rough strokes, dust, wiped patches."""
    turned = np.asarray(Image.fromarray(page).rotate(rng.uniform(-TILT, TILT), Image.BICUBIC), np.float32)
    rough = turned * (0.55 + 0.45 * rng.random(page.shape, np.float32))
    board = np.linspace(rng.uniform(30, 80), rng.uniform(30, 80), page.shape[1], dtype=np.float32)
    light = board + rough * rng.uniform(0.55, 0.75) + 10 * rng.standard_normal(page.shape, np.float32)
    return light.clip(0, 255).astype(np.uint8)


def _by_hand(page, rng):
    """Dark ink or pencil on white paper."""
    return (rng.uniform(238, 255) - page * np.float32(rng.uniform(0.7, 0.95))).clip(0, 255).astype(np.uint8)


PAPERS = {"printed": _printed, "scan": _scan, "chalkboard": _chalkboard} | dict.fromkeys(HANDS, _by_hand)
