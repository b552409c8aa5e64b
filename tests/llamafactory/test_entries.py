"""helpers.llamafactory.entries: what an entry of dataset_info.json leaves out is named, as LLaMA-Factory would not."""

import json

import pytest

from helpers.data.formats import register
from helpers.llamafactory.entries import entry_problems

TALK = [{"role": "user", "content": "<image>Q"}, {"role": "assistant", "content": "A"}]
ROW = {"messages": TALK, "images": ["a.png"]}


def registered(folder, row):
    (folder / "d.json").write_text(json.dumps([row]), encoding="utf-8")
    register(folder / "dataset_info.json", "rows", "d.json")
    return folder / "d.json"


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        (ROW | {"system": "Be brief."}, "system"),
        ({"messages": [{"role": "system", "content": "x"}, *TALK], "images": ["a.png"]}, "system_tag"),
        (ROW | {"videos": ["a.mp4"]}, "videos"),
    ],
)
def test_entry_of_an_earlier_state_of_the_file_is_named(tmp_path, row, missing):
    file = registered(tmp_path, ROW)
    assert entry_problems(file) == []
    file.write_text(json.dumps([row]), encoding="utf-8")
    (problem,) = entry_problems(file)
    assert f"entry rows lacks {missing}:" in problem.reason and "data.register" in problem.cure
    assert not problem.warning
    register(tmp_path / "dataset_info.json", "rows", "d.json")
    assert entry_problems(file) == []


def test_other_entries_are_left_alone(tmp_path):
    file = registered(tmp_path, ROW)
    info = json.loads((tmp_path / "dataset_info.json").read_bytes())
    info |= {"other": {"file_name": "other.json"}, "odd": None}
    (tmp_path / "dataset_info.json").write_text(json.dumps(info), encoding="utf-8")
    assert entry_problems(file) == []
