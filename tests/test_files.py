"""helpers.files: nothing is seen by halves, and a folder knows what it was made from."""

import json

import pytest

from helpers.files import changed_recipe, note_recipe, read_text, relative, whole_folder, write_text


def test_text_is_utf8_and_its_folder_is_made(tmp_path):
    write_text(tmp_path / "new" / "a.txt", "公式\r\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "公式\r\n".encode()
    assert read_text(tmp_path / "new" / "a.txt") == "公式\r\n"


def test_byte_order_mark_is_not_part_of_a_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfx")
    assert read_text(tmp_path / "a.txt") == "x"


def test_text_of_another_encoding_is_named_with_its_first_wrong_byte(tmp_path):
    (tmp_path / "a.txt").write_bytes("ab公".encode("gbk"))
    with pytest.raises(ValueError, match="^a.txt: not UTF-8 at byte 2 -> .*gb18030"):
        read_text(tmp_path / "a.txt")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_write_that_stops_before_the_end_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, error):
    write_text(tmp_path / "a.txt", "old")

    def stop(source, target):
        raise error

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(error):
        write_text(tmp_path / "a.txt", "new")
    assert read_text(tmp_path / "a.txt") == "old" and [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_paths_are_written_from_the_folder_of_the_data_file(tmp_path, monkeypatch):
    assert relative(tmp_path / "images" / "1.png", tmp_path / "data.jsonl") == "images/1.png"
    monkeypatch.chdir(tmp_path)
    assert relative("images/../1.png", "data.jsonl") == "1.png"
    with pytest.raises(ValueError, match="1.png lies outside inner/, the folder of data.jsonl -> "):
        relative(tmp_path / "1.png", tmp_path / "inner" / "data.jsonl")


# --- folders ----------------------------------------------------------------------------------


def test_folder_appears_when_it_is_whole_and_takes_the_place_of_the_old_one(tmp_path):
    for text in ("old", "new"):
        with whole_folder(tmp_path / "made") as folder:
            assert list(folder.iterdir()) == []
            assert not (tmp_path / "made").exists() or read_text(tmp_path / "made" / "a.txt") == "old"
            write_text(folder / "a.txt", text)
    assert read_text(tmp_path / "made" / "a.txt") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_folder_that_fails_leaves_the_old_one_and_is_begun_anew(tmp_path):
    with whole_folder(tmp_path / "made") as folder:
        write_text(folder / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "made") as folder:
        write_text(folder / "half.txt", "half")
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["a.txt"]
    with whole_folder(tmp_path / "made") as folder:
        assert list(folder.iterdir()) == []


# --- what a folder was made from --------------------------------------------------------------


def test_recipe_is_the_same_whatever_json_makes_of_it(tmp_path):
    recipe = {"files": [("a", 1)], "style": "印刷", "limit": None, 3: 0.1}
    assert changed_recipe(tmp_path, recipe) is None
    note_recipe(tmp_path, recipe)
    assert changed_recipe(tmp_path, recipe) == {}


def test_changes_are_named_with_both_values(tmp_path):
    note_recipe(tmp_path, {"a": 1, "b": 2, "c": 3})
    assert changed_recipe(tmp_path, {"a": 1, "b": 5, "d": 4}) == {"b": (2, 5), "c": (3, None), "d": (None, 4)}


@pytest.mark.parametrize("note", [json.dumps([1, 2]), "null", "{", "\udcff"])
def test_note_of_another_form_is_another_recipe(tmp_path, note):
    (tmp_path / "made_from.json").write_bytes(note.encode("utf-8", "surrogateescape"))
    assert changed_recipe(tmp_path, {"a": 1})["a"] == (None, 1)
