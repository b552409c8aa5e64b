"""helpers.llamafactory.run: configurations, and real runs of a random tiny GLM-OCR: whole, killed, stopped, taken.

Nearly all of a run's 15 s are LLaMA-Factory's imports. Three runs are begun in processes of their own: one to be
killed, one (in two) to be stopped, one as a reader types it. All others, and what goes on with the killed one, are
forks (llamafactory_forks).
"""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import torch
import yaml
from llamafactory_places import BASE, config_of

from helpers import llamafactory
from helpers.disk import DiskError
from helpers.files import locked, whole_folder
from helpers.llamafactory.config import ConfigError
from helpers.llamafactory.errors import LlamaFactoryError
from helpers.llamafactory.process import environment, read_log
from helpers.models.load import load_processor
from helpers.paths import ROOT
from helpers.pretraining import tiny_glm_ocr
from helpers.pretraining.train import ask_for_float32
from helpers.settings import Settings

STEPS, SAVED = 48, 12
WEIGHTS = "adapter_model.safetensors"


# --- configurations -----------------------------------------------------------------------------


def test_unknown_recipe_names_those_there_are():
    with pytest.raises(FileNotFoundError, match="glm_ocr_export, .*, minicpm_v_lora_sft"):
        llamafactory.recipe("glm_ocr")


def test_recipe_text_is_the_whole_file_with_its_remarks():
    text = llamafactory.recipe_text("glm_ocr_lora_sft")
    assert yaml.safe_load(text) == BASE and "#   one GPU" in text and "# a loss every 10 steps" in text


def test_written_configuration_is_run_by_the_line_that_comes_back(tmp_path):
    export = llamafactory.recipe("minicpm_o_export")
    told = [llamafactory.write(config, tmp_path / "it is.yaml") for config in (BASE, export)]
    assert [shlex.split(line) for line in told] == [
        ["llamafactory-cli", "train", f"{tmp_path}/it is.yaml"],
        ["python", "-m", "helpers.llamafactory.child", "export", f"{tmp_path}/it is.yaml"],
    ]
    assert yaml.safe_load((tmp_path / "it is.yaml").read_text(encoding="utf-8")) == export


def test_overrides_hold_only_what_differs(place):
    config = config_of(place)
    assert all(key not in BASE or BASE[key] != value for key, value in config.items() if key not in BASE)
    changes = llamafactory.changes(BASE, config)
    assert "learning_rate" in changes and "0.0015" in changes
    assert "template" not in changes and str(place) not in changes


def test_changes_show_numbers_as_a_reader_would_write_them():
    said = llamafactory.changes({"a": 1e-05}, {"a": 1.5e-3 / 10, "b": 3.0})
    assert said.split()[3:] == ["a", "1e-05", "0.00015", "b", "-", "3"]


def test_paths_in_the_project_are_written_from_its_folder_on(place):
    assert config_of(ROOT / "output", model=place)["output_dir"] == "output/run"


def test_tracker_disabled_leaves_swanlab_out_and_offline_needs_no_account(place):
    assert "use_swanlab" not in config_of(place)
    offline = config_of(place, settings=Settings.tiny(tracker="offline", output_dir=place))
    assert (offline["use_swanlab"], offline["swanlab_mode"], offline["report_to"]) == (True, "offline", "none")
    assert offline["swanlab_logdir"] == str(place / "swanlog")


# --- real runs ----------------------------------------------------------------------------------

SCRIPT = """
import json, sys
from helpers import llamafactory
if __name__ == "__main__":
    llamafactory.train(json.loads(sys.argv[1]), nproc=int(sys.argv[2]))
"""


def begin(config, nproc=1):
    """A Python process that trains, as a notebook's kernel would."""
    command = [sys.executable, "-c", SCRIPT, json.dumps(config), str(nproc)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(path, process, seconds=300):
    end = time.monotonic() + seconds
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()  # else there is no end to what it says
            pytest.fail(process.stdout.read().decode())
        time.sleep(0.05)


def survivors(family, seconds=10):
    """Members of ``family`` that are still there after a while."""
    return psutil.wait_procs(family, timeout=seconds)[1]


def stop(process, number):
    """Send a signal; (output, processes it left behind)."""
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.send_signal(number)
    output = process.communicate(timeout=180)[0].decode()
    return output, survivors(family)


def run_whole(place):
    return llamafactory.train(config_of(place, "whole"))


def run_typed(place):
    """What a reader gets who types the line into a terminal."""
    config = config_of(place, "typed")
    program, *words = shlex.split(llamafactory.write(config, place / "typed.yaml"))
    command = [Path(sys.executable).with_name(program), *words]
    done = subprocess.run(command, cwd=ROOT, env=environment(config), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-3000:]


def run_failing(place):
    with pytest.raises(LlamaFactoryError) as caught:
        llamafactory.train(config_of(place, "failing", max_steps=2, optim="adamw_of_tomorrow"))
    return str(caught.value)


def run_killed(place):
    config = config_of(place, "killed")
    process = begin(config)
    wait_for(place / "killed" / f"checkpoint-{SAVED}" / "trainer_state.json", process)
    left = stop(process, signal.SIGKILL)[1]
    return left, (place / "killed" / "train_results.json").exists()


def run_interrupted(place):
    process = begin(config_of(place, "interrupted", num_train_epochs=500.0), nproc=2)
    wait_for(place / "interrupted" / "trainer_log.jsonl", process)
    return stop(process, signal.SIGINT)


def run_full(place):
    """Every weight, from a base kept in half precision, as the tiny ones in data/ are."""
    processor = load_processor("glm_ocr", Settings.tiny())
    model = tiny_glm_ocr.glm_ocr_model(processor).to(torch.bfloat16)
    for folder in (model, processor):
        folder.save_pretrained(place / "half")
    ask_for_float32(place / "half" / "config.json")
    frozen = {"freeze_vision_tower": False, "freeze_multi_modal_projector": False}
    base = llamafactory.recipe("glm_ocr_full_sft")
    return llamafactory.train(config_of(place, "full", model="half", base=base, max_steps=6, **frozen))


@pytest.fixture(scope="module")
def runs(place, forks):
    kinds = (run_whole, run_interrupted, run_killed, run_typed, run_failing, run_full)
    with ThreadPoolExecutor(2) as pool, forks.forking():
        started = {kind.__name__: pool.submit(kind, place) for kind in kinds}
        return {name: future.result() for name, future in started.items()}


@pytest.fixture(scope="module")
def later(place, forks, runs):
    """What the finished and the killed run allow: an export, and going on."""
    export = llamafactory.recipe("glm_ocr_export") | {
        "model_name_or_path": str(place / "model"),
        "adapter_name_or_path": str(place / "whole"),
        "export_dir": str(place / "merged"),
        "infer_dtype": "float32",
    }
    newest = sorted((place / "killed").glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))[-1]
    shutil.copytree(newest, place / "killed" / "checkpoint-47")
    (place / "killed" / "checkpoint-47" / "optimizer.pt").write_bytes(b"half")
    with ThreadPoolExecutor(2) as pool, forks.forking():
        merged, resumed = pool.submit(llamafactory.export, export), pool.submit(resume, place)
        return merged.result(), resumed.result(), newest


def resume(place):
    return llamafactory.train(config_of(place, "killed"))


def test_full_run_trains_every_part_in_float32(place, runs):
    from safetensors.torch import load_file

    before, after = (load_file(place / name / "model.safetensors") for name in ("half", "full"))
    assert before.keys() == after.keys() and {str(weight.dtype) for weight in after.values()} == {"torch.float32"}
    changed = {name for name in before if not torch.equal(before[name].float(), after[name])}
    for part in ("visual.blocks", "visual.merger", "visual.downsample", "language_model.layers", "lm_head"):
        assert any(part in name for name in changed), part
    assert runs["run_full"].metrics["train_loss"] > 0 and not (place / "full" / "adapter_config.json").exists()


def test_run_leaves_adapter_processor_and_losses(place, runs):
    run = runs["run_whole"]
    names = {path.name for path in run.folder.iterdir()}
    assert {WEIGHTS, "adapter_config.json", "processor_config.json", "train.yaml", "train.log"} <= names
    assert [step for step, _ in run.history] == list(range(1, STEPS + 1))
    assert run.history[-1][1] < run.history[0][1] - 0.5
    assert run.metrics["train_loss"] > 0 and run.seconds > 0


def test_line_in_a_terminal_trains_as_train_does(place, runs):
    typed = [row["loss"] for row in read_log(place / "typed" / "trainer_log.jsonl") if "loss" in row]
    assert typed == pytest.approx([loss for _, loss in runs["run_whole"].history], abs=0.01)
    assert (place / "typed" / WEIGHTS).is_file()


def test_adapter_names_no_machine_path(place, runs):
    folder = runs["run_whole"].folder
    assert json.loads((folder / "adapter_config.json").read_bytes())["base_model_name_or_path"] == "model"
    assert str(place) not in (folder / "README.md").read_text(encoding="utf-8")


def test_failing_run_says_what_and_why_in_few_lines(place, runs):
    said = runs["run_failing"]
    assert "adamw_of_tomorrow" in said and "Traceback" not in said and "train.log" in said
    assert len(said.splitlines()) < 14 and str(place) not in said


def test_interrupt_ends_every_process_of_a_run_in_two(place, runs):
    output, left = runs["run_interrupted"]
    assert "KeyboardInterrupt" in output and left == []
    assert "world size: 2" in (place / "interrupted" / "train.log").read_text(encoding="utf-8")


def test_killed_parent_takes_its_run_along(runs):
    left, finished = runs["run_killed"]
    assert left == [] and not finished


def test_killed_run_goes_on_from_its_last_whole_checkpoint_to_the_same_weights(place, runs, later):
    _, run, newest = later
    said = (place / "killed" / "train.yaml").read_text(encoding="utf-8")
    assert f"resume_from_checkpoint: {newest}" in said and not (place / "killed" / "checkpoint-47").exists()
    assert (run.folder / WEIGHTS).read_bytes() == (runs["run_whole"].folder / WEIGHTS).read_bytes()
    assert run.history == runs["run_whole"].history  # begun anew, it would hold the first steps twice


def test_finished_run_is_taken_and_nothing_is_started(place, runs, capsys, monkeypatch):
    monkeypatch.setattr("helpers.llamafactory.run.run_child", lambda *args: pytest.fail("started"))
    before = {path: path.stat().st_mtime_ns for path in (place / "whole").rglob("*")}
    assert llamafactory.train(config_of(place, "whole")) == runs["run_whole"]
    (line,) = capsys.readouterr().out.splitlines()
    assert "holds a finished run of the same recipe and data: it is taken" in line and "overwrite=True" in line
    assert {path: path.stat().st_mtime_ns for path in (place / "whole").rglob("*")} == before


def test_run_that_differs_is_refused_unless_the_old_one_may_be_lost(place, runs, tmp_path, capsys, monkeypatch):
    folder, started = shutil.copytree(place / "whole", tmp_path / "run"), []

    def run_child(verb, config, *rest):
        started.append(config["overwrite_output_dir"])
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.llamafactory.run.run_child", run_child)
    other = config_of(place) | {"output_dir": str(folder), "learning_rate": 0.001}
    with pytest.raises(
        FileExistsError, match="run holds a finished run of another recipe: learning_rate 0.0015, now 0.001"
    ):
        llamafactory.train(other)
    assert (folder / WEIGHTS).is_file() and not started
    with pytest.raises(KeyboardInterrupt):
        llamafactory.train(other, overwrite=True)
    assert "removed are adapter_config.json, adapter_model.safetensors" in capsys.readouterr().out
    assert started == [True] and not (folder / WEIGHTS).exists() and not list(folder.glob("checkpoint-*"))


def test_second_run_or_export_in_a_folder_is_refused(place, runs, monkeypatch):
    monkeypatch.setattr("helpers.files.WAIT", 0.1)
    monkeypatch.setattr("helpers.llamafactory.run.run_child", lambda *args: pytest.fail("started"))
    with locked(place / "whole"), pytest.raises(BlockingIOError, match="whole is being written by process"):
        llamafactory.train(config_of(place, "whole"), overwrite=True)
    export = llamafactory.recipe("glm_ocr_export") | {"model_name_or_path": str(place / "model")}
    export |= {"adapter_name_or_path": str(place / "whole"), "export_dir": str(place / "twice")}
    with whole_folder(place / "twice"), pytest.raises(BlockingIOError, match="twice is being written by process"):
        llamafactory.export(export)
    assert (place / "whole" / WEIGHTS).is_file()


@pytest.mark.parametrize("room", ["1m", "500k", "16k"])
def test_run_that_fills_the_disk_says_so_and_goes_on_later(place, runs, forks, tmp_path, room):
    """With room for a checkpoint, for none, and not even for the log."""
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", tmp_path], capture_output=True
    ).returncode:
        pytest.skip("no disk may be mounted here")
    config = config_of(place) | {"output_dir": str(tmp_path / "run"), "max_steps": 4, "save_steps": 1}
    try:
        with forks.forking():
            with pytest.raises((LlamaFactoryError, DiskError), match="no space left|the disk is full"):
                llamafactory.train(config)
            assert not (tmp_path / "run" / "finished.json").exists()
            subprocess.run(["mount", "-o", "remount,size=200m", tmp_path], check=True)
            run = llamafactory.train(config)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
    assert [step for step, _ in run.history] == [1, 2, 3, 4]


def test_export_loads_without_peft_and_says_the_same(place, later):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    folder = later[0]
    assert {"Modelfile", "model.safetensors", "processor_config.json"} <= {path.name for path in folder.iterdir()}
    base = AutoModelForImageTextToText.from_pretrained(place / "model")
    adapted = PeftModel.from_pretrained(base, place / "whole")
    merged = AutoModelForImageTextToText.from_pretrained(folder)
    ids = torch.arange(20, 60)[None]
    with torch.inference_mode():
        assert torch.allclose(adapted(input_ids=ids).logits, merged(input_ids=ids).logits, atol=1e-4)


def test_export_is_refused_into_the_adapter_or_over_something_else(place, runs):
    base = llamafactory.recipe("glm_ocr_export") | {"model_name_or_path": str(place / "model")}
    config = base | {"adapter_name_or_path": str(place / "whole")}
    for folder, said in ((place / "whole" / "merged", "inside the adapter's"), (place / "data", "something else")):
        with pytest.raises(ConfigError, match=said):
            llamafactory.export(config | {"export_dir": str(folder)})
    with pytest.raises(ConfigError, match="no adapter"):
        llamafactory.export(config | {"adapter_name_or_path": str(place / "data"), "export_dir": str(place / "new")})
