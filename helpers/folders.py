"""Folders of a data set that a program made: ``images/`` (or another), ``data.jsonl`` (written last), and its recipe.

A folder counts as finished only when it is whole and was made from the same recipe; else it is made anew.
"""

import json
import shutil

from helpers.files import read_text, write_text
from helpers.settings import short


def finished(folder, recipe):
    """True if ``folder`` (a Path) was made from ``recipe`` (as JSON holds it) and is whole: every picture is there."""
    note, data = folder / "made_from.json", folder / "data.jsonl"
    if not (note.is_file() and data.is_file()) or json.loads(read_text(note)) != recipe:
        return False
    rows = [json.loads(line) for line in read_text(data).split("\n") if line]
    return all((folder / row["image"]).is_file() for row in rows)


def begin(folder, recipe, inside="images"):
    """Make ``folder`` ready to be filled: the recipe and an empty ``images/`` (or ``inside``), whatever it held before.

    Raises:
        FileExistsError: the folder holds data that was not begun by this function.
    """
    clear(folder, inside)
    write_text(folder / "made_from.json", json.dumps(recipe))


def clear(folder, inside="images"):
    """An empty ``folder/images`` (or ``inside``); ``begin`` says more."""
    data, images = folder / "data.jsonl", folder / inside
    if not (folder / "made_from.json").is_file() and (data.exists() or images.exists()):
        raise FileExistsError(f"{short(folder)} already holds other data -> give a new folder")
    data.unlink(missing_ok=True)
    if images.exists():
        shutil.rmtree(images)
    images.mkdir(parents=True)
