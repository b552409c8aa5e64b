"""CSV and TSV with files and texts, read without trust: which delimiter, is there a header, which column is what.

Cells in double quotes may hold delimiters, line breaks and, doubled, quotes. Where the quotes of a file with tabs do
not close, they are read as plain signs, as label files are written; any other such file is refused.
"""

import csv
import io
from pathlib import Path

from helpers.data.dialects import ANSWERS, QUESTIONS, TEXTS, file_key, find_key, media_of
from helpers.data.encodings import decode
from helpers.language import message
from helpers.paths import short

SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}  # with the delimiter that is tried first
DELIMITERS = ",\t;|"
CELL = 2**20  # characters of the longest cell; csv's own limit is 131,072


def read_table(path):
    """``([(line, {column: cell})], [(line or None, reason, cure)])``; columns in lower case, empty rows left out.

    A row of more or fewer cells is a fault, and so is a cell that swallowed further rows.

    Raises:
        ValueError: not UTF-8 (nor UTF-16 with its mark), with the encoding where it can be told; quotes that do not
            close; or no delimiter makes columns of files and texts of it.
    """
    text, unclosed = _decoded(path), None
    for delimiter in _candidates(text, Path(path).suffix.lower()):
        try:
            rows, faults = _split(text, delimiter)
        except csv.Error as error:
            unclosed = unclosed or error
            continue
        columns, header = _columns(rows[:200])
        if columns:
            good, bad = _named(rows[header:], columns, delimiter)
            return good, faults + bad
    if unclosed:
        raise ValueError(message("convert.quotes", file=short(path), why=unclosed))
    first = text.strip().split("\n")[0][:80]
    raise ValueError(message("convert.no_columns", file=short(path), first=repr(first)))


def _decoded(path):
    text, fault = decode(Path(path).read_bytes())
    byte, reason, cure = fault or (None, "", "")
    if byte is not None or not text and fault:  # a mark of UTF-8 or UTF-16 is no fault here
        raise ValueError(message("convert.encoding", file=short(path), reason=reason, cure=cure))
    return text


def _candidates(text, suffix):
    """The delimiters to try: the suffix's own for tabs, what csv.Sniffer finds, then all."""
    found = [SUFFIXES[suffix]] if SUFFIXES[suffix] == "\t" else []
    try:
        found.append(csv.Sniffer().sniff(text[:20_000], DELIMITERS).delimiter)
    except csv.Error:  # it sees no regular columns
        pass
    return list(dict.fromkeys([*found, *DELIMITERS]))


def _split(text, delimiter):
    """([(line where a row begins, cells)] without empty rows, faults); csv.Error for quotes that do not close."""
    csv.field_size_limit(CELL)
    try:
        return _rows(text, delimiter=delimiter, strict=True), []
    except csv.Error:
        if delimiter != "\t":
            raise
    fault = None, message("convert.plain_quotes"), message("convert.plain_quotes_cure")
    return _rows(text, delimiter=delimiter, quoting=csv.QUOTE_NONE), [fault]


def _rows(text, **options):
    reader = csv.reader(io.StringIO(text, newline=""), **options)
    rows, line = [], 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            rows.append((line, cells))
        line = reader.line_num + 1
    return rows


def _columns(rows):
    """(names of the columns, 1 if the first row is a header) of rows with files and texts, else (None, 0)."""
    if not rows or len(rows[0][1]) < 2:
        return None, 0
    head = [cell.strip().casefold() for cell in rows[0][1]]
    named = dict.fromkeys(head, "")
    if file_key(named)[0] and find_key(named, TEXTS + QUESTIONS + ANSWERS) and len(named) == len(head):
        return head, 1
    body = [cells for _, cells in rows[1:]] or [head]
    files = [place for place in range(len(head)) if all(len(row) > place and media_of(row[place]) for row in body)]
    if len(head) != 2 or len(files) != 1:
        return None, 0
    names = ["file", "text"] if files == [0] else ["text", "file"]
    return names, int(not media_of(head[files[0]]))


def _named(rows, columns, delimiter):
    """(rows by the names of their columns, faults) of (line, cells)."""
    good, faults = [], []
    for line, cells in rows:
        if len(cells) != len(columns):
            reason = message("convert.cells", count=len(cells), wanted=len(columns))
            faults.append((line, reason, message("convert.cells_cure")))
        elif any(_holds_rows(cell, delimiter) for cell in cells):
            faults.append((line, message("convert.swallowed"), message("convert.swallowed_cure")))
        else:
            good.append((line, dict(zip(columns, cells, strict=True))))
    return good, faults


def _holds_rows(cell, delimiter):
    """Whether a later line of a cell begins as a row does: with a file and the delimiter."""
    parts = [line.partition(delimiter) for line in cell.split("\n")[1:]]
    return any(found and media_of(first) for first, found, _ in parts)
