"""helpers.training.tracking: what SwanLab keeps of a run, what it must not, and that it never stops a training."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
import yaml
from PIL import Image

from helpers.data.samples import Sample
from helpers.paths import ROOT
from helpers.settings import Settings
from helpers.training import swanlab_console, tracking

LOCAL_HINT = "SwanLab (local): in the project folder, open the board with: swanlab watch <output_dir>/swanlog\n"


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """Neither an account of this machine nor a way out; attempts to go out are listed."""
    attempts = []

    def refuse(self, address):
        attempts.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    for name in [name for name in os.environ if name.startswith("SWANLAB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SWANLAB_ROOT", str(tmp_path / "nobody"))
    monkeypatch.chdir(tmp_path)
    yield attempts
    tracking.finish_tracking()


def start(tmp_path, tracker="local", **config):
    settings = Settings.tiny(tracker=tracker, output_dir=tmp_path / "output")
    return tracking.start_tracking(settings, "lessons", "toy", config)


def train(tmp_path, callbacks, steps=6):
    """A real Trainer on a model of five weights."""
    import torch
    from transformers import Trainer, TrainingArguments

    class Toy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.line = torch.nn.Linear(4, 1)

        def forward(self, x, labels):
            return {"loss": ((self.line(x).squeeze(-1) - labels) ** 2).mean()}

    args = TrainingArguments(
        tmp_path / "trainer", max_steps=steps, logging_steps=2, learning_rate=0.125, report_to="none", use_cpu=True,
        save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    data = [{"x": torch.full((4,), i / 8), "labels": torch.tensor(i / 4)} for i in range(8)]
    trainer = Trainer(Toy(), args, train_dataset=data, callbacks=callbacks)
    trainer.remove_callback(next(c for c in trainer.callback_handler.callbacks if "Printer" in type(c).__name__))
    return trainer.train().global_step


def stored_config(tmp_path):
    (path,) = tmp_path.glob("output/swanlog/run-*/files/config.yaml")
    with open(path, encoding="utf-8") as file:
        return {name: entry["value"] for name, entry in yaml.safe_load(file).items()}


def stored_text(tmp_path):
    files = [path for path in (tmp_path / "output/swanlog").rglob("*") if path.is_file()]
    return b"\n".join(path.read_bytes() for path in files)


def test_import_is_light():
    heavy = "{'torch', 'transformers', 'matplotlib', 'swanlab', 'IPython'}"
    code = f"import sys, helpers.training.tracking; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_local_run_stores_the_given_config(tmp_path):
    train(tmp_path, start(tmp_path, note="公式", lora={"r": 16}))
    config = stored_config(tmp_path)
    assert (config["note"], config["lora"]) == ("公式", {"r": 16})


def test_local_run_stores_what_the_trainer_used(tmp_path):
    train(tmp_path, start(tmp_path))
    config = stored_config(tmp_path)
    assert (config["learning_rate"], config["max_steps"], config["trained_weights"]) == (0.125, 6, 5)


def test_lora_settings_are_stored(tmp_path):
    from types import SimpleNamespace

    args = SimpleNamespace(to_dict=lambda: dict.fromkeys(tracking.ARGUMENTS))
    lora = SimpleNamespace(r=8, lora_alpha=16, lora_dropout=0.05)
    model = SimpleNamespace(parameters=list, peft_config={"default": lora})
    assert tracking.trainer_facts(args, model)["adapter_default"] == {"r": 8, "lora_alpha": 16, "lora_dropout": 0.05}


def test_local_run_stores_the_loss_of_each_log(tmp_path):
    callbacks = start(tmp_path)
    train(tmp_path, callbacks)
    tracking.finish_tracking()
    curves = [
        [(row["index"], row["data"]) for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())]
        for path in tmp_path.glob("output/swanlog/run-*/logs/*/1000.log")
    ]
    assert [(step, pytest.approx(loss)) for step, loss in callbacks[-1].history] in curves


def test_local_run_prints_one_line(tmp_path, capsys):
    train(tmp_path, start(tmp_path))
    tracking.finish_tracking()
    assert (capsys.readouterr().out) == LOCAL_HINT


def test_hint_is_relative_to_the_project(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tracking, "ROOT", tmp_path)
    monkeypatch.setattr("helpers.paths.ROOT", tmp_path)
    start(tmp_path)
    assert capsys.readouterr().out.endswith("swanlab watch output/swanlog\n")


@pytest.mark.parametrize("tracker", ["local", "offline"])
def test_nothing_goes_out(tmp_path, no_network, tracker):
    train(tmp_path, start(tmp_path, tracker))
    tracking.finish_tracking()
    assert no_network == []


@pytest.mark.parametrize("tracker", ["local", "offline"])
def test_host_and_folders_are_not_recorded(tmp_path, tracker, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "secret-host")
    monkeypatch.setattr("platform.node", lambda: "secret-host")
    train(tmp_path, start(tmp_path, tracker))
    tracking.finish_tracking()
    (facts,) = tmp_path.glob("output/swanlog/run-*/files/swanlab-metadata.json")
    facts = json.loads(facts.read_text(encoding="utf-8"))
    assert facts["runtime"] is facts["git"] is facts["swanlab"] is None
    facts = f"{facts} {stored_config(tmp_path)}"
    assert b"secret-host" not in stored_text(tmp_path) and str(tmp_path) not in facts and str(ROOT) not in facts


def test_offline_run_says_how_to_upload_later(tmp_path, capsys):
    start(tmp_path, "offline")
    (run,) = tmp_path.glob("output/swanlog/run-*")
    assert capsys.readouterr().out.endswith(f"upload later with: swanlab sync <output_dir>/swanlog/{run.name}\n")


def test_two_runs_in_one_process(tmp_path):
    for _ in range(2):
        assert train(tmp_path, start(tmp_path)) == 6
        tracking.finish_tracking()
    assert len(list(tmp_path.glob("output/swanlog/run-*/files/config.yaml"))) == 2


def test_a_run_left_open_is_ended_by_the_next(tmp_path):
    import swanlab

    start(tmp_path)
    first = swanlab.get_run()
    start(tmp_path)
    assert not first.alive and swanlab.get_run() is not first


def test_disabled_leaves_only_the_curve(tmp_path, capsys):
    (callback,) = start(tmp_path, "disabled")
    assert train(tmp_path, [callback]) == 6 and [step for step, _ in callback.history] == [2, 4, 6]
    assert capsys.readouterr().out == "" and not (tmp_path / "output").exists()


def test_only_the_first_process_tracks(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert len(start(tmp_path)) == 1 and not (tmp_path / "output").exists()


def test_a_missing_package_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "swanlab", None)
    assert train(tmp_path, start(tmp_path)) == 6
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("SwanLab did not start (ModuleNotFoundError: ") and line.endswith("everything else goes on")


def test_another_release_of_swanlab_is_one_line_with_a_cure(tmp_path, capsys, monkeypatch):
    from swanlab.sdk.internal.pkg import console

    before = console.c
    monkeypatch.setattr(swanlab_console, "version", lambda package: "9.9.9")
    assert train(tmp_path, start(tmp_path)) == 6
    (line,) = capsys.readouterr().out.splitlines()
    assert "9.9.9 is installed" in line and f"pip install swanlab=={swanlab_console.RELEASE}" in line
    assert console.c is before


def test_cloud_without_account_is_one_line_with_a_cure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("requests.head", lambda *args, **kwargs: None)
    assert train(tmp_path, start(tmp_path, "cloud")) == 6
    (line,) = capsys.readouterr().out.splitlines()
    assert "no API key" in line and "tracker='local'" in line


def test_cloud_without_network_is_told_at_once(tmp_path, capsys):
    start(tmp_path, "cloud")
    assert "(ConnectionError: https://api.swanlab.cn cannot be reached)" in capsys.readouterr().out


def test_an_output_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "swanlog").write_text("a file", encoding="utf-8")
    assert len(start(tmp_path)) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("SwanLab did not start (") and str(tmp_path) not in line


def test_a_failure_in_the_middle_is_told_once_and_training_goes_on(tmp_path, capsys, monkeypatch):
    import swanlab

    def full(*args, **kwargs):
        raise OSError(f"No space left on device: '{tmp_path}/x.log'")

    callbacks = start(tmp_path)
    monkeypatch.setattr(swanlab, "log", full)
    assert train(tmp_path, callbacks) == 6
    message = "SwanLab did not log (OSError: No space left on device: 'x.log'); everything else goes on\n"
    assert capsys.readouterr().out == LOCAL_HINT + message


def test_an_error_that_swanlab_swallows_is_told(tmp_path, capsys, monkeypatch):
    from swanlab.sdk.internal.run import Run

    def broken(*args, **kwargs):
        raise ValueError("broken")

    callbacks = start(tmp_path)
    monkeypatch.setattr(Run, "_log_impl", lambda self, *args: swanlab_block(broken))
    assert train(tmp_path, callbacks) == 6
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("SwanLab reports: toy failed: ") and "broken" in lines[1]


def swanlab_block(action):
    from swanlab.sdk.internal.pkg import safe

    with safe.block(message="toy failed"):
        action()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # SwanLab's own thread
def test_a_log_folder_that_vanishes_does_not_stop_training(tmp_path):
    callbacks = start(tmp_path)
    shutil.rmtree(tmp_path / "output")
    assert train(tmp_path, callbacks) == 6


def test_finish_without_a_run_is_silent(capsys):
    tracking.finish_tracking()
    assert capsys.readouterr().out == ""


def test_predictions_are_stored_with_their_truth(tmp_path):
    samples = [Sample(tmp_path / f"{grey}.png", "x ^ 2") for grey in (10, 20, 30)]
    for grey, sample in zip((10, 20, 30), samples, strict=True):
        Image.new("L", (8, 8), grey).save(sample.file)
    start(tmp_path)
    tracking.log_predictions(samples, ["x ^ 3"] * 3, count=2)
    tracking.finish_tracking()
    assert len(list(tmp_path.glob("output/swanlog/run-*/media/image/*.png"))) == 2
    assert rb"x ^ 3\ntruth: x ^ 2" in stored_text(tmp_path)


def test_predictions_without_a_run_are_left():
    tracking.log_predictions([], [])
