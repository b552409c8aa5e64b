"""Signs of formulas as glyphs of the fonts that come with matplotlib: their measures and their pixels.

Which sign is which glyph of which font, mathtext says; Computer Modern's large brackets, and a few signs that mathtext
takes from another font or does not know, are found by the names that its fonts give them. Measures are in em.
"""

import io
import math
import threading
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

MEASURED = 1000  # pixels: the size at which glyphs are measured
CM = {  # sign: font and name of its glyph
    "\\cdotp": ("cmsy10", "periodcentered"), "\\int": ("cmex10", "integraldisplay"), "|": ("cmsy10", "bar"),
    "\\oint": ("cmex10", "contintegraldisplay"), "\\|": ("cmsy10", "bardbl"), "\\{": ("cmsy10", "braceleft"),
    "\\}": ("cmsy10", "braceright"), "\\langle": ("cmsy10", "angbracketleft"), "[": ("cmr10", "bracketleft"),
    "]": ("cmr10", "bracketright"), "\\rangle": ("cmsy10", "angbracketright"), "\\backslash": ("cmsy10", "backslash"),
    "\\lfloor": ("cmsy10", "floorleft"), "\\rfloor": ("cmsy10", "floorright"), "(": ("cmr10", "parenleft"),
    "\\lceil": ("cmsy10", "ceilingleft"), "\\rceil": ("cmsy10", "ceilingright"), ")": ("cmr10", "parenright"),
    "\\slash": ("cmsy10", "negationslash"), "\\bigcirc": ("cmsy10", "circlecopyrt"), "/": ("cmmi10", "slash"),
    "\\varrho": ("cmmi10", "rho1"), "\\ell": ("cmmi10", "lscript"), "\\wp": ("cmmi10", "weierstrass"),
    "\\imath": ("cmmi10", "dotlessi"), "\\jmath": ("cmmi10", "dotlessj"), "*": ("cmsy10", "asteriskmath"),
    "\\ast": ("cmsy10", "asteriskmath"), "\\cdot": ("cmsy10", "periodcentered"), "\\star": ("cmmi10", "star"),
    "\\lhook": ("cmmi10", "arrowhookleft"), "\\rhook": ("cmmi10", "arrowhookright"), "\\bullet": ("cmsy10", "bullet"),
    "\\circ": ("cmsy10", "openbullet"), "\\perp": ("cmsy10", "perpendicular"), "\\bot": ("cmsy10", "perpendicular"),
    "\\top": ("cmsy10", "latticetop"), "\\mapstochar": ("cmsy10", "mapsto"), "\\prime": ("cmsy10", "prime"),
    "\\dagger": ("cmsy10", "dagger"), "\\ddagger": ("cmsy10", "daggerdbl"), "\\triangle": ("cmsy10", "triangle"),
    "\\nabla": ("cmsy10", "nabla"), "\\Re": ("cmsy10", "Rfractur"), "\\Im": ("cmsy10", "Ifractur"),
    "\\aleph": ("cmsy10", "aleph"), "\\setminus": ("cmsy10", "backslash"), "\\emptyset": ("cmsy10", "emptyset"),
    "\\neg": ("cmsy10", "logicalnot"), "\\S": ("cmsy10", "section"), "\\amalg": ("cmsy10", "coproduct"),
    "\\propto": ("cmsy10", "proportional"), "\\wr": ("cmsy10", "wreathproduct"),
    "\\asymp": ("cmsy10", "equivasymptotic"), "\\flat": ("cmmi10", "flat"), "\\sharp": ("cmmi10", "sharp"),
    "\\natural": ("cmmi10", "natural"), "\\varepsilon": ("cmmi10", "epsilon"), "\\epsilon": ("cmmi10", "epsilon1"),
    ":": ("cmr10", "colon"), "\\colon": ("cmr10", "colon"), "<": ("cmmi10", "less"), ">": ("cmmi10", "greater"),
    "\\rightharpoonup": ("cmmi10", "arrowrighttophalf"), "\\rightharpoondown": ("cmmi10", "arrowrightbothalf"),
    "\\leftharpoonup": ("cmmi10", "arrowlefttophalf"), "\\leftharpoondown": ("cmmi10", "arrowleftbothalf"),
    "\\surd": ("cmsy10", "radical"), "\\partial": ("cmmi10", "partialdiff"), "\\smile": ("cmmi10", "slurbelow"),
    "\\frown": ("cmmi10", "slurabove"), "\\backprime": ("cmsy10", "prime"), "\\vdash": ("cmsy10", "turnstileleft"),
    "\\dashv": ("cmsy10", "turnstileright"), "\\ni": ("cmsy10", "owner"), "\\owns": ("cmsy10", "owner"),
}  # fmt: skip
BRACKETS = {  # how cmex10 calls its large ones, and the character of STIX's
    "(": ("parenleft", "("), ")": ("parenright", ")"), "[": ("bracketleft", "["), "]": ("bracketright", "]"),
    "\\{": ("braceleft", "{"), "\\}": ("braceright", "}"), "\\langle": ("angbracketleft", "\u27e8"),
    "\\rangle": ("angbracketright", "\u27e9"), "\\lfloor": ("floorleft", "\u230a"),
    "\\rfloor": ("floorright", "\u230b"), "\\lceil": ("ceilingleft", "\u2308"), "\\rceil": ("ceilingright", "\u2309"),
    "/": ("slash", "/"), "\\backslash": ("backslash", "\\"), "\\sqrt": ("radical", "\u221a"),
}  # fmt: skip
PIECES = {  # top, middle, bottom and what is repeated between them, in cmex10
    "(": ("parenlefttp", "", "parenleftbt", "parenleftex"), ")": ("parenrighttp", "", "parenrightbt", "parenrightex"),
    "[": ("bracketlefttp", "", "bracketleftbt", "bracketleftex"),
    "\\lfloor": ("", "", "bracketleftbt", "bracketleftex"),
    "]": ("bracketrighttp", "", "bracketrightbt", "bracketrightex"),
    "\\lceil": ("bracketlefttp", "", "", "bracketleftex"),
    "\\{": ("bracelefttp", "braceleftmid", "braceleftbt", "braceex"),
    "\\rfloor": ("", "", "bracketrightbt", "bracketrightex"),
    "\\}": ("bracerighttp", "bracerightmid", "bracerightbt", "braceex"),
    "\\rceil": ("bracketrighttp", "", "", "bracketrightex"),
    "\\sqrt": ("radicaltp", "", "radicalbt", "radicalvertex"),
}  # fmt: skip
ALPHABETS = {"rm": "mathrm", "bf": "mathbf", "it": "mathit", "sf": "mathsf", "tt": "mathtt", "cal": "mathcal",
             "bb": "mathbb", "frak": "mathfrak", "scr": "mathscr", "bold": "mathbf"}  # fmt: skip
GREEK = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph at 1 em: how far it reaches left, right, up and down from its origin, and how far the next one is."""

    font: str  # name of the file
    number: int
    wide: float
    left: float
    right: float
    up: float
    down: float


def _font(name):
    return _opened(name, threading.get_ident())  # no two threads may use one


@cache
def _opened(name, thread):
    """A font held in memory: processes that are forked would read one open file at each other's places."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    return FT2Font(io.BytesIO(Path(get_data_path(), "fonts", "ttf", f"{name}.ttf").read_bytes()))


@cache
def glyph(font, number):
    """Glyph ``number`` of the font in the file ``font``."""
    from matplotlib.ft2font import LoadFlags

    face = _font(font)
    face.set_size(MEASURED, 72)
    found = face.load_glyph(number, LoadFlags.NO_HINTING)
    left, down, right, up = (side / 64 / MEASURED for side in found.bbox)
    return Glyph(font, number, found.linearHoriAdvance / 65536 / MEASURED, left, right, up, -down)


def _placed_glyph(font, code):
    """The glyph that a font which mathtext has opened has for the character ``code``."""
    return glyph(font.fname.replace("\\", "/").rpartition("/")[2].removesuffix(".ttf"), font.get_char_index(code))


@cache
def named(font, name):
    """The glyph that a font calls ``name``."""
    return glyph(font, _font(font).get_name_index(name))


@cache
def _parser():
    import logging

    from matplotlib.mathtext import MathTextParser

    logging.getLogger("matplotlib.mathtext").setLevel(logging.ERROR)  # it warns of signs that its fonts lack
    return MathTextParser("path")


@lru_cache(maxsize=4096)
def sign(token, alphabet, family):
    """``(((x, y, glyph), ..), spaced)``: what mathtext draws for one sign, and whether it spaces it as a relation.

    Raises:
        ValueError: mathtext knows no such sign.
    """
    from matplotlib.font_manager import FontProperties

    plain = token.isalnum() or token[1:] in GREEK
    if alphabet == "mit" and token[1:] in GREEK and family == "cm":
        return ((0.0, 0.0, named("cmmi10", token[1:])),), False
    if family == "cm" and token in CM and not (alphabet and plain):
        return ((0.0, 0.0, named(*CM[token])),), False
    text = f"\\{ALPHABETS[alphabet]}{{{token}}}" if alphabet in ALPHABETS and plain else token
    text = f"\\mathrm{{{text}}}" if alphabet == "bb" else text  # upright
    try:
        parsed = _parser().parse(f"${text}$", dpi=72, prop=FontProperties(size=MEASURED, math_fontfamily=family))
    except ValueError as error:
        raise ValueError(f"{token} cannot be drawn: {error}") from error
    if not parsed.glyphs or parsed.rects:
        raise ValueError(f"{token} cannot be drawn as a sign")
    placed = []
    for font, _, code, *_, x, y in parsed.glyphs:
        placed.append((float(x) / MEASURED, float(y) / MEASURED, _placed_glyph(font, code)))
    start = placed[0][0]
    if len(placed) == 1:  # mathtext centres large ones on its axis; here that is left to the layout
        return ((0.0, 0.0, placed[0][2]),), start > 0.15
    return tuple((x - start, y, one) for x, y, one in placed), False


@cache
def accent(token, family):
    """The glyph that mathtext puts on a letter for ``\\hat`` and the like."""
    from matplotlib.font_manager import FontProperties

    if token == "\\mathring" and family == "cm":
        return named("cmr10", "ring")
    parsed = _parser().parse(f"${token}{{x}}$", dpi=72, prop=FontProperties(size=MEASURED, math_fontfamily=family))
    font, _, code, *_ = parsed.glyphs[0]
    return _placed_glyph(font, code)


@cache
def bracket(token, family):
    """A bracket in its sizes, smallest first; ``\\sqrt`` is one, too.

    Raises:
        ValueError: it comes in one size only.
    """
    if token not in BRACKETS:
        raise ValueError(f"{token} is no bracket")
    name, character = BRACKETS[token]
    if family == "cm":
        first = named("cmsy10", "radical") if token == "\\sqrt" else sign(token, "", "cm")[0][0][2]
        return (first, *(named("cmex10", name + size) for size in ("big", "Big", "bigg", "Bigg")))
    sizes = ("One", "Two", "Three") if token == "\\sqrt" else ("One", "Two", "Three", "Four")
    fonts = ("STIXGeneral", *(f"STIXSiz{size}SymReg" for size in sizes))
    return tuple(glyph(font, index) for font in fonts if (index := _font(font).get_char_index(ord(character))))


@lru_cache(maxsize=1 << 16)
def pixels(font, number, size, stretch=1.0):
    """(ink, left, top) of a glyph at ``size`` pixels: uint8 array, columns and rows from its origin to its corner."""
    from matplotlib.ft2font import LoadFlags

    face = _font(font)
    face.set_size(size * stretch, 72)
    found = face.load_glyph(number, LoadFlags.NO_HINTING)
    left, down, right, up = found.bbox
    left, down, right, up = left // 64, down // 64, -(-right // 64), -(-up // 64)
    ink = np.zeros((max(up - down, 1), max(right - left, 1)), np.uint8)
    face.draw_glyph_to_bitmap(ink, -left, 0, found)
    return (ink, left, up) if stretch == 1.0 else _flattened(ink, left, up, stretch)


def _flattened(ink, left, up, stretch):
    """A glyph's pixels ``stretch`` times less high."""
    from PIL import Image

    high, wide = ink.shape
    above, below = math.ceil(up / stretch), math.ceil((high - up) / stretch)
    room = math.ceil(stretch) + 1
    padded = np.pad(ink, ((room, room), (0, 0)))
    box = (0, room + up - above * stretch, wide, room + up + below * stretch)
    return np.asarray(Image.fromarray(padded).resize((wide, max(1, above + below)), Image.BOX, box)), left, above
