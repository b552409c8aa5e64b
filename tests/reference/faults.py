"""What the fault tables of tests/faults share: their rows, how a row is held, and small broken files."""

import contextlib
import io
import json
import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from helpers import data

TABLE = tomllib.loads((Path(__file__).parents[1] / "faults" / "faults.toml").read_text(encoding="utf-8"))
OURS = (
    ValueError,
    OSError,
    KeyError,
    TypeError,
    ImportError,
    RuntimeError,
    MemoryError,
    FloatingPointError,
)  # what helpers raise for a reader


def rows(kind, makers):
    """Parameters of a test, (maker, row of the table, language): one a row and language; both name the same rows."""
    assert sorted(makers) == sorted(TABLE[kind]), set(makers) ^ set(TABLE[kind])
    return [
        pytest.param(makers[name], row, language, id=f"{name}-{language}")
        for name, row in TABLE[kind].items()
        for language in ("en", "zh")
    ]


def hold(maker, row, language, folder, monkeypatch):
    """The row's fault, made in ``folder``, is said to a reader in ``language`` as the table has it.

    ``maker`` takes the folder and returns what is said, or lets an error of ours through. A text without a Chinese
    counterpart in the table would come from a library.
    """
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    folder = folder / "set"
    folder.mkdir()
    try:
        said = maker(folder)
    except OURS as error:
        said = error.args[0] if isinstance(error, KeyError) else str(error)
    pattern = ".*".join(map(re.escape, row[language].split("…")))
    assert re.search(pattern, said, re.DOTALL), f"said: {said!r}"


def made(kind, size=(60, 20), form="PNG", **options):
    """Bytes of a picture with a stroke in it."""
    image = Image.new(kind, size, options.pop("paper", 255))
    image.paste(options.pop("ink", 0), (5, 5, min(size[0] - 5, 40), 9))
    return encoded(image, form, **options)


def encoded(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def said_of(path, **options):
    """What ``data.find_problems`` says of a data file, a line each."""
    return "\n".join(map(str, data.find_problems(path, **options)))


def write(folder, name, content):
    """A file of bytes, text or anything that JSON can hold."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not isinstance(content, bytes | str):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def said_by(function, *arguments):
    """What a function prints."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        function(*arguments)
    return told.getvalue()
