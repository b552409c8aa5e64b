"""JSON and JSONL that somebody else wrote, read without trust: every fault as (row or None, reason, cure)."""

import json
import os
import stat
from pathlib import Path

from helpers.data.encodings import decode
from helpers.language import message

KINDS = {  # by their keys in messages.toml
    str: "rows.string",
    bool: "rows.bool",
    int: "rows.number",
    float: "rows.number",
    list: "rows.list",
    dict: "rows.object",
}


def read_rows(path):
    """The rows of a JSON list or of a JSONL file: ``([(row, value)], faults)``, whatever the file holds.

    Rows count from 1 in JSONL (lines), from 0 in JSON (records). Faults are (row or None, reason, cure).
    """
    lines = is_jsonl(path)
    text, faults = _read(path, lines)
    rows, wrong = _parse_lines(text) if lines else _parse_list(text)
    faults += wrong
    if not rows and not faults:
        faults.append((None, message("rows.none"), message("rows.none_cure")))
    return rows, faults


def is_jsonl(path):
    """True for a file with one JSON object a line, by its name."""
    return Path(path).suffix.lower() in (".jsonl", ".ndjson")


def _read(path, lines):
    """(text, faults) of a file that may be missing, a folder, a pipe, or of another encoding."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            reason = message("rows.folder" if stat.S_ISDIR(mode) else "rows.no_file")
            return "", [(None, reason, message("rows.no_file_cure"))]
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return "", [(None, message("rows.missing"), message("rows.missing_cure"))]
    except OSError as error:
        reason = message("rows.unreadable", why=error.strerror)
        return "", [(None, reason, message("rows.unreadable_cure"))]
    text, fault = decode(data)
    if fault is None:
        return text, []
    byte, reason, cure = fault
    row = data.count(b"\n", 0, byte) + 1 if lines and byte is not None else None
    return text, [(row, reason, cure)]


def _parse_lines(text):
    if text.lstrip().startswith("["):
        return [], [(None, message("rows.list_in_jsonl"), message("rows.list_in_jsonl_cure"))]
    rows, faults = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value, twice = _loads(line)
            rows.append((number, value))
            faults += [(number, message("rows.twice", key=shown(key)), message("rows.twice_cure")) for _, key in twice]
        except json.JSONDecodeError as error:  # the row says which line
            fault = message("rows.not_json", column=error.colno, why=error.msg)
            faults.append((number, fault, message("rows.not_json_cure")))
        except (ValueError, RecursionError) as error:
            faults.append((number, _impossible(error), message("rows.not_json_cure")))
    return rows, faults


def _parse_list(text):
    if not text.strip():
        return [], []
    try:
        value, twice = _loads(text)
    except json.JSONDecodeError as error:
        reason = message("rows.not_json_at", line=error.lineno, column=error.colno, why=error.msg)
        return [], [(None, reason, message("rows.looks_like_jsonl" if _is_jsonl_text(text) else "rows.fix_json"))]
    except (ValueError, RecursionError) as error:
        return [], [(None, _impossible(error), message("rows.fix_json"))]
    if not isinstance(value, list):
        return [], [(None, message("rows.no_list", kind=kind(value)), message("rows.no_list_cure"))]
    rows = list(enumerate(value))
    keys = {id(one): key for one, key in twice}  # which live, in ``twice``, so no other object has their ids
    found = [(row, key) for row, one in rows for key in _keys_twice(one, keys)] if keys else []
    return rows, [(row, message("rows.twice", key=shown(key)), message("rows.twice_cure")) for row, key in found]


def _loads(text):
    """(the value of a JSON text, [(object in it that has a key twice, that key)]); of the values the last is left."""
    twice = []

    def build(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice.append((found, next(key for key in found if keys.count(key) > 1)))
        return found

    return json.loads(text, object_pairs_hook=build), twice


def _keys_twice(value, twice):
    """The keys that objects in ``value`` have twice; ``twice``: {id of such an object: key}."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [twice[id(value)]] if id(value) in twice else []
    return found + [key for one in inside for key in _keys_twice(one, twice)]


def _is_jsonl_text(text):
    """Whether the first line alone is JSON."""
    try:
        json.loads(text.lstrip().split("\n")[0])
    except (ValueError, RecursionError):
        return False
    return True


def _impossible(error):
    """What is wrong with a number of thousands of digits, or brackets thousands deep."""
    return message("rows.impossible_json", error=type(error).__name__)


def kind(value):
    """What a JSON value is, in words."""
    return "null" if value is None else message(KINDS[type(value)])


def shown(text):
    """A string fit for one line of a report: quoted, escaped, short."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def half_character(text):
    """True if the text holds a lone surrogate, which no file and no tokenizer takes."""
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
