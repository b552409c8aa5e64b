"""helpers.files: nothing is seen by halves, and a folder knows what it was made from."""

import errno
import json
import os
import subprocess
import sys
import threading

import pytest

from helpers import files
from helpers.files import (
    changed_recipe,
    locked,
    note_recipe,
    read_text,
    relative,
    settle,
    whole_folder,
    write_text,
)
from helpers.paths import ROOT


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


def test_what_killed_processes_left_is_removed_and_what_living_ones_write_is_not(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f"a[1].txt.{pid}.partial" for pid in (ended.pid, os.getppid())] + ["a[1].txt.mine.partial", "a1.txt"]
    for name in names:
        (tmp_path / name).touch()
    write_text(tmp_path / "a[1].txt", "x")
    assert {path.name for path in tmp_path.iterdir()} == {"a[1].txt", *names[1:]}


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


def stop_at(monkeypatch, number):
    """The process is killed at its rename ``number``, as far as one that goes on can be."""
    done, rename = [], files.Path.rename

    def killed(path, target):
        done.append(path)
        if len(done) == number:
            raise SystemExit
        return rename(path, target)

    monkeypatch.setattr(files.Path, "rename", killed)
    return monkeypatch


@pytest.mark.parametrize("use", [settle, lambda folder: whole_folder(folder).__enter__()])
def test_a_kill_between_the_two_renames_loses_neither_folder(tmp_path, monkeypatch, use):
    for text in ("old", "new"):
        with monkeypatch.context() as patch:
            if text == "new":
                stop_at(patch, 2)
            with pytest.raises(SystemExit) if text == "new" else whole_folder(tmp_path / "other"):
                with whole_folder(tmp_path / "made") as folder:
                    write_text(folder / "a.txt", text)
    assert not (tmp_path / "made").exists()
    use(tmp_path / "made")
    assert read_text(tmp_path / "made" / "a.txt") == "new" and not list(tmp_path.glob(".*.replaced"))


def test_settling_puts_the_old_folder_back_if_the_new_one_is_gone_and_else_leaves_all_alone(tmp_path):
    write_text(tmp_path / ".made.replaced" / "a.txt", "old")
    settle(tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["made"] and read_text(tmp_path / "made" / "a.txt") == "old"
    write_text(tmp_path / "made.partial" / "a.txt", "half")
    settle(tmp_path / "made")
    settle(tmp_path / "nothing" / "there")
    assert read_text(tmp_path / "made" / "a.txt") == "old" and not (tmp_path / "nothing").exists()


# --- one process at a time --------------------------------------------------------------------

HOLDS = """
import sys, time
from helpers.files import locked, whole_folder
with globals()[sys.argv[1]](sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(files, "WAIT", 0.1)


@pytest.mark.parametrize("hold", [locked, whole_folder])
def test_a_folder_is_held_against_others_until_its_process_is_killed(tmp_path, hold, impatient):
    folder = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, hold.__name__, str(folder)], cwd=ROOT, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        said = (
            rf"^run is being written by process {other.pid} since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d -> .*another folder$"
        )
        with pytest.raises(BlockingIOError, match=said), hold(folder):
            pytest.fail("held twice")
        other.kill()
    with hold(folder):
        pass
    assert not list(tmp_path.rglob("*.lock")) and not list(tmp_path.rglob("*.partial"))


def test_a_folder_is_held_against_other_threads_too_and_given_back_by_a_run_that_fails(tmp_path, impatient):
    def second():
        with pytest.raises(BlockingIOError) as caught, locked(tmp_path):
            pytest.fail("held twice")
        refused.append(f"process {os.getpid()} " in str(caught.value))

    refused = []
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        raise KeyboardInterrupt
    with locked(tmp_path / "." / "x" / ".."):
        assert refused == [True]


def test_a_drive_without_locks_is_named_and_written(tmp_path, monkeypatch, capsys):
    def no_locks(self):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    with locked(tmp_path / "run"):
        write_text(tmp_path / "run" / "a.txt", "x")
    assert "run: this drive knows no locks -> " in capsys.readouterr().out


# --- disks that are full or may not be written -------------------------------------------------


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
