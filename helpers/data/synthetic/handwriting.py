"""Formulas as a hand writes them: the centre lines of print, followed by an unsteady pen.

There is one writer, with forms of letters and digits that come from matplotlib's fonts and from two hands, of the
packages ``font-intuitive`` and ``font-amatic-sc``; care, slant, spacing and pen differ from formula to formula. Print
that is traced keeps its own forms. Measures are in em, y points upwards.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers.data.synthetic.strokes import EM, centre_lines
from helpers.notation import glyphs
from helpers.notation.boxes import Ink, flat
from helpers.notation.latex_tree import tree
from helpers.notation.layout import layout

PRINT = "cm"  # the font whose layout is written over
HANDS = ("Intuitive", "AmaticSC")
FORMS = (  # signs, their alphabet in LaTeX, and where the writer takes their forms from; the others are those of print
    ("abcdefghjkmnopqrstuwyz", "", "Intuitive"),
    ("abcdefghijkmnopqrstuvwxyz", "rm", "dejavusans"),
    ("ABCDEFGHKLMNOPQRSTUVWXYZ", "", "AmaticSC"),
    ("0123456789", "", "Intuitive"),
    (
        r"\alpha \beta \gamma \delta \theta \lambda \mu \pi \rho \sigma \tau \phi \psi \omega".split(),
        "",
        "dejavusans",
    ),
)  # no other forms of I, J, i, l, v and x: they would look like |, ), r, 1, \nu and \times
BOLD = 1.8  # how much thicker a bold letter is written
SPAN = 0.5  # pixels from one touch of the pen to the next


def written(latex, size, rng):
    """A formula written by hand: how much ink falls on each pixel.

    Args:
        latex: the formula, without dollar signs.
        size: height of the font in pixels.
        rng: source of chance; care, slant and pen come from it, too.

    Returns:
        uint8 array (height, width), 0 for paper and 255 for ink, cropped to the formula.

    Raises:
        ValueError: this formula cannot be drawn; the message says why.
    """
    return _followed(latex, size, rng, _own_forms(), care=rng.uniform(0.15, 0.4), slant=rng.uniform(0.05, 0.25))


def traced(latex, size, rng):
    """Print that a pen has followed, as ``written``: with the letters of print, by steady hands and careless ones."""
    return _followed(latex, size, rng, {}, care=rng.uniform(0, 0.6), slant=rng.uniform(-0.05, 0.2))


def _followed(latex, size, rng, forms, care, slant):
    """The ink of a pen; who writes is careless where ``care`` is 1, and upright where ``slant`` is 0.

    ``forms``: as from ``_own_forms``, for the glyphs that do not keep the form of print.
    """
    lines, counts, owners, radii, thicker = [], [], [], [], []
    for number, (x, y, part) in enumerate(flat(layout(tree(latex), PRINT))):
        bold = BOLD if type(part) is Ink and part.glyph.font.startswith("cmb") else 1.0
        for points, radius in _lines(part, forms):
            lines.append(points + (x, y))
            counts.append(len(points))
            owners.append(number)
            radii.append(radius * size)
            thicker.append(bold)
    if not lines:
        raise ValueError(f"nothing to draw in {latex!r}")
    points = _unsteady(np.concatenate(lines), np.repeat(owners, counts), rng, care, slant)
    at, line, radius = _touches(points * (size, -size), np.array(counts), rng)
    return _inked(at, np.maximum(radius * np.array(thicker)[line], 0.9 * np.array(radii)[line]))


def _lines(part, forms):
    """The centre lines of a glyph or a rule, from its place, each with 0 or the radius of a dot."""
    if type(part) is not Ink:
        if part.wide <= 0 or part.high <= 0:
            return []
        along = np.linspace(0, 1, max(2, int(max(part.wide, part.high) / 0.1)))[:, None]
        ends = np.array([[0, 0.5], [1, 0.5]] if part.wide > part.high else [[0.5, 0], [0.5, 1]])
        return [((ends[0] + along * (ends[1] - ends[0])) * (part.wide, part.high), 0.0)]
    place = part.glyph.font, part.glyph.number
    found = _other(*forms[place]) if place in forms else _glyph(*place)
    return [(points * (part.size * part.stretch, part.size), radius * part.size) for points, radius in found]


@cache
def _own_forms():
    """{(font, number of a glyph): (sign, alphabet, form)} of all signs in ``FORMS``."""
    rows = [(sign, alphabet, form) for signs, alphabet, form in FORMS for sign in signs]
    return {_printed(sign, alphabet, PRINT): (sign, alphabet, form) for sign, alphabet, form in rows}


def _printed(sign, alphabet, family):
    """(font, number) of the glyph that a font set has for a sign."""
    one = glyphs.sign(sign, alphabet, family)[0][0][2]
    return one.font, one.number


@cache
def _glyph(font, number):
    return centre_lines(*glyphs.pixels(font, number, EM))


@cache
def _other(sign, alphabet, form):
    """The lines of a sign in another form, as high as the print and in its place."""
    lines = _hand(sign, form) if form in HANDS else _glyph(*_printed(sign, alphabet, form))
    print_lines = _glyph(*_printed(sign, alphabet, PRINT))
    points, print_points = (np.concatenate([points for points, _ in found]) for found in (lines, print_lines))
    (wide, high), (print_wide, print_high) = np.ptp(points, axis=0), np.ptp(print_points, axis=0)
    taller = print_high / high
    wider = np.clip(wide * taller, 0.9 * print_wide, 1.15 * print_wide) / wide if wide > high / 8 else taller
    middle, place = ((side.min(0) + side.max(0)) / 2 for side in (points, print_points))
    return [((points - middle) * (wider, taller) + place, radius * taller) for points, radius in lines]


def _hand(character, name):
    """The lines of a letter or digit of a hand."""
    import font_amatic_sc
    import font_intuitive

    font = ImageFont.truetype((font_amatic_sc.font_files | font_intuitive.font_files)[name], EM)
    page = Image.new("L", (3 * EM, 3 * EM))
    ImageDraw.Draw(page).text((EM, 2 * EM), character, 255, font, anchor="ls")
    left, top, right, bottom = page.getbbox()
    return centre_lines(np.asarray(page.crop((left, top, right, bottom))), left - EM, 2 * EM - top)


def _unsteady(points, owners, rng, care, slant):
    """Points where a writer sets them; ``owners``: the number of the glyph or rule of each point."""
    count = owners[-1] + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, owners, points)
    np.maximum.at(high, owners, points)
    low, high = np.where(low > high, 0, low), np.where(low > high, 0, high)
    middle, extent = (low + high) / 2, (high - low).max(1).clip(0.4)
    tilde = 0.3 + 0.7 * (high - low).min(1).clip(0, 0.5) / 0.5  # how far flat signs bend: a bent minus looks like one
    steady = (0.7 / extent).clip(None, 1)[:, None]

    def chance(*shape):
        return care * rng.standard_normal((count, *shape)).clip(-2, 2)

    # each sign: larger or smaller, turned, bent, not quite in its place
    own = (points - middle[owners]) * (1 + 0.1 * chance(2) * steady)[owners]
    own += (0.09 * chance(1) * steady)[owners] * own[:, ::-1] * (-1, 1)
    for _ in range(2):
        wave, phase = rng.standard_normal((count, 2)) * 4.5 / extent[:, None], rng.uniform(0, 2 * np.pi, count)
        bend = 0.045 * chance(2) * (tilde * extent.clip(None, 1.2))[:, None]
        own += bend[owners] * np.sin((own * wave[owners]).sum(1) + phase[owners])[:, None]
    place = middle + 0.05 * chance(2) * steady

    # the line: wider or narrower, higher and lower, larger and smaller, sloping, slanted
    x, y = (own + place[owners] * (rng.uniform(0.97, 1.12), 1)).T
    swell, drift = (np.sin(x * 2 * np.pi / rng.uniform(3, 8) + rng.uniform(0, 2 * np.pi)) for _ in range(2))
    y = y * (1 + care * 0.08 * swell) + care * 0.08 * drift + rng.normal(0, 0.012) * x
    return np.stack([x + y * slant, y], 1)


def _touches(points, counts, rng):
    """(places, numbers of lines, radii) of the touches of a pen that follows lines of ``counts`` points, in pixels."""
    pen, nib, angle = rng.uniform(0.4, 0.8), rng.uniform(0, 0.3), rng.uniform(0, np.pi)
    pressure, phase = rng.uniform(0, 0.2), rng.uniform(0, 2 * np.pi)
    line = np.repeat(np.arange(len(counts)), counts)
    last = np.cumsum(counts) - 1
    step = np.diff(points, axis=0, append=points[-1:])
    step[last] = 0
    times = np.ceil(np.hypot(*step.T) / SPAN).astype(int).clip(1)
    point = np.repeat(np.arange(len(points)), times)
    along = (np.arange(len(point)) - np.repeat(np.cumsum(times) - times, times)) / times[point]
    at = points[point] + step[point] * along[:, None]
    across = np.abs(np.sin(np.arctan2(step[:, 1], step[:, 0]) - angle))[point]
    return at, line[point], pen * (1 - nib + 2 * nib * across) * (1 + pressure * np.sin(at.sum(1) / 9 + phase))


def _inked(at, radius):
    """Round touches of a pen as ink on pixels, cropped."""
    reach = int(np.ceil(radius.max() + 0.5))
    at = at - np.floor(at.min(0)) + reach
    width, height = np.ceil(at.max(0)).astype(int) + reach + 1
    columns, rows = (np.round(side[:, None]).astype(int) + np.arange(-reach, reach + 1) for side in at.T)
    away = np.hypot((columns - at[:, :1])[:, None, :], (rows - at[:, 1:])[:, :, None])
    ink = (radius[:, None, None] + 0.5 - away).clip(0, 1)
    page = np.zeros(height * width)
    np.maximum.at(page, (rows[:, :, None] * width + columns[:, None, :]).ravel(), ink.ravel())
    page = (page.reshape(height, width) * 255).round().astype(np.uint8)
    rows, columns = page.any(1).nonzero()[0], page.any(0).nonzero()[0]
    return page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
