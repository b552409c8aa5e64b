"""Single signs as boxes: by another name, put together from several glyphs, or as mathtext has them."""

from helpers.notation import boxes, latex_signs
from helpers.notation.boxes import SIZES, THIN, Box

COMPOSED = {  # what Computer Modern has in pieces: pieces, and eighteenths of an em between them
    "\\cdots": (("\\cdot",) * 3, 3), "\\ldots": ((".",) * 3, 3), "\\longrightarrow": (("-", "\\rightarrow"), -3),
    "\\longleftarrow": (("\\leftarrow", "-"), -3), "\\Longrightarrow": (("=", "\\Rightarrow"), -3),
    "\\Longleftarrow": (("\\Leftarrow", "="), -3), "\\longleftrightarrow": (("\\leftarrow", "\\rightarrow"), -5),
    "\\Longleftrightarrow": (("\\Leftarrow", "\\Rightarrow"), -5),
    "\\longmapsto": (("\\mapstochar", "-", "\\rightarrow"), -3), "\\mapsto": (("\\mapstochar", "\\rightarrow"), 0),
    "\\hookrightarrow": (("\\lhook", "\\rightarrow"), -3), "\\hookleftarrow": (("\\leftarrow", "\\rhook"), -3),
    "\\models": (("|", "="), -3), "\\iint": (("\\int",) * 2, -5), "\\iiint": (("\\int",) * 3, -5),
    "\\doteq": (("=",), 0), "\\neq": (("=",), 0),
}  # fmt: skip
ALIASES = {
    "\\dots": "\\ldots", "\\dotsc": "\\ldots", "\\hdots": "\\ldots", "\\dotsb": "\\cdots", "\\dotsm": "\\cdots",
    "\\dotsi": "\\cdots", "\\ne": "\\neq", "\\to": "\\rightarrow", "\\gets": "\\leftarrow", "\\le": "\\leq",
    "\\ge": "\\geq", "\\land": "\\wedge", "\\lor": "\\vee", "\\iff": "\\Longleftrightarrow", "\\lt": "<", "\\gt": ">",
    "\\implies": "\\Longrightarrow", "\\impliedby": "\\Longleftarrow", "\\vert": "|", "\\mid": "|", "\\Vert": "\\|",
    "\\lvert": "|", "\\rvert": "|", "\\lVert": "\\|", "\\rVert": "\\|", "\\parallel": "\\|", "\\lbrace": "\\{",
    "\\rbrace": "\\}", "\\lbrack": "[", "\\rbrack": "]", "\\lnot": "\\neg", "\\textprime": "\\prime",
    "\\square": "\u25a1", "\\Box": "\u25a1", "\\Diamond": "\u25c7", "\\thicksim": "\\sim",
    "\\thickapprox": "\\approx", "\\restriction": "\\upharpoonright", "\\&": "&", "\\varnothing": "\\emptyset",
    "\\backepsilon": "\\ni", "\\owns": "\\ni", "\\centerdot": "\\cdot", "`": "\\prime",
}  # fmt: skip


def sign(token, font, family, style):
    """(what a sign is to its neighbours, its box).

    Raises:
        ValueError: it cannot be drawn.
    """
    size = SIZES[style >> 1]
    kind = latex_signs.CLASSES.get(token, "ord")
    token = ALIASES.get(token, token)
    if kind == "op" and token not in COMPOSED:
        return kind, boxes.large(token, family, size, style < 2)
    if token in COMPOSED and (family == "cm" or token in ("\\longrightarrow", "\\iint", "\\iiint")):
        return kind, _composed(token, kind, style, family)
    if token == "\\hbar" and family == "cm":
        letter = boxes.sign("h", "", family, size)[0]
        bar = boxes.rule(0.38 * size, THIN * size, 0.545 * size)
        return kind, boxes.overlaid(letter.wide, (0.0, 0.0, letter), (0.02 * size, 0.0, bar))
    if token in ("\\ddots", "\\vdots"):
        dot = boxes.sign(".", "", family, size)[0]
        across = 0.0 if token == "\\vdots" else 0.35 * size
        placed = [(across * i, (0.74 - 0.32 * i) * size, dot) for i in range(3)]
        return kind, boxes.overlaid(dot.wide + 2 * across, *placed)
    box, spaced = boxes.sign(token, font, family, size)
    if font == "bold" and not token.isalnum():  # no bold font has it: printed twice
        box = boxes.overlaid(box.wide, (0.0, 0.0, box), (0.03 * size, 0.0, box))
    return ("rel" if spaced else kind), box


def _composed(token, kind, style, family):
    size = SIZES[style >> 1]
    pieces, gap = COMPOSED[token]
    if kind == "op":
        first = boxes.large(pieces[0], family, size, style < 2)
        step = first.wide * (0.62 if style < 2 else 0.7)
        placed = [(i * step, 0.0, first) for i in range(len(pieces))]
        whole = boxes.overlaid(step * (len(pieces) - 1) + first.wide, *placed)
        return Box(whole.wide, whole.up, whole.down, whole.parts, first.italic)
    found = [boxes.sign(piece, "", family, size)[0] for piece in pieces]
    if token == "\\neq":
        stroke = boxes.sign("\\slash", "", family, size)[0]
        return boxes.overlaid(found[0].wide, (0.0, 0.0, found[0]), (found[0].wide / 2 - 0.39 * size, 0.0, stroke))
    if token == "\\doteq":
        dot = boxes.sign(".", "", family, size)[0]
        return boxes.overlaid(found[0].wide, (0.0, 0.0, found[0]), ((found[0].wide - dot.wide) / 2, 0.5 * size, dot))
    x, placed = 0.0, []
    for box in found:
        placed.append((x, 0.0, box))
        x += box.wide + gap / 18 * size
    return boxes.overlaid(x - gap / 18 * size, *placed)
