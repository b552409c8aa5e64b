"""The reader's language: what helpers print, plot and raise in a lesson stands in ``messages.toml``, in both languages.

A text is looked up by its key when it is needed: ``message("picture.missing", file=short(path))``.
"""

import os
import tomllib
import unicodedata
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("messages.toml")


def reader_language() -> str:
    """en or zh: as the variable LESSON_LANGUAGE says, else the folder that a kernel runs in, the notebook's."""
    return "zh" if (os.environ.get("LESSON_LANGUAGE") or Path.cwd().name) == "zh" else "en"


def message(key: str, /, **values) -> str:
    """The text under ``key`` in the reader's language, with ``values`` in the places that it names in braces."""
    return texts()[key][reader_language()].format(**values)


def label(text: str) -> str:
    """What a lesson calls a task or an axis, in the reader's language: its code is the same in both."""
    return labels().get(text, text) if reader_language() == "zh" else text


@cache
def texts() -> dict[str, dict[str, str]]:
    """{key: {language: text}}; a key is the table's own and the text's, such as ``picture.missing``."""
    rooms = {room: rows for room, rows in _table().items() if room != "labels"}
    return {f"{room}.{name}": row for room, rows in rooms.items() for name, row in rows.items()}


@cache
def labels() -> dict[str, str]:
    """{label as lessons write it: in Chinese}."""
    return _table()["labels"]


def padded(text: str, columns: int) -> str:
    """``text`` and spaces up to a width in columns; a Chinese character takes two."""
    return text + " " * (columns - columns_of(text))


def columns_of(text: str) -> int:
    """How many columns a text takes in a font of fixed width."""
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def _table():
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
