"""helpers.data.records: four forms of record are read, and what is wrong with one is named by its row."""

import json

import pytest

from helpers.data.records import Problem, read_records

GOOD = b'{"image": "images/0.png", "text": "x"}\n'
ROWS = {
    "number": (GOOD + b"5\n", 2, "row is a number"),
    "null": (GOOD + b"null\n", 2, "row is null"),
    "other keys": (GOOD + b'{"image": "images/1.png", "text": "y", "label": 1}\n', 2, "unknown key 'label'"),
    "missing key": (GOOD + b'{"image": "images/1.png"}\n', 2, "no 'text'"),
    "null answer": (GOOD + b'{"image": "images/1.png", "text": null}\n', 2, "text is null, not a string"),
    "true answer": (GOOD + b'{"image": "images/1.png", "text": true}\n', 2, "text is true or false"),
    "number answer": (GOOD + b'{"image": "images/1.png", "text": NaN}\n', 2, "text is a number"),
    "list picture": (GOOD + b'{"image": ["images/1.png"], "text": "y"}\n', 2, "image is a list"),
    "empty answer": (GOOD + b'{"image": "images/1.png", "text": " \\n"}\n', 2, "empty answer"),
    "zero width answer": (GOOD + b'{"image": "images/1.png", "text": "\\u200b"}\n', 2, "empty answer"),
    "invisible answer": (GOOD + '{"image": "1.png", "text": "\u3000\ufeff\u0301"}\n'.encode(), 2, "empty answer"),
    "half character": (GOOD + b'{"image": "images/1.png", "text": "\\ud800"}\n', 2, "half a character"),
    "wrong decoding": (GOOD + '{"image": "images/1.png", "text": "\ufffd"}\n'.encode(), 2, "U+FFFD"),
    "conversations": (b'{"conversations": [{"role": "user", "value": "images/0.png"},'
                      b'{"role": "assistant", "value": "x"}]}', None, "qwen2_vl records in a .jsonl file"),
}  # fmt: skip


def turns(user="<image>Read:", assistant="x", content="content", roles=("user", "assistant")):
    return [{"role": roles[0], content: user}, {"role": roles[1], content: assistant}]


def write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def faults_of(path):
    """(row or None, reason) of every fault of a file and of its records."""
    records, faults = read_records(path)
    found = [(row, reason, cure) for row, reason, cure in faults]
    found += [(record.row, reason, cure) for record in records for reason, cure in record.faults]
    assert all(cure for _, _, cure in found)
    return [fault[:2] for fault in found]


# --- JSONL ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ROWS)
def test_bad_row_is_named(tmp_path, case):
    content, row, reason = ROWS[case]
    (tmp_path / "data.jsonl").write_bytes(content)
    ((place, found),) = faults_of(tmp_path / "data.jsonl")
    assert reason in found and place == row


@pytest.mark.parametrize("modality", ["image", "video", "audio"])
def test_row_names_its_file_as_what_it_is(tmp_path, modality):
    write(tmp_path / "data.jsonl", {modality: "a", "text": "x"})
    ((record,), faults) = read_records(tmp_path / "data.jsonl")
    assert record.files == [("a", modality)] and record.answers == ["x"] and faults == record.faults == []


def test_row_has_one_file(tmp_path):
    write(tmp_path / "none.jsonl", {"text": "x"})
    write(tmp_path / "two.jsonl", {"video": "a.mp4", "audio": "a.wav", "text": "x"})
    assert faults_of(tmp_path / "none.jsonl") == [(1, "no 'image'; keys are 'text'")]
    assert faults_of(tmp_path / "two.jsonl") == [(1, "video and audio in one row")]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"foo": 1}], "keys are 'foo': no known record"),
        ([{"image": "images/0.png", "text": "x"}], "jsonl records in a .json file"),
        ([{"audio": "0.wav", "text": "x"}], "jsonl records in a .json file"),
    ],
)
def test_rows_in_a_file_of_another_form_are_named(tmp_path, rows, reason):
    ((_, found),) = faults_of(write(tmp_path / "data.json", rows))
    assert reason in found


# --- conversations ----------------------------------------------------------------------------

SHAREGPT = {
    "too few marks": (
        {"messages": turns("Read:"), "images": ["images/0.png"]},
        "0 <image> placeholders, 1 image files",
    ),
    "too many marks": (
        {"messages": turns("<image><image>"), "images": ["images/0.png"]},
        "2 <image> placeholders, 1 image",
    ),
    "no pictures": ({"messages": turns()}, "1 <image> placeholders, 0 image files"),
    "wrong role": ({"messages": turns(roles=("human", "assistant")), "images": ["images/0.png"]}, "role 'human'"),
    "null role": ({"messages": turns(roles=("user", None)), "images": ["images/0.png"]}, "role null where assistant"),
    "no answer": ({"messages": turns()[:1], "images": ["images/0.png"]}, "the last turn is not the assistant's"),
    "no turns": ({"messages": []}, "messages is empty"),
    "turns of text": ({"messages": ["hello", "you"]}, "a turn is a string"),
    "messages null": ({"messages": None}, "messages is null"),
    "empty answer": ({"messages": turns(assistant=""), "images": ["images/0.png"]}, "empty answer"),
    "null answer": ({"messages": turns(assistant=None), "images": ["images/0.png"]}, "assistant's content is null"),
    "from, value": ({"messages": turns(content="value"), "images": []}, "a turn has no 'content'"),
    "images a string": ({"messages": turns("x"), "images": "images/0.png"}, "images is not a list of paths"),
    "images of nulls": ({"messages": turns("x"), "images": [None]}, "images is not a list of paths"),
    "unknown key": ({"messages": turns("x"), "image": "images/0.png"}, "unknown key 'image'"),
    "unknown key of a turn": (
        {"messages": [turns("x")[0], turns()[1] | {"loss": False}], "images": []},
        "unknown key 'loss'",
    ),
    "tools": ({"messages": turns("x"), "tools": "[]"}, "unknown key 'tools'"),
    "system without content": ({"messages": [{"role": "system"}, *turns("x")]}, "a turn has no 'content'; keys are"),
    "system null": ({"messages": [{"role": "system", "content": None}, *turns("x")]}, "system's content is null"),
    "system a number": ({"messages": turns("x"), "system": 5}, "system is a number, not a string"),
    "two systems": (
        {"messages": [{"role": "system", "content": "a"}, *turns("x")], "system": "b"},
        "a system message and a system key",
    ),
    "mark in system": ({"messages": turns("x"), "system": "See <image>"}, "<image> in a system message"),
    "id of another kind": ({"messages": turns("x"), "images": [], "id": [2**70]}, "more than 64 bits"),
    "video marks": ({"messages": turns("look"), "videos": ["images/0.png"]}, "0 <video> placeholders, 1 video files"),
    "mark in answer": ({"messages": turns("Read:", "<image>"), "images": ["images/0.png"]}, "<image> in an answer"),
}


@pytest.mark.parametrize("case", SHAREGPT)
def test_bad_sharegpt_record_is_named(tmp_path, case):
    record, reason = SHAREGPT[case]
    good = {"messages": turns("<image>Good:"), "images": ["images/1.png"]}
    found = faults_of(write(tmp_path / "data.json", [good, record]))
    assert any(reason in said for _, said in found) and {row for row, _ in found} == {1}


def test_sharegpt_record_names_its_files_in_order(tmp_path):
    record = {"messages": turns("<audio><image><image>Read:"), "images": ["1.png", "2.png"], "audios": ["a.wav"]}
    ((read,), _) = read_records(write(tmp_path / "data.json", [record]))
    assert read.files == [("1.png", "image"), ("2.png", "image"), ("a.wav", "audio")] and read.faults == []
    assert (read.prompts, read.answers) == (["<audio><image><image>Read:"], ["x"])


def test_system_text_is_that_of_the_message_or_the_column(tmp_path):
    message = [{"role": "system", "content": "a"}, *turns("x")]
    rows = [{"messages": message}, {"messages": turns("x"), "system": "b"}, {"messages": turns("x"), "system": None}]
    records, faults = read_records(write(tmp_path / "data.json", rows))
    assert [record.system for record in records] == ["a", "b", ""] and faults == []
    assert all(record.faults == record.warnings == [] for record in records)


def test_empty_system_message_is_a_warning(tmp_path):
    rows = [{"messages": [{"role": "system", "content": ""}, *turns("x")]}]
    ((record,), _) = read_records(write(tmp_path / "data.json", rows))
    ((reason, _),) = record.warnings
    assert "empty system message" in reason and record.faults == []


def test_what_nobody_sees_in_a_text_is_a_warning(tmp_path):
    rows = [{"messages": turns("<image>a\u202eb", "x \r\n"), "images": ["1.png"]}]
    ((record,), _) = read_records(write(tmp_path / "data.json", rows))
    prompt, answer = [reason for reason, _ in record.warnings]
    assert "U+202E" in prompt and "spaces or line breaks" in answer and record.faults == []


def test_column_of_two_kinds_is_a_fault_for_llamafactory_and_else_a_warning(tmp_path):
    rows = [{"messages": turns("x"), "id": 1}, {"messages": turns("x"), "id": "b"}]
    assert ["'id' is a string here" in reason for _, reason in faults_of(write(tmp_path / "a.json", rows))] == [True]
    both = turns("1.png", content="value")
    path = write(tmp_path / "b.json", [{"conversations": both, "id": 1}, {"conversations": both, "id": "b"}])
    assert faults_of(path) == [] and "'id' is a string" in read_records(path)[0][1].warnings[0][0]


@pytest.mark.parametrize("form", ["auto", "sharegpt"])
def test_form_of_another_project_is_one_fault_of_the_whole_file(tmp_path, form):
    talk = [{"from": "human", "value": "<image>Q"}, {"from": "gpt", "value": "x"}]
    path = write(tmp_path / "data.json", [{"id": "1", "image": "images/1.png", "conversations": talk}] * 3)
    records, ((row, reason, cure),) = read_records(path, form)
    assert records == [] and row is None and "LLaVA" in reason and "data.convert(path)" in cure


def test_minicpm_record_needs_its_mark_and_picture(tmp_path):
    rows = [
        {"id": "1", "image": "images/0.png", "conversations": turns("Read:")},
        {"id": "2", "image": None, "conversations": turns("<image>", roles=("user", "gpt"))},
    ]
    first, *second = faults_of(write(tmp_path / "data.json", rows))
    assert first == (0, "0 <image> placeholders, 1 image files")
    assert {(1, "image is null, not a string"), (1, "role 'gpt' where assistant is due")} <= set(second)


def test_qwen2_vl_record_is_one_picture_and_one_answer(tmp_path):
    both = turns("images/0.png", content="value")
    rows = [{"conversations": both * 2}, {"conversations": turns("images/1.png")}, {"conversations": both}]
    found = faults_of(write(tmp_path / "data.json", rows[:2]))
    assert [row for row, _ in found] == [0, 1, 1]
    assert found[0][1] == "4 turns" and "no 'value'" in found[1][1]
    assert faults_of(write(tmp_path / "data.json", rows[2:])) == []


def test_problem_reads_as_one_line():
    assert str(Problem("a.json", None, "why", "cure")) == "a.json: why -> cure"
    assert str(Problem("a.json", 0, "why", "cure")) == "a.json:0: why -> cure"
