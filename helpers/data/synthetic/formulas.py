"""Formulas made up and drawn by the project itself: a grammar, matplotlib's mathtext, and a few kinds of paper.

The text of a formula follows LaTeX_OCR: tokens separated by single spaces, every argument in braces. The same seed
always gives the same pictures and texts. One formula in ten is reserved for testing, see ``held_out``.
"""

from functools import partial

import numpy as np
from PIL import Image, ImageFilter

from helpers.data.synthetic.held_out import belongs, check_choice
from helpers.notation.mathtext import ink

GRID = 28  # pixels a side that one image token of Qwen2-VL covers
LARGEST = (252, 56)  # width, height in pixels of the largest picture of a rendered set
LONGEST = 40  # tokens of the longest formula of a rendered set
STYLES = ("printed", "scan", "chalkboard")
FONTS = {"printed": ("cm", "stix"), "scan": ("dejavusans",), "chalkboard": ("stixsans",)}
LETTERS = "a b c d e f g h i j k m n p q r s t u v w x y z".split()
CAPITALS = "A B C D E F G H K L M N P R S T V X".split()
DIGITS = "0 1 2 3 4 5 6 7 8 9".split()
GREEK = (
    r"\alpha \beta \gamma \delta \epsilon \theta \lambda \mu \pi \rho \sigma \tau \phi \psi \omega \Gamma \Delta \Omega"
).split()
OPERATORS = r"+ - + - \times \cdot \pm".split()
RELATIONS = r"= = = < > \leq \geq \neq \approx \to".split()
FUNCTIONS = r"\sin \cos \tan \log \exp \ln".split()
SPECIAL = r"\infty \partial \nabla".split()


def atom(rng):
    """One letter, digit or symbol."""
    kinds = (LETTERS, DIGITS, GREEK, CAPITALS, SPECIAL)
    return str(rng.choice(kinds[rng.choice(5, p=(0.42, 0.25, 0.17, 0.13, 0.03))]))


def scripted(rng):
    """An atom with a subscript, a superscript or both."""
    low, high = f"_ {{ {atom(rng)} }}", f"^ {{ {atom(rng)} }}"
    return f"{atom(rng)} " + (low, high, f"{low} {high}")[rng.choice(3, p=(0.4, 0.45, 0.15))]


def term(rng, depth):
    """One term: an atom, a scripted atom, a fraction, a root, a function, a sum or an integral."""
    kind = rng.choice(7, p=(0.38, 0.24, 0.12, 0.08, 0.07, 0.06, 0.05)) if depth else rng.choice(2, p=(0.7, 0.3))
    inner = partial(expression, rng, depth - 1, 2)
    if kind == 0:
        return atom(rng)
    if kind == 1:
        return scripted(rng)
    if kind == 2:
        return f"\\frac {{ {inner()} }} {{ {inner()} }}"
    if kind == 3:
        return f"\\sqrt {{ {inner()} }}"
    if kind == 4:
        return f"{rng.choice(FUNCTIONS)} {scripted(rng) if rng.random() < 0.5 else atom(rng)}"
    if kind == 5:
        return f"( {expression(rng, 0, 2)} )" + (f" ^ {{ {atom(rng)} }}" if rng.random() < 0.4 else "")
    sign = rng.choice([r"\sum", r"\int", r"\prod"])
    return f"{sign} _ {{ {atom(rng)} }} ^ {{ {atom(rng)} }} {atom(rng)}"


def expression(rng, depth, longest):
    """One to ``longest`` terms joined by operators."""
    count = 1 + int(rng.integers(longest))
    text = term(rng, depth)
    for _ in range(count - 1):
        text += f" {rng.choice(OPERATORS)} {term(rng, depth)}"
    return text


def formula(rng):
    """A random formula as LaTeX tokens separated by spaces; ``rng`` is a ``numpy.random.Generator``."""
    left = expression(rng, 1, 3)
    return f"{left} {rng.choice(RELATIONS)} {expression(rng, 1, 2)}" if rng.random() < 0.5 else left


def picture(latex, style="printed", rng=None):
    """Draw one formula.

    Args:
        latex: the formula, without dollar signs.
        style: one of ``STYLES``.
        rng: source of the small variations (font, size, position, noise); the default is always the same.

    Returns:
        greyscale ``PIL.Image`` whose sides are multiples of 28 pixels.

    Raises:
        ValueError: the style is unknown, or mathtext cannot draw the formula.
    """
    check_choice("style", style, STYLES)
    rng = np.random.default_rng(0) if rng is None else rng
    drawn = ink(latex, str(rng.choice(FONTS[style])), float(rng.uniform(17, 20)))
    height, width = (-(-(side + 8) // GRID) * GRID for side in drawn.shape)
    page = np.zeros((max(height, 2 * GRID), max(width, 3 * GRID)), np.uint8)
    top, left = (int(rng.integers(4, page.shape[i] - drawn.shape[i] - 3)) for i in (0, 1))
    page[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return Image.fromarray(PAPERS[style](page, rng))


def _printed(page, rng):
    """Black on white."""
    return 255 - page


def _scan(page, rng):
    """A poor photocopy: a little askew, blurred, grey, unevenly lit and noisy."""
    turned = Image.fromarray(page).rotate(rng.uniform(-2, 2), Image.BICUBIC)
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.5))), np.float32)
    light = np.linspace(rng.uniform(170, 240), rng.uniform(170, 240), page.shape[1], dtype=np.float32)
    grey = light - soft * rng.uniform(0.55, 0.75) + rng.normal(0, 5, page.shape)
    return grey.clip(0, 255).astype(np.uint8)


def _chalkboard(page, rng):
    """White chalk on a dark board: rough strokes, dust, wiped patches."""
    turned = np.asarray(Image.fromarray(page).rotate(rng.uniform(-2, 2), Image.BICUBIC), np.float32)
    rough = turned * rng.uniform(0.55, 1.0, page.shape)
    board = np.linspace(rng.uniform(30, 80), rng.uniform(30, 80), page.shape[1], dtype=np.float32)
    light = board + rough * rng.uniform(0.55, 0.75) + rng.normal(0, 10, page.shape)
    return light.clip(0, 255).astype(np.uint8)


PAPERS = {"printed": _printed, "scan": _scan, "chalkboard": _chalkboard}


def draw_sample(index, seed, style="printed", part="train", longest=LONGEST):
    """Sample ``index`` of a set: ``(picture, latex)``; ``part`` as in ``render.render_set``.

    Formulas too large for ``LARGEST`` or of more than ``longest`` tokens are drawn anew.
    """
    rng = np.random.default_rng((seed, index))
    while True:
        latex = formula(rng)
        if not belongs(latex, part) or len(latex.split()) > longest:
            continue
        image = picture(latex, style, rng)
        if image.width <= LARGEST[0] and image.height <= LARGEST[1]:
            return image, latex
