"""Trees of formulas set as boxes, by the rules of the TeXbook's appendix G.

``style`` counts as TeX does: 0 display, 2 text, 4 script, 6 script of a script, one more where scripts sit lower.
"""

from helpers.notation import boxes, constructs, latex_signs, signs
from helpers.notation.boxes import SIZES, Box


def layout(nodes, family, style=0):
    """The box of a formula's nodes; ``family``: one of mathtext's font sets.

    Raises:
        ValueError: a sign or a bracket that cannot be drawn.
    """
    placed, now = [], style
    for node in nodes:
        if node[0] == "style":
            now = node[1] + (style & 1)
        else:
            kind, box = _set(node, now, family)
            placed.append((kind, box, now))
    return _row(_kinds(placed))


def _kinds(placed):
    """``placed`` with signs of operators made ordinary where they stand for no operation."""
    out, last = [], None
    for kind, box, style in placed:
        if kind == "bin" and (last is None or last[0] in ("bin", "op", "rel", "open", "punct")):
            kind = "ord"
        if kind in ("rel", "close", "punct") and last and last[0] == "bin":
            last[0] = "ord"
        out.append([kind, box, style])
        if kind != "space":
            last = out[-1]
    if last and last[0] == "bin":
        last[0] = "ord"
    return out


def _row(placed):
    x, up, down, parts, before = 0.0, 0.0, 0.0, [], None
    for kind, box, style in placed:
        if before and kind != "space":
            gap = latex_signs.SPACING[before, kind]
            if gap > 0 or style < 4:
                x += abs(gap) / 18 * SIZES[style >> 1]
        parts.append((x, 0.0, box))
        x, up, down = x + box.wide + box.italic, max(up, box.up), max(down, box.down)
        before = kind if kind != "space" else before
    if len(placed) == 1:
        return placed[0][1]
    return Box(x, up, down, parts)


def _set(node, style, family):
    """(what it is to its neighbours, its box)."""
    return SETTERS[node[0]](node, style, family)


def _sign(node, style, family):
    return signs.sign(node[1], node[2], family, style)


def _name(node, style, family):
    size = SIZES[style >> 1]
    parts = [boxes.empty(size / 6) if c == " " else boxes.sign(c, "rm", family, size)[0] for c in node[1]]
    return "op", boxes.beside(parts)


def _text(node, style, family):
    size = SIZES[style >> 1]
    blank = boxes.empty(size / 3)
    return "ord", boxes.beside([blank if c in " ~" else boxes.sign(c, node[2], family, size)[0] for c in node[1]])


def _space(node, style, family):
    return "space", boxes.empty(node[1] * SIZES[style >> 1])


def _group(node, style, family):
    return "ord", layout(node[1], family, style)


def _class(node, style, family):
    return node[1], layout(node[2], family, style)


def _limits(node, style, family):
    return _set(node[1], style, family)


def _takes_limits(node, style):
    """Whether the scripts of ``node`` stand above and below it."""
    if node[0] == "limits":
        return node[2] and (node[1][0] == "sign" or style < 2)
    if node[0] == "line":
        return node[1] in ("\\overbrace", "\\underbrace")
    if node[0] == "name":
        return node[2] and style < 2
    if node[0] == "class":
        return node[1] == "op" and style < 2
    big = node[0] == "sign" and latex_signs.CLASSES.get(node[1]) == "op"
    return big and node[1] not in latex_signs.UPRIGHT and style < 2


def _smaller(style):
    return (6 if style >= 4 else 4) | (style & 1)


def _scripts(node, style, family):
    _, base, low, high = node
    kind, box = _set(base, style, family) if base else ("ord", boxes.empty())
    above = layout(high, family, _smaller(style)) if high is not None else None
    below = layout(low, family, _smaller(style) | 1) if low is not None else None
    if base and _takes_limits(base, style):
        return kind, constructs.stacked(box, above, below, SIZES[style >> 1])
    inner = base[2][0] if base and base[0] == "accent" and len(base[2]) == 1 else base
    alone = base is None or inner[0] == "sign" and kind != "op"
    return kind, constructs.hung(box, above, below, style, alone)


def _fraction(node, style, family):
    _, above, below, bar, left, right, own = node
    style = style if own is None else own + (style & 1)
    inner = style + 2 if style < 4 else 6 | style
    above, below = layout(above, family, inner), layout(below, family, inner | 1)
    box = constructs.fraction(above, below, bar, style)
    need = (2.39 if style < 2 else 1.01) * SIZES[style >> 1]
    if not left:
        return "ord", boxes.beside([boxes.empty(0.12), box, boxes.empty(0.12)])
    ends = [boxes.bracket(side, family, SIZES[style >> 1], need) for side in (left, right)]
    return "ord", boxes.beside([ends[0], box, ends[1]])


def _root(node, style, family):
    _, degree, inside = node
    degree = layout(degree, family, 6) if degree else None
    return "ord", constructs.root(layout(inside, family, style | 1), degree, family, style)


def _accent(node, style, family):
    _, token, inside = node
    return "ord", constructs.accent(token, layout(_dotless(inside), family, style | 1), family, SIZES[style >> 1])


def _dotless(nodes):
    """An i or j alone loses its dot below an accent."""
    if len(nodes) == 1 and nodes[0][0] == "sign" and nodes[0][1] in "ij" and not nodes[0][2]:
        return [("sign", {"i": "\\imath", "j": "\\jmath"}[nodes[0][1]], "")]
    return nodes


def _line(node, style, family):
    _, token, inside = node
    return "ord", constructs.line(token, layout(inside, family, style | 1), family, SIZES[style >> 1])


def _stack(node, style, family):
    _, above, base, below = node
    kind = _set(base[0], style, family)[0] if len(base) == 1 else "ord"
    box = layout(base, family, style)
    above, below = (layout(part, family, _smaller(style)) if part else None for part in (above, below))
    return ("rel" if kind == "ord" and above else kind), constructs.stacked(box, above, below, SIZES[style >> 1])


def _fence(node, style, family):
    _, left, parts, right = node
    size = SIZES[style >> 1]
    found = [layout(part, family, style) if isinstance(part, list) else part for part in parts]
    high = constructs.fence_height([part for part in found if isinstance(part, Box)], size)
    sides = [
        boxes.bracket(part, family, size, high) if isinstance(part, str) else part for part in (left, *found, right)
    ]
    return "inner", boxes.beside(sides)


def _big(node, style, family):
    return "ord", boxes.bracket(node[1], family, SIZES[style >> 1], node[2])


def _array(node, style, family):
    _, name, columns, rows, lines = node
    left, right, _, inner, spread, jot = latex_signs.ENVIRONMENTS[name]
    size = SIZES[max(inner, style & ~1) >> 1]
    inner = max(inner, style) if inner else style & ~1 if style < 4 else style
    if spread == "pairs":  # what follows & has something before it
        rows = [[[("group", []), *cell] if i % 2 else cell for i, cell in enumerate(row)] for row in rows]
    cells = [[layout(cell, family, inner) for cell in row] for row in rows]
    gaps = {"array": (0.5, 1.0, 0.5), "even": (0.0, 1.0, 0.0), "pairs": (0.0, None, 0.0)}[spread]
    if inner >= 4:
        gaps = (0.2, 0.5, 0.2)
    box = boxes.grid(cells, columns, size, gaps, jot, lines)
    if not left and not right:
        return "ord", box
    high = constructs.fence_height([box], size)
    return "inner", boxes.beside(
        [boxes.bracket(left, family, size, high), box, boxes.bracket(right, family, size, high)]
    )


def _not(node, style, family):
    size = SIZES[style >> 1]
    kind = _set(node[1][0], style, family)[0] if node[1] else "rel"
    inside = layout(node[1], family, style)
    stroke = boxes.sign("\\slash" if family == "cm" else "/", "", family, size)[0]
    return kind, boxes.overlaid(inside.wide, (0.0, 0.0, inside), ((inside.wide - stroke.wide) / 2, 0.0, stroke))


def _phantom(node, style, family):
    box = layout(node[2], family, style)
    wide, tall = node[1] != "\\vphantom", node[1] != "\\hphantom"
    return "ord", Box(box.wide if wide else 0.0, box.up if tall else 0.0, box.down if tall else 0.0, [])


def _lap(node, style, family):
    box = layout(node[2], family, style)
    if node[1] == "flat":
        return "ord", Box(box.wide, 0.0, 0.0, box.parts, box.italic, box.skew)
    return "ord", boxes.overlaid(0.0, (0.0 if node[1] == "right" else -box.wide, 0.0, box))


def _raised(node, style, family):
    return "ord", boxes.lifted(layout(node[2], family, style), node[1])


def _boxed(node, style, family):
    return "ord", constructs.boxed(layout(node[1], family, style))


def _arrow(node, style, family):
    return "rel", constructs.arrow(node[1], layout(node[2], family, _smaller(style)), family, SIZES[style >> 1])


SETTERS = {
    "sign": _sign, "name": _name, "text": _text, "space": _space, "group": _group, "class": _class, "limits": _limits,
    "scripts": _scripts, "fraction": _fraction, "root": _root, "accent": _accent, "line": _line, "stack": _stack,
    "fence": _fence, "big": _big, "array": _array, "not": _not, "phantom": _phantom, "box": _boxed, "arrow": _arrow,
    "lap": _lap, "raised": _raised,
}  # fmt: skip
