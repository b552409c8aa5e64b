r"""Where a formula's LaTeX cannot be right: what is opened and not closed, commands without arguments, double scripts.

A compiler stops at each of these. Unknown commands are none of them: somebody may have defined one.
"""

import re
from dataclasses import dataclass, field

from helpers.notation.latex_commands import ARGUMENTS

TOKEN = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[a-zA-Z]+\*?|\\.|\\|\S", re.DOTALL)
COMMAND = re.compile(r"\\[a-zA-Z]{2,}")
OPTION = re.compile(r"\s*\[[^\[\]]*\]")  # \sqrt[3]{x}
CELLS = ("&", "\\\\", "\\cr")
PROSE = re.compile(r"\$|\\[(\[]|\n\s*\n|[^\x00-\x7f]")  # more than one formula, or words around it


@dataclass
class _Level:
    """What is open: its token, where it stands, the scripts of the last sign, and the arguments still due."""

    token: str
    place: int
    scripts: str = ""
    due: list = field(default_factory=list)  # [token, place, count], the innermost last

    def add_atom(self):
        """A sign or group is complete: it may be an argument, and that may complete a command."""
        while self.due:
            self.due[-1][2] -= 1
            if self.due[-1][2]:
                return
            if self.due.pop()[0] in "_^":
                return
        self.scripts = ""


def find_fault(text: str) -> tuple[str, int, str] | None:
    """The first fault of a text with LaTeX in it as (kind, place from 0, token), or None.

    Kinds: "unclosed" (nothing closes the token), "stray" (the token closes nothing), "argument" (the token has too
    few), "twice" (a second upper or lower script). The last two are looked for in a formula that stands alone, not in
    words with formulas. Text without a command or without anything to close has no fault.
    """
    if not COMMAND.search(text) or not re.search(r"[{}]|\\(?:left|right|begin|end)\b", text):
        return None
    alone, skip, levels = not PROSE.search(text), 0, [_Level("", 0)]
    for found in TOKEN.finditer(text):
        if found.start() < skip:
            continue
        token, level = found[0], levels[-1]
        if alone and (fault := _unfinished(token, level) or _second_script(token, found.start(), level)):
            return fault
        if _is(token, "{", "\\left", "\\begin"):
            levels.append(_Level(token, found.start()))
        elif _is(token, "}", "\\right", "\\end"):
            if not _closes(token, level):
                return _not_closed(token, found.start(), levels)
            levels.pop()
            levels[-1].add_atom()
        elif token in ARGUMENTS:
            level.due.append([token, found.start(), ARGUMENTS[token]])
            option = OPTION.match(text, found.end())
            skip = option.end() if option else 0
        elif token not in "_^'" and token not in ("\\limits", "\\nolimits"):
            level.add_atom()
        if token in ("\\left", "\\right"):
            delimiter = TOKEN.search(text, found.end())
            skip = delimiter.end() if delimiter else 0
    if alone and (fault := _unfinished("", levels[-1])) and len(levels) == 1:
        return fault
    return ("unclosed", levels[-1].place, levels[-1].token) if len(levels) > 1 else None


def _is(token, brace, fence, environment):
    """Whether the token is the brace, the fence or ``environment{...}``."""
    return token in (brace, fence) or (token.startswith(environment) and token[-1] == "}")


def _unfinished(token, level):
    """The fault of a command whose argument ``token`` cannot be, or None."""
    if level.due and (token in ("", "_", "^", *CELLS) or _is(token, "}", "\\right", "\\end")):
        return "argument", level.due[-1][1], level.due[-1][0]
    return None


def _second_script(token, place, level):
    """The fault of a second script of one sign, or None; notes the first."""
    if token in CELLS:
        level.scripts = ""
    if token not in ("_", "^"):
        return None
    if token in level.scripts:
        return "twice", place, token
    level.scripts += token
    level.due.append([token, place, 1])
    return None


def _closes(token, level):
    """Whether ``token`` closes what is open: ``\\end`` the environment of the same name."""
    if token == "}":
        return level.token == "{"
    if token.startswith("\\right"):
        return level.token == "\\left"
    return re.sub(r"\s", "", token.replace("\\end", "\\begin")) == re.sub(r"\s", "", level.token)


def _not_closed(token, place, levels):
    """The fault of a token that does not close the innermost level: something inside is open, or nothing is."""
    opened = any(_closes(token, level) for level in levels)
    return ("unclosed", levels[-1].place, levels[-1].token) if opened else ("stray", place, token)
