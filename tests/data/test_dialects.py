"""helpers.data.dialects: foreign forms are recognised, this project's own are not taken for one."""

import json

import pytest

from helpers.data.dialects import RowFault, file_key, folded, media_of, read_sample, recognise
from helpers.data.formats import Turn, write_conversations, write_minicpm, write_qwen2_vl, write_sharegpt
from helpers.data.samples import Sample, write_jsonl

LLAVA = {"image": "a.png", "conversations": [{"from": "human", "value": "<image>a"}, {"from": "gpt", "value": "b"}]}
OPENAI = {
    "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "b"}]
}


def test_what_this_project_writes_is_its_own(tmp_path):
    samples = [Sample(tmp_path / f"{number}.png", "x") for number in range(3)]
    write_jsonl(samples, tmp_path / "a.jsonl")
    assert recognise([json.loads(line) for line in (tmp_path / "a.jsonl").read_text("utf-8").splitlines()]) == ""
    write_qwen2_vl(samples, tmp_path / "1.json")
    write_minicpm(samples, tmp_path / "2.json", "a")
    write_sharegpt(samples, tmp_path / "3.json", "a")
    write_conversations([[Turn("a", "b"), Turn("c", "d")]], tmp_path / "4.json")
    for path in sorted(tmp_path.glob("*.json")):
        assert recognise(json.loads(path.read_text("utf-8"))) == "", path.name


@pytest.mark.parametrize(
    "row, name",
    [
        (LLAVA, "LLaVA"),
        ({"conversations": LLAVA["conversations"]}, "ShareGPT"),
        ({"Conversations": [{"From": "Human", "Value": "a"}]}, "ShareGPT"),
        (OPENAI, "OpenAI"),
        ({"messages": [{"role": "human", "content": "a"}]}, "ShareGPT"),
        ({"messages": [{"role": "user", "content": "a"}], "images": [{"path": "a.png"}]}, "ShareGPT"),
        ({"messages": [{"role": "user", "content": "<img>a.png</img>a"}]}, "ms-swift"),
        ({"query": "a", "response": "b"}, "ms-swift"),
        ({"instruction": "a", "input": "", "output": "b"}, "Alpaca"),
        ({"question": "a", "answer": "b", "image": "c.png"}, "question and answer"),
        ({"file_name": "a.png", "text": "b"}, "table"),
    ],
    ids=str,
)
def test_foreign_forms_are_recognised(row, name):
    assert recognise([row]) == name


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"a": 1},
        [1],
        "a",
        None,
        {"messages": []},
        {"messages": "a"},
        {"messages": [1]},
        {"text": "a"},
        {"image": "a.png"},
    ]
    + [{"messages": [{"role": "user", "content": None}]}, {"messages": [{"role": "tool", "content": "a"}]}]
    + [{"image": "a.png", "text": 3}, {"image": "a.png", "text": "b", "label": "c"}, {"instruction": "a"}],
    ids=str,
)
def test_faulty_rows_are_no_foreign_form(row):
    assert recognise([row]) == ""


def test_most_rows_decide():
    assert recognise([LLAVA, LLAVA, OPENAI, {}]) == "LLaVA"
    assert recognise([{}, {}, LLAVA]) == "" == recognise([])


def test_keys_in_any_case():
    assert folded({" Image ": 1, "TEXT": 2}) == {"image": 1, "text": 2}


def test_the_key_or_the_suffix_says_what_a_file_is():
    assert file_key({"path": "a.mp4", "text": ""}) == ("path", "video")
    assert file_key({"path": "a.dat"}) == ("path", "image") == file_key({"path": None})
    assert file_key({"video": "a.png", "path": "b"}) == ("video", "video") and file_key({"a": 1}) == (None, None)
    assert [media_of(name) for name in ("a.PNG", "a.wav", "png", "a.", "")] == ["image", "audio", None, None, None]


def test_a_row_of_a_table():
    assert read_sample({"img": ["a.png"], "latex": "x", "id": 1}) == ("a.png", "image", "x", {"img", "latex"})
    for row in ({"img": "a.png"}, {"latex": "x"}, {"img": ["a", "b"], "latex": "x"}, {"img": "", "latex": "x"}):
        with pytest.raises(RowFault):
            read_sample(row)
