"""Folders of a data set that a program made: ``images/`` (or another), ``data.jsonl`` (written last), and its recipe.

A folder counts as finished only when it is whole and was made from the same recipe; else it is made anew.
"""

import shutil
from contextlib import contextmanager

from helpers.data.samples import load_jsonl
from helpers.files import NOTE, changed_recipe, locked, note_recipe
from helpers.language import message
from helpers.paths import short


def finished(folder, recipe):
    """True if ``folder`` (a Path) was made from ``recipe`` (as JSON holds it) and is whole: every file is there."""
    if not (folder / "data.jsonl").is_file() or changed_recipe(folder, recipe) != {}:
        return False
    return all(sample.file.is_file() for sample in load_jsonl(folder / "data.jsonl"))


@contextmanager
def filling(folder, recipe, inside="images"):
    """Hold ``folder``, with the recipe and an empty ``images/`` (or ``inside``), whatever it held before, to be filled.

    Raises:
        FileExistsError: the folder holds data that was not begun by this function.
        BlockingIOError, DiskError: as ``files.locked``.
    """
    with locked(folder):
        _begin(folder, recipe, inside)
        yield


def _begin(folder, recipe, inside):
    data, files = folder / "data.jsonl", folder / inside
    if not (folder / NOTE).is_file() and (data.exists() or files.exists()):
        raise FileExistsError(message("data.other_folder", folder=short(folder)))
    data.unlink(missing_ok=True)
    note_recipe(folder, recipe)
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir()
