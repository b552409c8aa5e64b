"""helpers.data.columns: what it refuses is what ``datasets`` cannot read, and nothing that ``datasets`` can."""

import json

import pytest

from helpers.data import columns
from helpers.data.columns import MAX_DEPTH, column_faults

TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]


def row(**more):
    return {"messages": TURNS, "images": ["a.png"]} | more


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def turn(content):
    return {"messages": [{"role": "user", "content": content}, TURNS[1]], "images": []}


READABLE = {
    "equal rows": [row(), row()],
    "number and fraction": [row(id=1), row(id=1.5)],
    "null and number": [row(id=None), row(id=1)],
    "key in some rows": [row(), row(id="x")],
    "empty and full lists": [row(images=[]), row()],
    "null and list": [row(images=None), row()],
    "null content": [turn(None), row()],
    "empty object": [row(id={}), row()],
    "objects of other keys": [row(id={"a": 1}), row(id={"b": "x"})],
    "not a number": [row(id=float("nan")), row(id=1)],
    "63 bits": [row(id=2**63 - 1), row(id=-(2**63))],
    "deepest": [row(id=nested(MAX_DEPTH))],
}
UNREADABLE = {  # row, what is said
    "number and string": ([row(id=1), row(id="b")], 1, "'id' is a string here and a number in row 0"),
    "string, then numbers": ([row(id="b"), row(id=1), row(id=2)], 1, "a string in row 0: "),
    "true and number": ([row(id=True), row(id=1)], 1, "'id' is a number here and true or false"),
    "object and string": ([row(id={"a": 1}), row(id="b")], 1, "'id' is a string here and an object"),
    "list and string": ([row(id=[]), row(id="b")], 1, "'id' is a string here and a list"),
    "mixed list": ([row(id=[1, "a"])], 0, "'id[]' is a string here and a number in row 0"),
    "in an object": ([row(id={"a": 1}), row(id={"a": "x"})], 1, "'id.a' is a string"),
    "list of content": (
        [turn([{"type": "text"}]), row()],
        0,
        "'messages[].content' is a string here and a list in row 0",
    ),
    "65 bits": ([row(id=1), row(id=2**64)], 1, "'id' is a whole number of more than 64 bits"),
    "65 bits below": ([row(id=-(2**63) - 1)], 0, "more than 64 bits"),
    "too deep": ([row(id=nested(MAX_DEPTH + 1))], 0, f"'id' holds lists or objects more than {MAX_DEPTH} deep"),
}


def write(path, rows):
    path.write_text(
        json.dumps(rows) if path.suffix == ".json" else "".join(json.dumps(one) + "\n" for one in rows), "utf-8"
    )
    return path


def is_read_by_datasets(path, **options):
    """As LLaMA-Factory asks it to."""
    from datasets import load_dataset

    options |= {"data_files": [str(path)], "split": "train", "cache_dir": str(path.parent / "cache")}
    try:
        load_dataset("json", **options)
    except Exception:  # noqa: BLE001 - whatever it is
        return False
    return True


@pytest.mark.parametrize("case", READABLE)
def test_what_datasets_reads_is_not_refused(tmp_path, case):
    rows = READABLE[case]
    for name in ("d.json", "d.jsonl"):
        path = write(tmp_path / name, rows)
        assert column_faults(list(enumerate(rows)), path) == [] and is_read_by_datasets(path), name


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_datasets_cannot_read_is_named(tmp_path, case):
    rows, place, reason = UNREADABLE[case]
    path = write(tmp_path / "d.json", rows)
    ((found, said, cure),) = column_faults(list(enumerate(rows)), path)
    assert found == place and reason in said and cure
    assert not is_read_by_datasets(path)


def test_one_fault_stands_for_all_rows_of_its_kind(tmp_path):
    rows = [row(id="b"), *[row(id=number) for number in range(5)]]
    ((place, reason, _),) = column_faults(list(enumerate(rows)), tmp_path / "d.json")
    assert place == 1 and reason.endswith("(in 4 more rows, too)")


# --- a long JSONL, of which datasets reads the first part alone before it decides -----------------

LATE = {
    "new key": ({}, {"id": 1}, "'id'"),
    "after nulls": ({"id": None}, {"id": "x"}, "'id'"),
    "fraction after whole numbers": ({"id": 1}, {"id": 1.5}, "'id'"),
    "file after empty lists": ({"images": []}, {"images": ["x"]}, "'images[]'"),
    "new key of a turn": ({}, {"messages": [TURNS[0] | {"name": "x"}, TURNS[1]]}, "'messages[].name'"),
}
NOT_LATE = {
    "key that stops": ({"id": 1}, {}),
    "whole number after fractions": ({"id": 1.5}, {"id": 1}),
    "lists that end": ({}, {"images": []}),
    "null after strings": ({"id": "x"}, {"id": None}),
}


PART = 2**16  # bytes instead of 10 MB


@pytest.fixture
def long_jsonl(tmp_path, monkeypatch):
    """A function (most rows, last row) -> path, rows of a file that is longer than a part."""
    from datasets.packaged_modules.json.json import JsonConfig

    assert JsonConfig().chunksize == columns.BATCH
    monkeypatch.setattr(columns, "BATCH", PART)

    def make(first, last):
        rows = [row(pad="x" * 500) | first] * (PART // 500) + [row(pad="y") | last]
        return write(tmp_path / "d.jsonl", rows), list(enumerate(rows, 1))

    return make


@pytest.mark.parametrize("case", LATE)
def test_what_comes_after_the_first_part_is_named(long_jsonl, case):
    path, rows = long_jsonl(*LATE[case][:2])
    ((place, reason, cure),) = column_faults(rows, path)
    assert place == len(rows) and f"{LATE[case][2]} is new here" in reason and ".json file" in cure
    assert not is_read_by_datasets(path, chunksize=PART)
    assert column_faults(rows, path.with_suffix(".json")) == []


@pytest.mark.parametrize("case", NOT_LATE)
def test_what_ends_early_is_no_fault(long_jsonl, case):
    path, rows = long_jsonl(*NOT_LATE[case])
    assert column_faults(rows, path) == [] and is_read_by_datasets(path, chunksize=PART)
