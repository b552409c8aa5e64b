"""Fractions, roots, scripts, accents and the like, put together from boxes by the rules of the TeXbook's appendix G."""

from helpers.notation import boxes, glyphs
from helpers.notation.boxes import AXIS, SIZES, THIN, Box

HIGH = 0.431  # em: letters without ascenders


def hung(box, above, below, style, alone):
    """``box`` with scripts at its right; ``alone``: it is a single sign, or nothing."""
    size, small = SIZES[style >> 1], SIZES[min(3, (style >> 1) + 1) if style >= 2 else 2]
    up = 0.0 if alone else box.up - 0.386 * small
    down = 0.0 if alone else box.down + 0.05 * small
    if above:
        lead = 0.289 if style & 1 else (0.413 if style < 2 else 0.363)
        up = max(up, lead * size, above.down + HIGH * size / 4)
    if below:
        down = max(down, (0.247 if above else 0.15) * size)
        if not above:
            down = max(down, below.up - 0.8 * HIGH * size)
    if above and below:
        missing = 4 * THIN * size - ((up - above.down) - (below.up - down))
        if missing > 0:
            down += missing
            lift = max(0.0, 0.8 * HIGH * size - (up - above.down))
            up, down = up + lift, down - lift
    parts, wide = [(0.0, 0.0, box)], box.wide if below else box.wide + box.italic
    if above:
        parts.append((box.wide + box.italic, up, above))
        wide = max(wide, box.wide + box.italic + above.wide + above.italic)
    if below:
        parts.append((box.wide, -down, below))
        wide = max(wide, box.wide + below.wide + below.italic)
    return boxes.overlaid(wide + 0.05, *parts)


def stacked(box, above, below, size):
    """``box`` with limits above and below."""
    wide = max(part.wide for part in (box, above, below) if part)
    parts = [((wide - box.wide) / 2, 0.0, box)]
    if above:
        up = box.up + max(0.111 * size, 0.2 * size - above.down) + above.down
        parts.append(((wide - above.wide + box.italic) / 2, up, above))
    if below:
        down = box.down + max(0.167 * size, 0.6 * size - below.up) + below.up
        parts.append(((wide - below.wide - box.italic) / 2, -down, below))
    return boxes.overlaid(wide, *parts)


def fraction(above, below, bar, style):
    """One box over another, with a bar between them or without."""
    size = SIZES[style >> 1]
    axis, thick = AXIS * size, THIN * size
    up = (0.677 if style < 2 else 0.394 if bar else 0.444) * size
    down = (0.686 if style < 2 else 0.345) * size
    wide = max(above.wide + above.italic, below.wide + below.italic)
    if bar:
        gap = thick * (3 if style < 2 else 1)
        up = max(up, axis + thick / 2 + gap + above.down)
        down = max(down, gap + below.up - axis + thick / 2)
    else:
        missing = thick * (7 if style < 2 else 3) - ((up - above.down) - (below.up - down))
        up, down = up + max(0.0, missing / 2), down + max(0.0, missing / 2)
    parts = [
        ((wide - above.wide - above.italic) / 2, up, above),
        ((wide - below.wide - below.italic) / 2, -down, below),
    ]
    if bar:
        parts.append((0.0, 0.0, boxes.rule(wide, thick, axis - thick / 2)))
    return boxes.overlaid(wide, *parts)


def root(inside, degree, family, style):
    """A root sign around a box."""
    size = SIZES[style >> 1]
    thick = THIN * size
    gap = thick + (HIGH * size if style < 2 else thick) / 4
    high = inside.up + inside.down + gap + thick
    glyph = next((one for one in glyphs.bracket("\\sqrt", family) if (one.up + one.down) * size >= high), None)
    if glyph:
        tall, hook, mark = (glyph.up + glyph.down) * size, glyph.right * size, boxes.inked(glyph, size)
    elif family == "cm":
        mark = boxes.tower("\\sqrt", size, high)
        tall, hook = mark.down, glyphs.named("cmex10", "radicaltp").right * size
    else:
        last = glyphs.bracket("\\sqrt", family)[-1]
        scale = high / (last.up + last.down)
        tall, hook, mark = high, last.right * scale, boxes.inked(last, scale)
    gap += max(0.0, tall - high) / 2
    top = inside.up + gap + thick
    hook -= thick / 2
    parts = [(0.0, top - mark.up, mark), (hook, 0.0, boxes.rule(inside.wide + inside.italic, thick, top - thick))]
    parts.append((hook, 0.0, inside))
    wide = hook + inside.wide + inside.italic
    if not degree:
        return boxes.overlaid(wide, *parts)
    lift = 0.6 * (tall - (top + inside.down) / 2) - inside.down
    shift = max(0.0, degree.wide - 0.5 * hook)
    moved = [(x + shift, y, part) for x, y, part in parts]
    return boxes.overlaid(wide + shift, (shift + 0.5 * hook - degree.wide, max(lift, 0.3 * size), degree), *moved)


def accent(token, inside, family, size):
    """A hat, a bar or the like above a box."""
    wide = token in ("\\widehat", "\\widetilde")
    if wide and family == "cm":
        names = [("hat" if token == "\\widehat" else "tilde") + step for step in ("wide", "wider", "widest")]
        found = [glyphs.named("cmex10", name) for name in names]
        fitting = [one for one in found if (one.right - one.left) * size <= inside.wide + 0.1 * size]
        one = fitting[-1] if fitting else found[0]
    else:
        one = glyphs.accent({"\\widehat": "\\hat", "\\widetilde": "\\tilde"}.get(token, token), family)
    x = (inside.wide - (one.left + one.right) * size) / 2 + inside.skew
    y = max(0.0, inside.up + (-HIGH if family == "cm" else 0.08 + one.down) * size)
    box = boxes.overlaid(inside.wide, (0.0, 0.0, inside), (x, y, boxes.inked(one, size)))
    return Box(box.wide, box.up, box.down, box.parts, inside.italic, inside.skew)


def line(token, inside, family, size):
    """A line, a brace or an arrow above or below a box."""
    thick, wide = THIN * size, inside.wide + inside.italic
    if token == "\\overline":
        return _grown(wide, inside, boxes.rule(wide, thick, inside.up + 3 * thick), thick, 0.0)
    if token == "\\underline":
        return _grown(wide, inside, boxes.rule(wide, thick, -inside.down - 4 * thick), 0.0, thick)
    if token in ("\\overbrace", "\\underbrace"):
        brace = _lying_brace(wide, size, token == "\\overbrace")
        y = inside.up + 0.12 * size + brace.down if token == "\\overbrace" else -inside.down - 0.12 * size - brace.up
        return boxes.overlaid(wide, (0.0, 0.0, inside), (0.0, y, brace))
    heads = [side for side in ("left", "right") if side in token]
    shaft = _shaft(heads, max(wide, size), family, size)
    return boxes.overlaid(wide, (0.0, 0.0, inside), ((wide - shaft.wide) / 2, inside.up - 0.05 * size, shaft))


def _grown(wide, inside, rule, above, below):
    box = boxes.overlaid(wide, (0.0, 0.0, inside), (0.0, 0.0, rule))
    return Box(wide, box.up + above, box.down + below, box.parts)


def _lying_brace(wide, size, over):
    """A brace of any width, lying above or below."""
    names = ("bracehtipdownleft", "bracehtipupright", "bracehtipupleft", "bracehtipdownright")
    if not over:
        names = ("bracehtipupleft", "bracehtipdownright", "bracehtipdownleft", "bracehtipupright")
    tips = [glyphs.named("cmex10", name) for name in names]
    thick = 0.12 * size
    arm = max(0.0, wide / 2 - sum(tip.wide for tip in tips[:2]) * size)
    x, parts = 0.0, []
    for i, tip in enumerate(tips):
        parts.append((x, 0.0, boxes.inked(tip, size)))
        x += tip.wide * size
        if i in (0, 2):
            parts.append((x, 0.0, boxes.rule(arm, thick)))
            x += arm
    return boxes.overlaid(x, *parts)


def _shaft(heads, wide, family, size):
    """An arrow of any length."""
    parts, thick = [], THIN * size
    for side in heads:
        head = boxes.sign(f"\\{side}arrow", "", family, size)[0]
        parts.append((0.0 if side == "left" else wide - head.wide, 0.0, head))
    parts.append((0.1 * size, 0.0, boxes.rule(max(0.0, wide - 0.2 * size), thick, AXIS * size - thick / 2)))
    return boxes.overlaid(wide, *parts)


def arrow(token, above, family, size):
    """An arrow as long as what stands above it."""
    shaft = _shaft(["left" if "left" in token else "right"], above.wide + 0.8 * size, family, size)
    return boxes.overlaid(shaft.wide, (0.0, 0.0, shaft), (0.4 * size, 0.55 * size + above.down, above))


def fence_height(inside, size):
    """How high brackets around boxes must be."""
    axis = AXIS * size
    half = max([max(box.up - axis, box.down + axis) for box in inside], default=0.0)
    return max(half * 901 / 500, 2 * half - 0.5 * size)


def boxed(inside):
    """A frame around a box."""
    gap, wide = 0.3, inside.wide + inside.italic + 0.6
    high = inside.up + inside.down + 2 * gap
    low = -inside.down - gap
    sides = [boxes.rule(wide, THIN, low), boxes.rule(wide, THIN, low + high)]
    ends = [(x, 0.0, boxes.rule(THIN, high, low)) for x in (0.0, wide - THIN)]
    return boxes.overlaid(wide, (gap, 0.0, inside), *[(0.0, 0.0, side) for side in sides], *ends)
