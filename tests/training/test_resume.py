"""helpers.training.resume: what a folder holds is taken, gone on with or refused, and nothing is removed unnamed."""

from dataclasses import replace

import pytest

from helpers.files import note_recipe
from helpers.training.resume import Run, find_run, prepare, save_run

FACTS = {"learning_rate": 0.0015, "epochs": 1, "data": 12, "base": 34}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


def fill(folder, *names, facts=FACTS):
    """A run with the files ``names``; without facts nobody knows of which."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", encoding="utf-8")
    if facts:
        note_recipe(folder, facts)


def finish(folder):
    run = Run([(1, 2.5), (2, 1.25)], [(2, 1.5)], {"train_runtime": 3.0}, folder, 4.5)
    fill(folder, "adapter/adapter_config.json", "checkpoint-2/x")
    save_run(run)
    return run


def content(folder):
    return sorted(path.name for path in folder.iterdir())


def test_new_folder_is_noted(folder, capsys):
    assert find_run(folder, FACTS) == ("new", "") and not folder.exists()
    assert prepare(folder, FACTS) == prepare(folder, FACTS) == (None, None)
    assert content(folder) == ["made_from.json"] and capsys.readouterr().out == ""


def test_finished_run_is_taken_as_it_was(folder, capsys):
    run = finish(folder)
    assert prepare(folder, FACTS) == (run, None)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("run holds a finished run of the same recipe and data: it is taken")
    assert "overwrite=True" in line and content(folder) == [
        "adapter",
        "checkpoint-2",
        "finished.json",
        "made_from.json",
    ]


def test_run_taken_is_the_one_in_the_folder_given(folder, tmp_path):
    run = finish(folder)
    folder.rename(tmp_path / "moved")
    assert prepare(tmp_path / "moved", FACTS)[0] == replace(run, folder=tmp_path / "moved")


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_bytes(b"half")])
def test_finished_run_that_lost_its_weights_is_not_taken(folder, harm, capsys):
    fill(folder, "adapter/adapter_model.safetensors", "trainer_log.jsonl")
    save_run(Run([(1, 2.5)], [], {}, folder, 4.5))
    assert find_run(folder, FACTS)[0] == "finished"
    harm(folder / "adapter" / "adapter_model.safetensors")
    assert find_run(folder, FACTS)[0] == "unfinished" and prepare(folder, FACTS) == (None, None)
    assert "no checkpoint; removed are adapter, finished.json, trainer_log.jsonl" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 0.001}, "of another recipe: learning_rate 0.0015, now 0.001 -> "),
        ({"data": 13}, "of another recipe: data -> "),
        ({"base": 1, "seed": 1}, "of another recipe: base; seed not set, now 1 -> "),
        ({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, "; and 2 more -> "),
    ],
)
@pytest.mark.parametrize("make", [finish, lambda folder: fill(folder, "checkpoint-3/x")])
def test_other_recipe_or_data_is_refused_and_named(folder, make, change, said):
    make(folder)
    before = content(folder)
    with pytest.raises(FileExistsError) as caught:
        prepare(folder, FACTS | change)
    kind = "a finished" if make is finish else "an unfinished"
    assert str(caught.value).startswith(f"run holds {kind} run of another recipe: ") and said in str(caught.value)
    assert "another folder, or overwrite=True" in str(caught.value) and content(folder) == before


@pytest.mark.parametrize("name", ["checkpoint-3/x", "adapter/x", "model-00001-of-00002.safetensors", "config.json"])
def test_weights_that_nobody_noted_are_refused(folder, name):
    fill(folder, name, facts=None)
    with pytest.raises(FileExistsError, match="weights without made_from.json.*overwrite=True"):
        prepare(folder, FACTS)
    assert (folder / name).exists()


@pytest.mark.parametrize("facts", [FACTS, FACTS | {"epochs": 2}])
def test_overwrite_removes_what_it_names(folder, facts, capsys):
    finish(folder)
    fill(folder, "notes.txt", "trainer_log.jsonl")
    state, line = find_run(folder, facts, overwrite=True)
    assert state == "overwritten" and ("epochs 1, now 2" in line) == (facts != FACTS)
    assert line.endswith("removed are adapter, checkpoint-2, finished.json, trainer_log.jsonl")
    assert prepare(folder, facts, overwrite=True) == (None, None)
    assert capsys.readouterr().out == line + "\n" and content(folder) == ["made_from.json", "notes.txt"]
    assert find_run(folder, facts) == ("new", "")


def test_losses_of_a_run_without_a_checkpoint_are_removed_and_named(folder, capsys):
    fill(folder, "trainer_log.jsonl")
    assert prepare(folder, FACTS) == (None, None)
    assert "removed are trainer_log.jsonl" in capsys.readouterr().out and content(folder) == ["made_from.json"]


def test_cut_off_checkpoints_are_named(folder, capsys):
    fill(folder, "checkpoint-3/x", "checkpoint-12/x")
    assert prepare(folder, FACTS) == (None, None) and content(folder) == ["made_from.json"]
    assert "cut off, and removed: checkpoint-12, checkpoint-3" in capsys.readouterr().out
