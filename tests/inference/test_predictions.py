"""helpers.inference.predictions: pictures found and checked before any is read; JSONL that is whole or not there."""

import json
import os

import pytest
from PIL import Image

from helpers import files
from helpers.data.samples import Sample
from helpers.inference import predictions
from helpers.inference.predict import Answer


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("b.png", "a.jpg", "deep/c.PNG"):
        Image.new("L", (40, 20), 255).save(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no picture", encoding="utf-8")
    return tmp_path / "in"


def names(samples, folder):
    return [sample.file.relative_to(folder).as_posix() for sample in samples]


# --- finding ----------------------------------------------------------------------------------


def test_a_folder_gives_its_pictures_by_name_and_nothing_else(folder):
    assert names(predictions.find_pictures(folder), folder) == ["a.jpg", "b.png", "deep/c.PNG"]


def test_files_that_were_not_taken_are_named(folder, capsys):
    for name in ("d.HEIC", "deep/e.pdf", "f", ".DS_Store"):
        (folder / name).write_bytes(b"no picture that is known here")
    Image.new("L", (40, 20), 255).save(folder / "g.TIFF")
    Image.new("L", (40, 20), 255).save(folder / "h.jfif", format="JPEG")
    found = names(predictions.find_pictures(folder), folder)
    assert found == ["a.jpg", "b.png", "deep/c.PNG", "g.TIFF", "h.jfif"]
    line = capsys.readouterr().out
    assert line.startswith("in: 4 of 9 files not taken, no pictures (.png, ")
    assert ": d.HEIC, deep/e.pdf, f, notes.txt -> save " in line and line.count("\n") == 1


def test_of_many_files_the_first_are_named(folder, capsys):
    for number in range(20):
        (folder / f"{number:02}.pdf").touch()
    predictions.find_pictures(folder)
    assert "21 of 24 files not taken" in (line := capsys.readouterr().out)
    assert "00.pdf, 01.pdf, 02.pdf, 03.pdf, 04.pdf ... -> " in line


def test_nothing_is_said_where_every_file_was_taken(folder, capsys):
    (folder / "notes.txt").unlink()
    predictions.find_pictures(folder)
    assert capsys.readouterr().out == ""


def test_hidden_files_and_folders_are_not_looked_at(folder, capsys):
    (folder / "notes.txt").unlink()
    (folder / ".ipynb_checkpoints").mkdir()
    for name in ("._a.jpg", ".ipynb_checkpoints/a-checkpoint.jpg"):
        (folder / name).write_bytes(b"no picture")
    assert names(predictions.find_pictures(folder), folder) == ["a.jpg", "b.png", "deep/c.PNG"]
    assert capsys.readouterr().out == ""


def test_a_folder_below_a_hidden_one_is_looked_at(folder, tmp_path):
    hidden = folder.rename(tmp_path / ".cache")
    assert names(predictions.find_pictures(hidden), hidden) == ["a.jpg", "b.png", "deep/c.PNG"]


def test_a_folder_of_other_files_only_is_refused_with_their_names(tmp_path):
    (tmp_path / "a.heic").touch()
    with pytest.raises(ValueError, match=r"none of its 1 files is a picture \(.*\): a.heic -> save them as PNG"):
        predictions.find_pictures(tmp_path)


def test_a_list_keeps_its_order(folder):
    wanted = [folder / "b.png", str(folder / "a.jpg")]
    assert names(predictions.find_pictures(wanted), folder) == ["b.png", "a.jpg"]


def test_one_path_is_one_picture(folder):
    (found,) = predictions.find_pictures(str(folder / "b.png"))
    assert found == Sample(folder / "b.png", "")


def test_every_bad_picture_is_named_at_once_and_no_machine_path_is(folder):
    (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:40])
    (folder / "text.png").write_text("no picture", encoding="utf-8")
    with pytest.raises(ValueError, match="^2 of 5 pictures cannot be read\n") as caught:
        predictions.find_pictures(folder)
    assert "cut.png: " in str(caught.value) and "text.png: " in str(caught.value)
    assert str(folder) not in str(caught.value)


def test_missing_pictures_and_folders_in_a_list_are_named(folder):
    with pytest.raises(ValueError, match="(?s)^2 of 3 .*nowhere.png.*in: a folder"):
        predictions.find_pictures([folder / "nowhere.png", folder / "a.jpg", folder])


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no pictures in it"):
        predictions.find_pictures(tmp_path)


# --- saving and loading -----------------------------------------------------------------------


def samples_in(folder):
    return [Sample(folder / "a.jpg", "x"), Sample(folder / "b.png", "")]


def test_rows_come_back_as_they_were_saved(folder, tmp_path):
    path = tmp_path / "out" / "found.jsonl"
    predictions.save_predictions(path, samples_in(folder), [r"\alpha 中", "b\u2028"], model="m")
    first, second = predictions.load_predictions(path)
    assert first == {"image": "../in/a.jpg", "prediction": r"\alpha 中", "truth": "x", "model": "m"}
    assert second == {"image": "../in/b.png", "prediction": "b\u2028", "model": "m"}
    assert (path.parent / first["image"]).samefile(folder / "a.jpg")


def test_confidence_goes_into_the_row(folder, tmp_path):
    predictions.save_predictions(tmp_path / "f.jsonl", samples_in(folder)[:1], [Answer("y", -1.5, 0.4, 3)])
    (row,) = predictions.load_predictions(tmp_path / "f.jsonl")
    assert (row["prediction"], row["log_probability"], row["weakest"], row["tokens"]) == ("y", -1.5, 0.4, 3)


def test_one_answer_a_sample(folder, tmp_path):
    with pytest.raises(ValueError, match="2 samples, 1 answers"):
        predictions.save_predictions(tmp_path / "f.jsonl", samples_in(folder), ["y"])
    assert not (tmp_path / "f.jsonl").exists()


def test_a_server_that_said_nothing_gives_an_empty_prediction(folder, tmp_path):
    predictions.save_predictions(tmp_path / "f.jsonl", samples_in(folder), [None, ""])
    assert [row["prediction"] for row in predictions.load_predictions(tmp_path / "f.jsonl")] == ["", ""]


@pytest.mark.parametrize("answer", [["y"], 1.5, b"y", {"content": "y"}], ids=str)
def test_an_answer_that_is_no_text_is_refused_by_its_row(folder, tmp_path, answer):
    with pytest.raises(ValueError, match=f"1 answers are no text: row 1: {type(answer).__name__} "):
        predictions.save_predictions(tmp_path / "f.jsonl", samples_in(folder), ["y", answer])
    assert not (tmp_path / "f.jsonl").exists()


def test_a_failed_write_leaves_the_older_file_and_no_half_one(folder, tmp_path, monkeypatch):
    path = tmp_path / "f.jsonl"
    predictions.save_predictions(path, samples_in(folder), ["1", "2"])
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        predictions.save_predictions(path, samples_in(folder), ["3", "4"])
    assert path.read_bytes() == before
    assert not [name for name in os.listdir(tmp_path) if "partial" in name]


def test_the_file_is_never_seen_by_halves(folder, tmp_path, monkeypatch):
    seen = []
    replace = os.replace
    monkeypatch.setattr(files.os, "replace", lambda a, b: (seen.append((os.path.exists(b), whole(a))), replace(a, b)))
    predictions.save_predictions(tmp_path / "f.jsonl", samples_in(folder), ["1", "2"])
    assert seen == [(False, 2)]


def whole(path):
    with open(path, encoding="utf-8") as file:
        return len([json.loads(line) for line in file])


def test_videos_and_sounds_stand_under_their_own_names(folder, tmp_path):
    heard = [Sample(folder / "a.wav", "x", "audio"), Sample(folder / "b.mp4", "y", "video")]
    predictions.save_predictions(tmp_path / "f.jsonl", heard, ["1", "2"])
    first, second = predictions.load_predictions(tmp_path / "f.jsonl")
    assert first == {"audio": "in/a.wav", "prediction": "1", "truth": "x"} and second["video"] == "in/b.mp4"


@pytest.mark.parametrize(
    "text, reason",
    [
        ('{"image": "a"', "not JSON"),
        ('{"image": "a.png"}\n', "no prediction in it"),
        ('{"prediction": "x"}\n', "no image"),
        ('{"image": 1, "prediction": "x"}\n', "no image"),
        ("", "no rows"),
    ],
)
def test_damaged_files_are_named_with_their_line(tmp_path, text, reason):
    (tmp_path / "f.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"f\.jsonl:.*{reason}"):
        predictions.load_predictions(tmp_path / "f.jsonl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="none.jsonl: file is missing"):
        predictions.load_predictions(tmp_path / "none.jsonl")
