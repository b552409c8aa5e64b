"""helpers.data.conversations: every file finds its placeholder, in the order in which a person reads them."""

import pytest

from helpers.data.conversations import read_conversation
from helpers.data.dialects import RowFault


def asked(question, **row):
    found = read_conversation(
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "z"}]} | row
    )
    return found.messages[0][1], found.files


def test_files_of_the_row_fill_the_placeholders_in_order():
    assert asked("a <image> b <image>", images=["1", "2"]) == ("a <image> b <image>", [("1", "image"), ("2", "image")])


def test_files_in_the_text_and_of_the_row_are_told_apart():
    text, files = asked("<img>1</img> a <image> <img> 3 </img>", images=["2"])
    assert text == "<image> a <image> <image>" and files == [("1", "image"), ("2", "image"), ("3", "image")]


def test_files_without_a_placeholder_come_first():
    text, files = asked("a <img>2</img>", images="1", videos=["v"])
    assert text == "<video><image>a <image>" and sorted(files) == [("1", "image"), ("2", "image"), ("v", "video")]
    assert [source for source, modality in files if modality == "image"] == ["1", "2"]


def test_parts_stay_in_their_order():
    parts = [
        {"type": "image", "image": "1"},
        "a",
        {"type": "text", "text": "b"},
        {"type": "image_url", "image_url": "2"},
    ]
    assert asked(parts) == ("<image>a\nb<image>", [("1", "image"), ("2", "image")])


def test_later_questions_have_files_too():
    turns = ["<image>a", "b", "c <image>", "d"]
    rows = [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(turns)]
    found = read_conversation({"messages": rows, "images": ["1", "2"]})
    assert [text for _, text in found.messages] == turns and found.files == [("1", "image"), ("2", "image")]


def test_a_placeholder_that_is_only_text_is_refused():
    parts = [{"type": "text", "text": "what is <image>?"}, {"type": "image_url", "image_url": {"url": "1"}}]
    with pytest.raises(RowFault, match="1 <image> placeholders, 0 image files"):
        asked(parts)


def test_the_keys_that_were_read_are_noted():
    found = read_conversation({"query": "a", "response": "b", "images": [], "system": "s", "score": 1})
    assert found.used == {"query", "response", "images", "system", "history", "input"}
