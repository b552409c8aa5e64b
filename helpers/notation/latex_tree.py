r"""LaTeX formulas read into trees, for ``helpers.notation.boxes`` to set.

A formula is a list of nodes, a node a tuple whose first entry is its kind:

("sign", token, font)  ("name", text, limits)  ("text", text, font)  ("space", em)  ("style", number)
("group", nodes)  ("class", kind, nodes)  ("scripts", node or None, low, high)  ("limits", node, whether)
("fraction", above, below, bar, left, right, style)  ("root", degree, nodes)  ("accent", token, nodes)
("line", token, nodes)  ("stack", above, base, below)  ("fence", left, parts, right)  ("big", delimiter, size)
("array", name, columns, rows, lines)  ("not", nodes)  ("phantom", token, nodes)  ("box", nodes)
("arrow", token, nodes)  ("lap", side, nodes)  ("raised", em, nodes)
"""

import re

from helpers.notation import latex_commands, latex_signs
from helpers.notation.latex_commands import braced_text

WORDS = "|".join(sorted((name[1:] for name in latex_signs.TEXTS), key=len, reverse=True))
TOKEN = re.compile(
    rf"\\(?:{WORDS})\s*\{{[^{{}}]*\}}|\\(?:operatorname|[hv]space)\s*\*|\\[a-zA-Z]+|\\\s|\\.|\S", re.DOTALL
)
WRITTEN = re.compile(r"(\\[a-z]+)\s*\{(.*)\}", re.DOTALL)


def tree(latex: str) -> list:
    """The nodes of a formula, without dollar signs.

    Raises:
        ValueError: braces, fences or arguments do not fit; the message shows where.
    """
    found = TOKEN.findall(latex_commands.LENGTH.sub(" ", latex))
    tokens = ["\\ " if token[1:].isspace() else re.sub(r"\s+\*", "*", token) for token in found]
    return _sequence(tokens[::-1], (), "")[0]


def _sequence(rest, ends, font):
    """(nodes, the one of ``ends`` that came then); ``rest``: the tokens to come, the next one last."""
    nodes, above, infix = [], None, None
    while rest and rest[-1] not in ends:
        token = rest.pop()
        if token in latex_signs.OLD_FONTS:
            font = latex_signs.OLD_FONTS[token]
        elif token in latex_signs.STYLES:
            nodes.append(("style", latex_signs.STYLES[token]))
        elif token in latex_signs.INFIX:
            if infix:
                raise ValueError(f"a second {token}: put the first fraction in braces")
            above, infix, nodes = nodes, token, []
        elif token in ("_", "^", "'"):
            alone = not nodes or nodes[-1][0] in ("space", "style")
            nodes.append(_scripts(token, None if alone else nodes.pop(), rest, font))
        elif token in ("\\limits", "\\nolimits") and nodes:
            nodes.append(("limits", nodes.pop(), token == "\\limits"))
        elif not _ignored(token, rest):
            nodes.append(_atom(token, rest, font))
    if ends and not rest:
        raise ValueError(f"the formula ends before {ends[0]}")
    end = rest.pop() if ends else None
    return ([("fraction", above, nodes, *latex_signs.FRACTIONS[infix])] if infix else nodes), end


def _ignored(token, rest):
    """Take off what prints nothing; whether it was that."""
    if token in latex_signs.NOTHING_WITH_ARGUMENT:
        braced_text(rest)
        return True
    return token in latex_signs.NOTHING or token in ("\\\\", "\\cr")


def _scripts(token, base, rest, font):
    """The scripts node with one script more."""
    low = high = None
    if base and base[0] == "scripts":
        _, base, low, high = base
    if token == "_":
        if low is not None:
            raise ValueError("two lower scripts on one sign")
        return ("scripts", base, _argument(rest, font), high)
    if high is not None and not all(node[:2] == ("sign", "\\prime") for node in high):
        raise ValueError("two upper scripts on one sign")
    added = [("sign", "\\prime", "")] if token == "'" else _argument(rest, font)
    return ("scripts", base, low, (high or []) + added)


def _argument(rest, font):
    """The nodes of the argument that follows."""
    if not rest or rest[-1] in ("}", "_", "^", "&", "\\\\", "\\end", "\\right"):
        raise ValueError(f"an argument is missing before {rest[-1] if rest else 'the end'}")
    token = rest.pop()
    return _sequence(rest, ("}",), font)[0] if token == "{" else [_atom(token, rest, font)]


def _atom(token, rest, font):
    """The node that begins with ``token``."""
    if token == "{":
        return _group(_sequence(rest, ("}",), font)[0])
    if token in latex_signs.SPACES:
        return ("space", latex_signs.SPACES[token] / 18)
    if token in ("\\hspace", "\\hspace*"):
        return ("space", _length(braced_text(rest)))
    if token == "\\left":
        return _fence(rest, font)
    if token == "\\begin":
        return _environment(rest, font)
    if token in latex_signs.BIG:
        size, kind = latex_signs.BIG[token]
        return ("class", kind, [("big", _delimiter(rest), size)])
    if token in latex_signs.FRACTIONS:
        return ("fraction", _argument(rest, font), _argument(rest, font), *latex_signs.FRACTIONS[token])
    if token == "\\sqrt":
        degree = None
        if rest and rest[-1] == "[":
            rest.pop()
            degree = _sequence(rest, ("]",), font)[0]
        return ("root", degree, _argument(rest, font))
    return _command(token, rest, font)


def _command(token, rest, font):
    """A command with one argument, a word, or a sign."""
    name = token[1:]
    if token in latex_signs.FONTS:
        return _group(_argument(rest, latex_signs.FONTS[token]))
    if name in latex_commands.FUNCTIONS or name in latex_signs.LIMITS:
        return ("name", latex_signs.LIMITS.get(name, name), name in latex_signs.LIMITS)
    if token in ("\\operatorname", "\\operatorname*"):
        inside = _argument(rest, "rm")
        return ("limits", ("class", "op", inside), token.endswith("*"))
    if token in latex_signs.ACCENTS:
        return ("accent", token, _argument(rest, font))
    if token in latex_signs.LINES:
        return ("line", token, _argument(rest, font))
    if token in latex_signs.STACKS:
        first, second = _argument(rest, font), _argument(rest, font)
        return ("stack", None, second, first) if token == "\\underset" else ("stack", first, second, None)
    if token in latex_signs.CLASS_COMMANDS:
        return ("class", latex_signs.CLASS_COMMANDS[token], _argument(rest, font))
    if token in latex_signs.PHANTOMS:
        return ("phantom", token, _argument(rest, font))
    if token in latex_signs.LAPS:
        return ("lap", latex_signs.LAPS[token], _argument(rest, font))
    if token in latex_signs.SIMPLE:
        if rest and rest[-1] == "[" and "]" in rest:
            del rest[len(rest) - 1 - rest[::-1].index("]") :]
        return _group(_argument(rest, font))
    if token == "\\buildrel":
        above, _ = _sequence(rest, ("\\over",), font)
        return ("stack", above, _argument(rest, font), None)
    if token == "\\raisebox":
        return ("raised", _length(braced_text(rest)), _argument(rest, font))
    if token in ("\\multicolumn", "\\textcolor"):
        for _ in range(2 if token == "\\multicolumn" else 1):
            braced_text(rest)
        return _group(_argument(rest, font))
    if token in ("\\xrightarrow", "\\xleftarrow"):
        return ("arrow", token, _argument(rest, font))
    if token in ("\\boxed", "\\fbox"):
        return ("box", _argument(rest, font))
    if token == "\\not":
        return ("not", _argument(rest, font))
    if token == "\\substack":
        return _rows("subarray", "c", rest, font, ("}",)) if rest and rest.pop() == "{" else _argument([], font)
    if token in ("\\pmod", "\\bmod", "\\mod"):
        word = [("space", 1), *[("sign", letter, "rm") for letter in "mod"], ("space", 0.33)]
        if token == "\\pmod":
            return ("group", [word[0], ("sign", "(", ""), *word[1:], *_argument(rest, font), ("sign", ")", "")])
        return ("group", word[1:] if token == "\\bmod" else word)
    return _text(token, rest, font)


def _text(token, rest, font):
    """Words, or a sign."""
    if written := WRITTEN.fullmatch(token):
        return ("text", re.sub(r"\s+", " ", written[2]), latex_signs.TEXTS[written[1]])
    if token in latex_signs.TEXTS:
        return _group(_argument(rest, latex_signs.TEXTS[token]))
    if token in ("}", "&", "#", "%", "\\right", "\\middle", "\\end", "\\", "\\(", "\\)", "\\[", "\\]", "\\hline"):
        raise ValueError(f"{token} does not belong here")
    return ("sign", token, font)


def _group(nodes):
    """Nodes in braces; around a single sign braces change nothing but its spacing."""
    if len(nodes) == 1 and nodes[0][0] in ("group", "accent", "text", "line"):
        return nodes[0]
    if len(nodes) == 1 and nodes[0][0] == "sign" and nodes[0][1] not in latex_signs.CLASSES:
        return nodes[0]
    return ("group", nodes)


def _length(text):
    found = re.fullmatch(r"(-?[\d.]+)([a-z]{2})", re.sub(r"\s", "", text))
    if not found or found[2] not in latex_signs.LENGTHS or found[1].count(".") > 1 or not found[1].strip("-."):
        raise ValueError(f"{text!r} is no length")
    return float(found[1]) * latex_signs.LENGTHS[found[2]]


def _delimiter(rest):
    if not rest:
        raise ValueError("a bracket is missing at the end")
    token = rest.pop()
    return latex_signs.DELIMITERS.get(token, token)


def _fence(rest, font):
    """``\\left .. \\middle .. \\right``: the parts and the delimiters between them alternate."""
    left, parts, end = _delimiter(rest), [], None
    while end != "\\right":
        inside, end = _sequence(rest, ("\\right", "\\middle"), font)
        parts += [inside, _delimiter(rest)]
    return ("fence", left, parts[:-1], parts[-1])


def _environment(rest, font):
    name = braced_text(rest).rstrip("*")
    if name not in latex_signs.ENVIRONMENTS:
        raise ValueError(f"\\begin{{{name}}} cannot be drawn")
    if rest and rest[-1] == "[" and "]" in rest and name in ("array", "tabular", "aligned", "gathered"):
        del rest[len(rest) - 1 - rest[::-1].index("]") :]  # where it stands on the line
    columns = latex_signs.ENVIRONMENTS[name][2]
    if name in ("array", "tabular", "subarray", "alignedat"):
        spec = re.sub(r"[@!p]\{[^{}]*\}", "", braced_text(rest))
        columns = "".join(re.findall(r"[lcr|]", spec)) if name != "alignedat" else columns
    node = _rows(name, columns, rest, font, ("\\end",))
    if braced_text(rest).rstrip("*") != name:
        raise ValueError(f"\\begin{{{name}}} does not end")
    return node


def _rows(name, columns, rest, font, ends):
    """Cell by cell, up to one of ``ends``; ``lines``: numbers of the rows that a rule stands above."""
    rows, lines, end = [[]], [], None
    while end not in ends:
        while not rows[-1] and rest and rest[-1] == "\\hline":
            rest.pop()
            lines.append(len(rows) - 1)
        cell, end = _sequence(rest, ("&", "\\\\", "\\cr", *ends), font)
        rows[-1].append(cell)
        if end in ("\\\\", "\\cr"):
            rows.append([])
            if rest and rest[-1] == "[":
                closing = "".join(rest[-12:][::-1])
                if found := re.match(r"\[-?[\d.]+[a-z]{2}\]", closing):
                    del rest[len(rest) - len(found[0]) :]
    if len(rows) > 1 and rows[-1] == [[]]:
        rows.pop()
    return ("array", name, columns, rows, lines)
