"""JSON and JSONL that somebody else wrote, read without trust: every fault as (row or None, reason, cure)."""

import json
import os
import stat
from pathlib import Path

KINDS = {str: "a string", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}


def read_rows(path):
    """The rows of a JSON list or of a JSONL file: ``([(row, value)], faults)``, whatever the file holds.

    Rows count from 1 in JSONL (lines), from 0 in JSON (records). Faults are (row or None, reason, cure).
    """
    lines = is_jsonl(path)
    text, faults = _decode(path, lines)
    rows, wrong = _parse_lines(text) if lines else _parse_list(text)
    faults += wrong
    if not rows and not faults:
        faults.append((None, "file holds no rows", "write the data again"))
    return rows, faults


def is_jsonl(path):
    """True for a file with one JSON object a line, by its name."""
    return Path(path).suffix.lower() in (".jsonl", ".ndjson")


def _decode(path, lines):
    """(text, faults) of a file that may be missing, a folder, a pipe, or of another encoding."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            return "", [(None, "a folder, not a file" if stat.S_ISDIR(mode) else "not a file", "give the data file")]
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return "", [(None, "file is missing", "check the path")]
    except OSError as error:
        return "", [(None, f"file cannot be read ({error.strerror})", "check its name and your rights to read it")]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _recode(data, "utf-16", (None, "UTF-16, not UTF-8", "save it as UTF-8"))
    faults = []
    if data.startswith(b"\xef\xbb\xbf"):
        faults = [(None, "starts with a byte order mark (BOM)", 'save it as "UTF-8", not "UTF-8 with BOM"')]
        data = data[3:]
    try:
        return data.decode("utf-8"), faults
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        place = f"byte {error.start + 3 * len(faults)}" + ("" if lines else f", line {row}")
        text, recoded = _recode(data, "gb18030", (row if lines else None, f"not UTF-8 at {place}", ""))
        return text, faults + recoded


def _recode(data, encoding, fault):
    """The text by another encoding if it fits, so that the remaining faults can be found too."""
    row, reason, cure = fault
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return "", [(row, reason, "save it as UTF-8 from the program that made it")]
    gbk = 'it reads as GBK: text = path.read_text(encoding="gb18030"); path.write_text(text, encoding="utf-8")'
    return text, [(row, reason, cure or gbk)]


def _parse_lines(text):
    if text.lstrip().startswith("["):
        return [], [(None, "a JSON list in a .jsonl file", "rename it to .json, or write one object a line")]
    rows, faults = [], []
    for number, line in enumerate(text.split("\n"), 1):
        value, fault = _json(line) if line.strip() else (None, "")
        if fault:
            fault = fault.replace("line 1, ", "")  # the row says which line
            faults.append((number, fault, "each line must be one whole JSON object: write it with json.dumps"))
        elif line.strip():
            rows.append((number, value))
    return rows, faults


def _parse_list(text):
    if not text.strip():
        return [], []
    value, fault = _json(text)
    if fault:
        first = text.lstrip().split("\n")[0]
        lines = "Extra data" in fault and not _json(first)[1]
        cure = "it looks like JSONL: rename it to .jsonl" if lines else "mend it there, or write it with json.dump"
        return [], [(None, fault, cure)]
    if not isinstance(value, list):
        return [], [(None, f"top level is {kind(value)}, not a list", "wrap the records in [ ]")]
    return list(enumerate(value)), []


def _json(text):
    """(value, "") or (None, what is wrong)."""
    try:
        return json.loads(text), ""
    except json.JSONDecodeError as error:
        return None, f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets thousands deep
        return None, f"JSON that no reader takes ({type(error).__name__})"


def kind(value):
    """What a JSON value is, in words."""
    return "null" if value is None else KINDS[type(value)]


def shown(text):
    """A string fit for one line of a report: quoted, escaped, short."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def half_character(text):
    """True if the text holds a lone surrogate, which no file and no tokenizer takes."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)
