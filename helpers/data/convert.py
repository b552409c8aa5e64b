"""Other people's data files into this project's: ShareGPT where there are questions, else a JSONL of samples.

``helpers.data.dialects`` lists the forms that are known. Nothing is lost quietly: each row that cannot be converted is
named with its reason, and so is each key that has no place in the new file.
"""

import base64
import binascii
import hashlib
import io
import json
import re
from collections import Counter
from pathlib import Path

from PIL import Image

from helpers.data.conversations import read_conversation
from helpers.data.delimited import SUFFIXES, read_table
from helpers.data.dialects import RowFault, folded, has_turns, is_own, read_sample, recognise
from helpers.data.formats import MARKS
from helpers.data.images import FORMATS, PictureError, picture_size
from helpers.data.records import Problem
from helpers.data.rows import half_character, read_rows, shown
from helpers.data.validate import DataError
from helpers.files import relative, write_bytes, write_text
from helpers.language import message
from helpers.paths import short

JSON = (".json", ".jsonl", ".ndjson")
DATA_URL = re.compile(r"data:[^,;]*(?:;[^,;]*)*,", re.IGNORECASE)
DRIVE = re.compile(r"[A-Za-z]:")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def convert(path, output=None):
    """Convert a data file of LLaVA, ShareGPT, OpenAI, Alpaca, ms-swift, or a CSV or TSV, to the form of this project.

    It prints which form it recognised and how many rows it converted, then each row that it could not convert, as a
    Problem, and the keys that were left out. Paths are read as relative to the file's folder and written as relative to
    the output's. Pictures inside the file (data URLs) become files in ``<output's name>.files/`` beside it. Whether
    files are there and can be read is for ``data.check`` to say.

    Args:
        path: .json, .jsonl, .csv, .tsv or .txt.
        output: the file to write; ``<name>.converted.json`` (conversations) or ``.jsonl`` (samples) beside it if not
            given. It appears only when whole. One that is there already stays: the same content is taken as it is.

    Returns:
        the path of the output.

    Raises:
        FileNotFoundError: no such file. FileExistsError: the output is the file itself, or holds something else.
        DataError: none of the rows could be converted. ValueError: no form that is known here.
    """
    path = Path(path)
    rows, faults, name, talks = _read(path)
    problems = [Problem(short(path), *fault, warning=fault[0] is None and bool(rows)) for fault in faults]
    if not rows:
        raise DataError(problems)
    output = Path(output or path.with_name(f"{path.stem}.converted.{'json' if talks else 'jsonl'}"))
    if output.exists() and output.samefile(path):
        raise FileExistsError(message("convert.onto_itself", file=short(path)))
    made, left = [], Counter()
    for number, row in rows:
        try:
            new, used = (_conversation if talks else _sample)(row, path.parent, output)
            made.append(new)
            left.update(key for key in row if key not in used and row[key] not in (None, "", [], {}))
        except RowFault as fault:
            problems.append(Problem(short(path), number, fault.reason, fault.cure))
    problems.sort(key=lambda problem: -1 if problem.row is None else problem.row)
    if not made:
        raise DataError(problems)
    _write(made, output, talks)
    facts = {"file": short(path), "form": name, "count": len(made), "output": short(output)}
    lost = {problem.row for problem in problems if not problem.warning}
    print(message("convert.done", **facts, total=len(made) + len(lost)))
    print(*problems, sep="\n", end="\n" if problems else "")
    if left:
        print(message("convert.left_out", keys=", ".join(f"{shown(key)} ({left[key]})" for key in sorted(left))))
    return output


def _read(path):
    """(rows as (number, dict), faults as (row, reason, cure), the form, whether it holds questions) of a file."""
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(message("convert.missing", file=short(path)))
    if suffix in SUFFIXES:
        rows, faults = read_table(path)
        return rows, faults, "CSV", bool(rows) and has_turns(rows[0][1])
    if suffix not in JSON:
        known = ", ".join([*JSON, *SUFFIXES])
        raise ValueError(message("convert.suffix", file=short(path), known=known))
    rows, faults = read_rows(path)
    values = [folded(value) for _, value in rows if isinstance(value, dict)]
    name = recognise(values) or ("ShareGPT" if sum(map(has_turns, values)) * 2 > len(values) else "")
    if rows and not name:
        keys = sorted({key for value in values[:100] for key in value})
        if is_own(values):
            raise ValueError(message("convert.own", file=short(path)))
        named = ", ".join(map(shown, keys[:8])) or message("records.no_keys")
        raise ValueError(message("convert.unknown", file=short(path), keys=named))
    wrong = message("records.no_object_cure")
    faults += [(row, message("convert.no_object"), wrong) for row, value in rows if not isinstance(value, dict)]
    good = [number for number, row in rows if isinstance(row, dict)]
    return list(zip(good, values, strict=True)), faults, name, name != "table"


def _conversation(row, folder, output):
    """(the row as ShareGPT, the keys of the old one that were read)."""
    found = read_conversation(row)
    files = {f"{modality}s": [] for modality in MARKS}
    for source, modality in found.files:
        files[f"{modality}s"].append(_name(source, modality, folder, output))
    messages = [{"role": role, "content": text} for role, text in found.messages]
    return {"messages": messages} | files, found.used


def _sample(row, folder, output):
    """(the row as ``data.write_jsonl`` writes it, the keys of the old one that were read)."""
    source, modality, text, used = read_sample(row)
    return {modality: _name(source, modality, folder, output), "text": text}, used


def _name(source, modality, folder, output):
    """How ``output`` names a file: its path from its own folder. Bytes and data URLs are written out as pictures first.

    Raises:
        RowFault: an address, a file outside that folder, or no picture.
    """
    if isinstance(source, bytes) or DATA_URL.match(source):
        return _written(source, modality, output)
    if ADDRESS.match(source):
        raise RowFault(message("convert.address", name=shown(source)), message("convert.address_cure"))
    if "\\" in source and not (folder / source).exists():
        source = source.replace("\\", "/")
    if not source.strip() or "\0" in source or half_character(source):
        raise RowFault(message("file.impossible", file=shown(source)), message("file.impossible_cure"))
    if DRIVE.match(source):
        raise RowFault(message("file.absolute", file=shown(source)), message("file.outside_cure"))
    try:
        return relative(folder / source, output)
    except ValueError as error:
        facts = {"name": shown(source), "output": output.name}
        raise RowFault(message("convert.outside", **facts), message("convert.outside_cure")) from error


def _written(source, modality, output):
    """The path, from the output's folder, of a picture that stood in the data file: named by its content."""
    if modality != "image":
        raise RowFault(message("convert.no_picture", modality=modality), message("convert.no_picture_cure"))
    try:
        data = source if isinstance(source, bytes) else _decoded(source)
        picture_size(data)
    except PictureError as error:
        raise RowFault(error.reason, error.cure) from error
    suffix = Image.open(io.BytesIO(data), formats=FORMATS).format.lower()
    file = output.with_name(f"{output.stem}.files") / f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
    if not file.is_file():
        write_bytes(file, data)
    return relative(file, output)


def _decoded(url):
    """The bytes in a data URL; those that say ``;base64`` only."""
    head, _, text = url.partition(",")
    try:
        if not head.lower().endswith(";base64"):
            raise binascii.Error(head[:40])
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RowFault(message("convert.base64", why=error), message("picture.again_cure")) from error


def _write(made, output, talks):
    """Write the rows; a file that is there already stays, and must hold the same."""
    if talks:
        lists = [key for key in (f"{modality}s" for modality in MARKS) if any(row[key] for row in made)]
        rows = [{key: row[key] for key in ("messages", *lists)} for row in made]
        text = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
    if not output.exists():
        write_text(output, text)
    elif not output.is_file() or output.read_bytes() != text.encode("utf-8"):
        raise FileExistsError(message("convert.exists", output=short(output)))
