"""helpers.llamafactory.resume: which run an output_dir holds, and what LLaMA-Factory is told to go on with it."""

import json
import shutil
from pathlib import Path

import pytest
from llamafactory_places import config_of
from PIL import Image

from helpers.files import note_recipe
from helpers.llamafactory.resume import find_run, prepare, run_facts


def begun(config, step=3):
    """A folder as a killed run leaves it; its checkpoint is not whole."""
    folder = Path(config["output_dir"])
    (folder / f"checkpoint-{step}").mkdir(parents=True)
    note_recipe(folder, run_facts(config))
    rows = ({"current_steps": step, "loss": 1.0} for step in range(1, 6))
    (folder / "trainer_log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def test_facts_are_the_configuration_data_and_base(place):
    config = config_of(place)
    facts = run_facts(config)
    assert facts["learning_rate"] == 1.5e-3 and facts["processes"] == 1 and facts["data"] != facts["base"]
    indifferent = {
        "output_dir": "elsewhere",
        "overwrite_output_dir": True,
        "use_swanlab": True,
        "swanlab_mode": "local",
    }
    assert run_facts(config | indifferent) == facts
    assert run_facts(config | {"max_steps": 2}) == facts | {"max_steps": 2} and run_facts(config, 2) != facts


def test_a_changed_picture_row_or_base_is_named(place):
    folder = shutil.copytree(place / "data", place / "changed")
    shutil.copytree(place / "model", place / "other_model")
    config = config_of(place, "resume_data", data="changed", model="other_model")
    begun(config)
    assert find_run(config)[0] == "unfinished"
    with (place / "other_model" / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\7")
    with pytest.raises(FileExistsError, match="of another recipe: base -> take another folder, or overwrite=True"):
        find_run(config)
    Image.new("RGB", (90, 30)).save(next(folder.rglob("*.png")))
    with pytest.raises(FileExistsError, match="of another recipe: data; base ->"):
        find_run(config)


def test_a_killed_run_goes_on_with_the_losses_up_to_its_checkpoint(place, monkeypatch):
    config = config_of(place, "resume_killed")
    folder = begun(config)
    monkeypatch.setattr("helpers.training.resume.last_checkpoint", lambda folder: folder / "checkpoint-3")
    finished, settled = prepare(config | {"overwrite_output_dir": False})
    assert finished is None and settled["overwrite_output_dir"] is False
    assert settled["resume_from_checkpoint"] == str(folder / "checkpoint-3")
    rows = (folder / "trainer_log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["current_steps"] for row in rows] == [1, 2, 3]


def test_without_a_whole_checkpoint_it_is_begun_anew(place, capsys):
    config = config_of(place, "resume_broken")
    folder = begun(config)
    assert prepare(config) == (None, config | {"overwrite_output_dir": True})
    assert [path.name for path in folder.iterdir()] == ["made_from.json"]
    said = capsys.readouterr().out
    assert "cut off, and removed: checkpoint-3" in said and "removed are trainer_log.jsonl" in said


@pytest.mark.parametrize("how", ["argument", "key"])
def test_another_run_is_removed_only_when_it_may_be(place, how, capsys):
    config = config_of(place, f"resume_{how}")
    folder = begun(config)
    other = config | {"learning_rate": 5e-4}
    with pytest.raises(FileExistsError, match="learning_rate 0.0015, now 0.0005"):
        prepare(other)
    assert (folder / "checkpoint-3").is_dir()
    prepare(other, overwrite=True) if how == "argument" else prepare(other | {"overwrite_output_dir": True})
    assert "removed are checkpoint-3, trainer_log.jsonl" in capsys.readouterr().out
    assert find_run(other) == ("new", "")
