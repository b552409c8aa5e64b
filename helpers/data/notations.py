"""Answers in LaTeX or SMILES that cannot be right: warnings with the place, for a person to look at.

What an answer is written in is told by looking: LaTeX by its commands, SMILES by the fence around it, or by being what
nearly all answers of the file are.
"""

import json

from helpers.language import message
from helpers.notation import latex_faults, smiles

LATEX = {  # kind: key in messages.toml
    "unclosed": "notation.unclosed",
    "stray": "notation.stray",
    "argument": "notation.argument",
    "twice": "notation.twice",
}
LOOKED_AT = 50  # answers that decide whether a file is one of molecules
BONDS = set("=#()[]123")
FENCE = "```"


def notation_warning(answer, molecules=False):
    """(reason, cure) of an answer whose LaTeX or SMILES does not parse, or None.

    Args:
        molecules: the answers of this file are SMILES, without a fence (``are_molecules``).
    """
    if smiles.FENCE.search(answer) or molecules:
        return _molecule_warning(smiles.unfence(answer))
    if FENCE in answer or _is_json(answer):
        return None
    if not (found := latex_faults.find_fault(answer)):
        return None
    kind, place, token = found
    reason = message(LATEX[kind], token=token, place=place + 1, near=_near(answer, place))
    return reason, message("notation.latex_cure")


def are_molecules(answers):
    """Whether bare SMILES are what the answers of a file are: nearly all parse, and many have rings or double bonds."""
    some = list(dict.fromkeys(answers))[:LOOKED_AT]
    words = [text for text in some if len(text) > 2 and text.isascii() and len(text.split()) == 1]
    if len(words) < max(5, 0.8 * len(some)) or sum(not BONDS.isdisjoint(text) for text in words) < 0.5 * len(words):
        return False
    return sum(smiles.parse(text) is not None for text in words) >= 0.8 * len(some)


def _molecule_warning(text):
    if not text or smiles.parse(text) is not None:
        return None
    place, what = _open_bracket(text)
    if place is None:
        return message("notation.no_molecule", text=repr(text[:60])), message("notation.smiles_cure")
    reason = message("notation.smiles_bracket", token=what, place=place + 1, near=_near(text, place))
    return reason, message("notation.smiles_cure")


def _open_bracket(text):
    """(place, bracket) of the first bracket that closes nothing, else of the last that stays open, or (None, "")."""
    opened = []
    for place, letter in enumerate(text):
        if letter in "([":
            opened.append((place, letter))
        elif letter in ")]":
            if not opened or opened.pop()[1] != {")": "(", "]": "["}[letter]:
                return place, letter
    return opened[-1] if opened else (None, "")


def _is_json(text):
    if not text.lstrip().startswith(('{"', "[{", "{\n", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _near(text, place):
    return repr(text[max(0, place - 15) : place + 15])[1:-1].replace("\\\\", "\\")
