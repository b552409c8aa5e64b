"""Files and folders that are never seen by halves: written under another name, renamed when whole; text is UTF-8."""

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from helpers.language import message
from helpers.paths import short

NOTE = "made_from.json"


def read_text(path):
    """The text of a UTF-8 file.

    Raises:
        ValueError: another encoding; says which byte is wrong first. FileNotFoundError: there is no such file.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(message("files.missing", file=short(path))) from error
    except UnicodeDecodeError as error:
        raise ValueError(message("files.not_utf8", file=short(path), byte=error.start)) from error


def write_text(path, text):
    """Write a UTF-8 file under a temporary name and rename it when whole: a killed run leaves no half file.

    Raises:
        ValueError: the text holds half a character, which UTF-8 cannot hold.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        near = repr(text[max(0, error.start - 20) : error.start + 20])
        raise ValueError(message("files.half_character", file=short(path), text=near)) from error
    write_bytes(path, data)


def write_bytes(path, data):
    """Write a file as ``write_text`` does."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def relative(file, path):
    """The path of a sample's file as the data file ``path`` writes it: from its own folder, with forward slashes.

    Raises:
        ValueError: it lies outside that folder, so the data could not be moved or shared as one folder.
    """
    folder = Path(os.path.abspath(path)).parent
    file = Path(os.path.abspath(file))
    if not file.is_relative_to(folder):
        raise ValueError(message("files.outside", file=short(file), folder=short(folder), name=Path(path).name))
    return file.relative_to(folder).as_posix()


@contextmanager
def whole_folder(folder):
    """A new, empty folder to write into; at the end of the block it takes the place of ``folder``, all at once.

    If the block fails or the process is killed, ``folder`` stays as it was.
    """
    folder = Path(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def note_recipe(folder, recipe):
    """Note in ``folder`` what its content is made from: a dict that JSON can hold."""
    write_text(Path(folder) / NOTE, json.dumps(recipe, ensure_ascii=False))


def changed_recipe(folder, recipe):
    """How ``recipe`` differs from the one noted in ``folder``: {name: (value there, value now)}, empty if it does not.

    None where nothing is noted. A value is None on the side that lacks it. A note of any other form is another recipe.
    """
    note = Path(folder) / NOTE
    if not note.is_file():
        return None
    try:
        old = json.loads(read_text(note))
    except ValueError:  # neither UTF-8 nor JSON
        old = "unreadable"
    old, new = old if isinstance(old, dict) else {NOTE: old}, json.loads(json.dumps(recipe))
    return {name: (old.get(name), new.get(name)) for name in old | new if old.get(name) != new.get(name)}
