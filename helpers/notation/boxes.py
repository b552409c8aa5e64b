"""Boxes of glyphs and rules, put together as TeX puts formulas together. All measures are in em of the formula's font.

A box has a baseline at height 0, reaches ``up`` above and ``down`` below it and is ``wide``; its parts are
``(x, y, part)``, each a box, an ``Ink`` or a ``Rule``.
"""

from dataclasses import dataclass
from functools import lru_cache

from helpers.notation import glyphs

SIZES = (1.0, 1.0, 0.7, 0.5)  # of a display, a text, a script, a script of a script
STRETCHED = {0.7: 1.14, 0.5: 1.34}  # small signs are drawn wider, as in the fonts made for their size
AXIS, THIN = 0.25, 0.042  # how high fraction bars lie, how thick they are
SEAM = 0.03  # em by which the pieces of a tall bracket overlap
OVER = 0.02  # em that slanted letters stay away from what follows, if they reach over their width


@dataclass(slots=True)
class Box:
    """``italic``: how far its top leans over its width; ``skew``: how far an accent moves right of the middle."""

    wide: float
    up: float
    down: float
    parts: list
    italic: float = 0.0
    skew: float = 0.0


@dataclass(frozen=True, slots=True)
class Ink:
    """A glyph at ``size`` em, stretched sideways."""

    glyph: glyphs.Glyph
    size: float
    stretch: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A black rectangle; ``y`` of its part is its lower edge."""

    wide: float
    high: float


def empty(wide=0.0):
    return Box(wide, 0.0, 0.0, [])


@lru_cache(maxsize=1 << 14)
def sign(token, alphabet, family, size):
    """(box of one sign, whether it is spaced as a relation)."""
    placed, spaced = glyphs.sign(token, alphabet, family)
    stretch = STRETCHED.get(size, 1.0)
    wider = size * stretch
    parts = [(x * wider, y * size, Ink(one, size, stretch)) for x, y, one in placed]
    last_x, _, last = placed[-1]
    up, down = max(one.up + y for _, y, one in placed) * size, max(one.down - y for _, y, one in placed) * size
    slanted = last.font == "cmmi10" or "Ital" in last.font or "Obli" in last.font or alphabet in ("cal", "scr", "it")
    lean = last.right - last.wide + OVER if slanted or last.font == "cmex10" else 0.0
    skew = 0.13 * (up - 0.2 * size) if slanted and token.isalpha() else 0.0
    if len(placed) == 1 and last.wide < 0.01:  # a combining sign takes the place that it covers
        return Box((last.right - last.left) * wider, up, down, [(-last.left * wider, 0.0, parts[0][2])]), spaced
    return Box((last_x + last.wide) * wider, up, down, parts, max(0.0, lean) * wider, skew), spaced


@lru_cache(maxsize=1 << 14)
def large(token, family, size, display):
    """A big operator, centred on the axis."""
    box = sign(token, "", family, size)[0]
    high = box.up + box.down
    small = family == "cm" and not display and len(box.parts) == 1 and box.parts[0][2].glyph.font == "cmex10"
    if small and (name := SMALL.get(token)):
        one = glyphs.named("cmex10", name)
        lean = max(0.0, one.right - one.wide) if "int" in token else 0.0
        box = Box(one.wide * size, one.up * size, one.down * size, [(0.0, 0.0, Ink(one, size))], lean * size)
    elif family != "cm" and display and high < 1.35 * size:
        box = sign(token, "", family, size * 1.4 * size / high)[0]
    return centred(box, size)


SMALL = {
    "\\sum": "summationtext", "\\prod": "producttext", "\\coprod": "coproducttext", "\\int": "integraltext",
    "\\oint": "contintegraltext", "\\bigcup": "uniontext", "\\bigcap": "intersectiontext",
    "\\biguplus": "unionmultitext", "\\bigvee": "logicalortext", "\\bigwedge": "logicalandtext",
    "\\bigsqcup": "unionsqtext", "\\bigoplus": "circleplustext", "\\bigotimes": "circlemultiplytext",
    "\\bigodot": "circledottext",
}  # fmt: skip


def centred(box, size):
    """``box`` moved up or down, so that it lies evenly around the axis."""
    lift = AXIS * size - (box.up - box.down) / 2
    return lifted(box, lift)


def lifted(box, lift):
    return Box(box.wide, box.up + lift, box.down - lift, [(0.0, lift, box)], box.italic, box.skew)


def beside(boxes):
    """Boxes in a row."""
    x, up, down, parts = 0.0, 0.0, 0.0, []
    for box in boxes:
        parts.append((x, 0.0, box))
        x, up, down = x + box.wide, max(up, box.up), max(down, box.down)
    return Box(x, up, down, parts)


def overlaid(wide, *placed):
    """One box of parts ``(x, y, box)``."""
    up = max((y + box.up for _, y, box in placed), default=0.0)
    down = max((box.down - y for _, y, box in placed), default=0.0)
    return Box(wide, up, down, list(placed))


def rule(wide, high, y=0.0):
    """A rule whose lower edge is ``y`` above the baseline."""
    return Box(wide, y + high, -y, [(0.0, y, Rule(wide, high))])


def inked(glyph, size):
    """The box of one glyph at ``size`` em."""
    return Box(glyph.wide * size, glyph.up * size, glyph.down * size, [(0.0, 0.0, Ink(glyph, size))])


@lru_cache(maxsize=1 << 12)
def bracket(token, family, size, high):
    """A bracket at least ``high`` (a number from 1 to 4: that size of it), centred on the axis; "" is a small space."""
    sizes = (1.0, 1.2, 1.8, 2.4, 3.0)
    wanted = (sizes[high] - 0.01) * size if isinstance(high, int) else high
    if not token:
        return empty(0.12)
    if token in ("|", "\\|"):
        return _bars(token, size, max(wanted, size))
    if token not in glyphs.BRACKETS:
        return centred(sign(token, "", family, size)[0], size)  # arrows and the like come in one size
    found = glyphs.bracket(token, family)
    for one in found:
        if (one.up + one.down) * size >= wanted - 0.002 * size:
            return centred(inked(one, size), size)
    if family == "cm" and token in glyphs.PIECES:
        return centred(tower(token, size, wanted), size)
    stretched = found[-1]
    return centred(inked(stretched, max(size, min(wanted, 9.0) / (stretched.up + stretched.down))), size)


def _bars(token, size, high):
    """One or two upright lines."""
    line = rule(THIN * size, high)
    gap = 0.14 * size
    placed = [(gap, 0.0, line)] + ([(gap + 0.21 * size, 0.0, line)] if token == "\\|" else [])
    return centred(overlaid(2 * gap + (0.25 if token == "\\|" else THIN) * size, *placed), size)


def tower(token, size, high):
    """A bracket of any height, built of pieces."""
    top, middle, bottom, more = (name and glyphs.named("cmex10", name) for name in glyphs.PIECES[token])
    ends = [piece for piece in (top, middle, bottom) if piece]
    between = 2 if middle else 1
    missing = high / size + SEAM * (len(ends) - 1) - sum(piece.up + piece.down for piece in ends)
    count = max(0, int(-(-missing // ((more.up + more.down - SEAM) * between))))
    column = [[top], [more] * count, [middle], [more] * count if middle else [], [bottom]]
    y, parts = 0.0, []
    for piece in (piece for group in column for piece in group if piece):
        parts.append((0.0, y - piece.up * size, Ink(piece, size)))
        y -= (piece.up + piece.down - SEAM) * size
    y -= SEAM * size
    return Box(max(piece.wide for piece in (*ends, more)) * size, 0.0, -y, parts)


def grid(rows, columns, size, gaps, jot, lines=()):
    """Cells in rows and columns, centred on the axis.

    Args:
        rows: lists of boxes.
        columns: l, c, r and | for the columns; the last ones are repeated where there are more cells.
        gaps: (before the first column, between two, after the last) in em.
        jot: what rows stand further apart than usual.
        lines: numbers of the rows that a rule stands above.
    """
    count = max(len(row) for row in rows)
    places = "".join(columns.split("|")) or "c"
    places = (places * count)[:count]
    ruled = [len(part) for part in _sums(columns.split("|"))[:-1]]
    wide = [max((row[i].wide for row in rows if i < len(row)), default=0.0) for i in range(count)]
    before, between, after = gaps
    starts, x = [], before
    for i in range(count):
        starts.append(x)
        step = (0.0 if i % 2 == 0 else 2.0) if between is None else between
        x += wide[i] + (step if i < count - 1 else after)
    y, parts, edges = 0.0, [], []
    for row in rows:
        up, down = max(0.84 * size, *(cell.up for cell in row)), max(0.36 * size, *(cell.down for cell in row))
        edges.append(y)
        for i, cell in enumerate(row):
            slack = wide[i] - cell.wide
            shift = {"l": 0.0, "c": slack / 2, "r": slack}[places[i]]
            parts.append((starts[i] + shift, y - up, cell))
        y -= up + down + jot
    y += jot
    edges.append(y)
    half = (between or 1.0) / 2
    for i in ruled:
        at = starts[i] - half if i < count else x - THIN
        parts.append((max(0.0, at), y, Rule(THIN, -y)))
    for number in lines:
        parts.append((0.0, edges[min(number, len(edges) - 1)] - THIN / 2, Rule(x, THIN)))
    return centred(Box(x, 0.0, -y, parts), size)


def _sums(texts):
    """a, ab, abc of a, b, c."""
    return ["".join(texts[: i + 1]) for i in range(len(texts))]


def flat(box, x=0.0, y=0.0):
    """Every ``(x, y, Ink or Rule)`` of a box."""
    out, todo = [], [(x, y, box)]
    while todo:
        x, y, part = todo.pop()
        if type(part) is Box:
            todo += [(x + dx, y + dy, inner) for dx, dy, inner in part.parts]
        else:
            out.append((x, y, part))
    return out
