"""helpers.data.rows: JSON and JSONL of any encoding or form is read as far as it goes, with every fault named."""

import json
import sys

import pytest

from helpers.data.rows import half_character, is_jsonl, kind, read_rows, shown

GOOD = b'{"image": "images/0.png", "text": "x"}\n'
FILES = {
    "empty": (b"", None, "no rows"),
    "only white space": (b" \n\n", None, "no rows"),
    "gbk": (GOOD + '{"image": "images/1.png", "text": "公式"}'.encode("gbk"), 2, "not UTF-8 at byte 74"),
    "neither": (b'{"image": "images/0.png", "text": "\xff\xff"}', 1, "not UTF-8 at byte 35"),
    "bom": (b"\xef\xbb\xbf" + GOOD, None, "byte order mark"),
    "utf-16": (GOOD.decode().encode("utf-16"), None, "UTF-16"),
    "broken line": (GOOD + b'{"image": "images/1.png", "text": }\n', 2, "not JSON at column 35"),
    "cut line": (GOOD + b'{"image": "ima', 2, "not JSON at column"),
    "deep": (GOOD + b"[" * 100_000 + b"]" * 100_000, 2, "no reader takes"),
    "huge number": (GOOD + b'{"image": ' + b"9" * 5000 + b"}", 2, "no reader takes"),
    "a list": (b'[{"image": "images/0.png", "text": "x"}]', None, "a JSON list in a .jsonl file"),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_jsonl_is_named(tmp_path, case):
    content, row, reason = FILES[case]
    (tmp_path / "data.jsonl").write_bytes(content)
    ((place, found, cure),) = read_rows(tmp_path / "data.jsonl")[1]
    assert reason in found and place == row and cure


def test_key_that_stands_twice_in_an_object_is_named_with_its_row(tmp_path):
    twice = '{"text": "y", "talk": [{"a": 1}, {"a": 1, "b": 2, "a": 3}]}'
    for name, text, row in (("d.jsonl", '{"text": "x"}\n' + twice, 2), ("d.json", '[{"text": "x"}, ' + twice + "]", 1)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        rows, ((place, reason, cure),) = read_rows(tmp_path / name)
        assert place == row and "key 'a' twice" in reason and cure and rows[1][1]["talk"][1] == {"a": 3, "b": 2}


def test_gbk_file_is_read_on(tmp_path):
    texts = [{"text": "公式"}, {"text": ""}]
    (tmp_path / "data.jsonl").write_bytes(
        "".join(json.dumps(t, ensure_ascii=False) + "\n" for t in texts).encode("gbk")
    )
    rows, ((row, reason, cure),) = read_rows(tmp_path / "data.jsonl")
    assert rows == [(1, texts[0]), (2, texts[1])] and row == 1 and "gb18030" in cure


COMMA = "line 2, column 9: Illegal trailing comma" if sys.version_info >= (3, 13) else "line 3, column 1"
JSON_FILES = {
    "cut": ('[{"messages": [', "not JSON at line 1, column 16"),
    "comma": ('[\n{"a": 1},\n]', f"not JSON at {COMMA}"),
    "object": ('{"messages": []}', "top level is an object"),
    "string": ('"hello"', "top level is a string"),
    "empty list": ("[]", "no rows"),
}


@pytest.mark.parametrize("case", JSON_FILES)
def test_bad_json_is_named(tmp_path, case):
    content, reason = JSON_FILES[case]
    (tmp_path / "data.json").write_text(content, encoding="utf-8")
    rows, ((row, found, cure),) = read_rows(tmp_path / "data.json")
    assert rows == [] and row is None and reason in found and cure


def test_rows_count_from_1_in_lines_and_from_0_in_a_list(tmp_path):
    (tmp_path / "a.jsonl").write_text('\n{"a": "x\u2028y"}\n\n{"a": 2}\n', encoding="utf-8")
    (tmp_path / "a.json").write_text('[{"a": 1}, null]', encoding="utf-8")
    assert read_rows(tmp_path / "a.jsonl") == ([(2, {"a": "x\u2028y"}), (4, {"a": 2})], [])
    assert read_rows(tmp_path / "a.json") == ([(0, {"a": 1}), (1, None)], [])


def test_jsonl_under_the_name_of_json_gets_the_cure(tmp_path):
    (tmp_path / "data.json").write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    assert "rename it to .jsonl" in read_rows(tmp_path / "data.json")[1][0][2]


def test_folder_and_missing_file_are_named(tmp_path):
    assert "a folder" in read_rows(tmp_path)[1][0][1]
    assert "missing" in read_rows(tmp_path / "nowhere.json")[1][0][1]


def test_name_says_whether_a_file_has_one_object_a_line():
    names = ("a.jsonl", "a.NDJSON", "a.json", "a.jsonl.bak")
    assert [is_jsonl(name) for name in names] == [True, True, False, False]


def test_values_are_named_in_words():
    values = (None, True, 1, 0.5, "x", [], {})
    words = ["null", "true or false", "a number", "a number", "a string", "a list", "an object"]
    assert [kind(value) for value in values] == words


def test_shown_text_is_short_and_of_one_line():
    assert shown("two\nlines") == r"'two\nlines'" and len(shown("x" * 500)) == 62


def test_half_a_character_is_found():
    assert half_character("a\ud800") and not half_character("\U0001f600公")
