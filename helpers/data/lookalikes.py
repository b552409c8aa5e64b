"""A file that is missing under its name and is there under one that looks the same.

It is composed otherwise (NFC, NFD), in other case, or has letters of another width or alphabet: Linux tells all of them
apart, Windows and macOS some.
"""

import os
from functools import lru_cache
from pathlib import Path

from helpers.data.texts import same_name


def find_lookalike(path):
    """The file that ``path``, which is missing, looks like, or None; folders on the way to it may look alike, too."""
    there = Path(path)
    missing = []
    while not there.exists() and there != there.parent:
        missing.append(there.name)
        there = there.parent
    for name in reversed(missing):
        there = there / name if (there / name).exists() else _inside(there, name)
        if there is None:
            return None
    return there


def _inside(folder, name):
    try:
        found = _names(str(folder), os.stat(folder).st_mtime_ns).get(same_name(name))
    except OSError:  # a file, or a folder that may not be read
        return None
    return folder / found if found else None


@lru_cache(maxsize=16)
def _names(folder, changed):
    """{what a name looks like: name} of a folder; ``changed``, its time of change, makes it be read anew."""
    return {same_name(name): name for name in sorted(os.listdir(folder))}


def first_difference(text, other):
    """The characters in which two texts differ first, as "U+0430 / U+0061"; - where one of them ends."""
    pairs = zip(text + "\0", other + "\0", strict=False)
    letters = next(((a, b) for a, b in pairs if a != b), ("\0", "\0"))
    return " / ".join("-" if letter == "\0" else f"U+{ord(letter):04X}" for letter in letters)
