"""Rows that are JSON, and that ``datasets`` cannot read: it wants one kind of value in each column, at every depth.

``datasets`` 4.0.0 reads JSON by pyarrow and pandas; tests/data/test_columns.py asks it about each rule here.
"""

from dataclasses import dataclass
from pathlib import Path

from helpers.data.rows import KINDS, is_jsonl, shown
from helpers.language import message

MAX_DEPTH = 62  # lists and objects in one another, that Arrow takes in a column
BATCH = 10 * 2**20  # bytes: of a JSONL, datasets learns the columns from so many and no more
EDGES = -(2**63), 2**63  # of a whole number


@dataclass
class Kind:
    """What is known of a place in the rows: the first kind of value there, "" after null alone, and its row.

    name: a key of messages.toml; whole: no number with a fraction yet; others: how many values of another kind.
    """

    name: str
    row: int
    whole: bool = True
    others: int = 0


def add_column_faults(records, rows, path, form):
    """Add the faults to ``records`` that have no other; for a form that LLaMA-Factory does not read they are warnings.

    Args:
        rows: [(row, value)] that the records were read from.
    """
    whole = {record.row: record for record in records if not record.faults}
    for row, *found in column_faults([(row, value) for row, value in rows if row in whole], path):
        (whole[row].faults if form == "sharegpt" else whole[row].warnings).append(tuple(found))


def column_faults(rows, path):
    """[(row, reason, cure)] of values that keep ``datasets`` from reading the file at all; one for each place.

    Args:
        rows: [(row, object)]
        path: where they were read: a long JSONL is read in parts.
    """
    kinds, faults = {}, {}
    first = _rows_of_first_batch(path) if rows and is_jsonl(path) else None
    for row, value in rows:
        late = first is not None and row > first
        _look(value, (), row, kinds, faults, late)
    counts = {place: kinds[place].others for place in faults if place in kinds and kinds[place].others > 1}
    return [(row, reason + _more(counts.get(place)), cure) for place, (row, reason, cure) in faults.items()]


def _more(count):
    return message("columns.more", count=count - 1) if count else ""


def _rows_of_first_batch(path):
    """The number of the last line from which the columns are learnt, or None if that is all of the file."""
    data = Path(path).read_bytes()
    return data.count(b"\n", 0, BATCH) + 1 if len(data) > BATCH else None


def _look(value, place, row, kinds, faults, late):
    """Note the kinds of ``value`` and of what is in it; ``place``: the keys that lead to it, "[]" into a list."""
    if len(place) > MAX_DEPTH + 1:  # the column's name, and as many [] or keys
        faults.setdefault(place, (row, *_too_deep(place)))
        return
    _compare(value, place, row, kinds, faults, late)
    if isinstance(value, dict):
        for key, inside in value.items():
            _look(inside, (*place, key), row, kinds, faults, late)
    elif isinstance(value, list):
        for inside in value:
            _look(inside, (*place, "[]"), row, kinds, faults, late)
    elif type(value) is int and not EDGES[0] <= value < EDGES[1]:
        reason = message("columns.long_number", place=_shown(place))
        faults.setdefault((*place, "number"), (row, reason, message("columns.long_number_cure")))


def _compare(value, place, row, kinds, faults, late):
    """Note a fault if the value is of another kind than those before it at its place, or comes too late."""
    name, known = "" if value is None else KINDS[type(value)], kinds.get(place)
    if late and _is_new(value, place, known) and not any(place[:end] in faults for end in range(len(place))):
        facts = message("columns.late", place=_shown(place), size=BATCH // 2**20), message("columns.late_cure")
        faults.setdefault(place, (row, *facts))
    if known is None or (name and not known.name):
        known = kinds[place] = Kind(name, row)
    if name and name != known.name:
        known.others += 1
        facts = {"kind": message(name), "other": message(known.name), "row": known.row}
        reason = message("columns.kinds", place=_shown(place), **facts)
        faults.setdefault(place, (row, reason, message("columns.kinds_cure")))
    known.whole = known.whole and not isinstance(value, float)


def _is_new(value, place, known):
    """Whether a value does not fit the column that ``known`` describes: a new key, null alone so far, whole numbers."""
    if known is None:
        return value is not None or place[-1] != "[]"
    return value is not None and (not known.name or (known.whole and isinstance(value, float)))


def _too_deep(place):
    return message("columns.deep", place=_shown(place[:1]), limit=MAX_DEPTH), message("columns.deep_cure")


def _shown(place):
    """The keys that lead to a value, as the reader would write them: 'id', 'messages[].content'."""
    return shown(".".join(place).replace(".[]", "[]"))
