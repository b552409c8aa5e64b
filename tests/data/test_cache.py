"""helpers.data.cache: a folder is used again only if it is whole and made from the same; other data is left alone."""

import json

import pytest

from helpers.data import cache

RECIPE = {"count": 2, "style": "印刷", "skip": [1]}


def begin(folder, recipe=RECIPE):
    with cache.filling(folder, recipe):
        pass


def fill(folder, recipe=RECIPE):
    """A finished folder of two pictures."""
    rows = [{"image": f"images/{number}.png", "text": "x"} for number in range(2)]
    with cache.filling(folder, recipe):
        for row in rows:
            (folder / row["image"]).write_bytes(b"picture")
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_a_filled_folder_is_finished(tmp_path):
    assert cache.finished(fill(tmp_path / "set"), RECIPE)


def test_another_recipe_is_not_finished(tmp_path):
    assert not cache.finished(fill(tmp_path / "set"), RECIPE | {"count": 3})


@pytest.mark.parametrize("lost", ["images/1.png", "data.jsonl", "made_from.json"])
def test_a_folder_without_one_file_is_not_finished(tmp_path, lost):
    folder = fill(tmp_path / "set")
    (folder / lost).unlink()
    assert not cache.finished(folder, RECIPE)


@pytest.mark.parametrize("note", ["[1, 2]", "null", "not JSON", b"\xff\xfe"])
def test_note_of_another_form_is_another_recipe(tmp_path, note):
    folder = fill(tmp_path / "set")
    (folder / "made_from.json").write_bytes(note if isinstance(note, bytes) else note.encode())
    assert not cache.finished(folder, RECIPE)
    begin(folder)
    assert not list((folder / "images").iterdir())


def test_no_folder_is_not_finished(tmp_path):
    assert not cache.finished(tmp_path / "set", RECIPE)


def test_begin_empties_a_folder_made_before(tmp_path):
    folder = fill(tmp_path / "set")
    begin(folder, RECIPE | {"count": 3})
    assert not list((folder / "images").iterdir()) and not (folder / "data.jsonl").exists()
    assert not cache.finished(folder, RECIPE | {"count": 3})


@pytest.mark.parametrize("present", ["images", "data.jsonl"])
def test_data_of_somebody_else_is_left_alone(tmp_path, present):
    (tmp_path / present).mkdir()
    with pytest.raises(FileExistsError, match="already holds other data -> give a new folder"):
        begin(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [present]


def test_a_folder_that_another_run_fills_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.files.WAIT", 0.1)
    with cache.filling(tmp_path, RECIPE):
        (tmp_path / "images" / "1.png").touch()
        with pytest.raises(BlockingIOError, match="is being written by process"):
            begin(tmp_path)
        assert (tmp_path / "images" / "1.png").exists()
    begin(tmp_path)


def test_begin_keeps_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    begin(tmp_path)
    assert (tmp_path / "notes.txt").exists()
