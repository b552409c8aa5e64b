"""helpers.training.trainer: a killed run goes on to the very same weights, a finished one is taken; each epoch anew."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.data.samples import Sample, load_jsonl
from helpers.data.synthetic.render import render_set
from helpers.disk import DiskError
from helpers.files import locked
from helpers.inference.predict import predict
from helpers.models import lora
from helpers.models.load import load, load_processor
from helpers.paths import ROOT
from helpers.settings import Settings
from helpers.training import resume, trainer
from helpers.training.collate import collate

CHOSEN = {"batch_size": 4, "epochs": 3, "lora_r": 4, "learning_rate": 2e-3}
SETTINGS = Settings.tiny(**CHOSEN)
STEPS = 12  # for 16 pictures; a checkpoint every 3 steps, two are kept
WEIGHTS = "adapter_model.safetensors"


def fresh_model():
    model, processor = load("qwen2_vl", SETTINGS)
    return lora.add_lora(model, "qwen2_vl", SETTINGS), processor


def run(data, folder, callbacks=(), settings=SETTINGS, **options):
    """(``Run``, the model it left)"""
    model, processor = fresh_model()
    return trainer.train(model, processor, load_jsonl(data), settings, Path(folder), callbacks, **options), model


def killer(step):
    """A callback that kills its own process, without any clean-up, after ``step`` steps."""
    from transformers import TrainerCallback

    class Killer(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == step:
                os.kill(os.getpid(), signal.SIGKILL)

    return Killer()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    render_set(folder, 16, seed=5, style="scan")
    return folder / "data.jsonl"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, data):
    """A run that nothing interrupted: its ``Run``, its model, and the files of its batches."""
    seen = []

    def recorded(samples, **options):
        seen.append([sample.file for sample in samples])
        return collate(samples, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "collate", recorded)
        return *run(data, tmp_path_factory.mktemp("whole") / "run"), seen


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("killed") / "run"
    code = f"import test_trainer as t; t.run({str(data)!r}, {str(folder)!r}, [t.killer(8)])"
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    child = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, capture_output=True)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]
    return folder


@pytest.fixture
def killed(tmp_path, killed_once):
    return shutil.copytree(killed_once, tmp_path / "run")


@pytest.fixture
def finished(tmp_path, whole):
    return shutil.copytree(whole[0].folder, tmp_path / "run")


def names(folder):
    return sorted(path.name for path in folder.glob("checkpoint-*"))


def weights(folder):
    return (folder / "adapter" / WEIGHTS).read_bytes()


# --- resuming ---------------------------------------------------------------------------------


def test_killed_run_leaves_checkpoints_and_no_adapter(killed):
    assert names(killed) == ["checkpoint-3", "checkpoint-6"] and not (killed / "adapter").exists()


def test_run_killed_in_its_second_epoch_reaches_the_very_same_weights(data, whole, killed, capsys):
    resumed, _ = run(data, killed)
    assert "resuming from checkpoint-6" in capsys.readouterr().out
    assert weights(killed) == weights(whole[0].folder)
    assert resumed.history == whole[0].history and len(resumed.history) == STEPS


def test_run_killed_before_its_adapter_was_whole_only_writes_it(data, whole, finished, capsys):
    (finished / "adapter").rename(finished / "adapter.partial")
    run(data, finished)
    assert "resuming from checkpoint-12" in capsys.readouterr().out
    assert weights(finished) == weights(whole[0].folder) and not (finished / "adapter.partial").exists()
    tokenizers = {(folder / "adapter" / "tokenizer.json").read_bytes() for folder in (finished, whole[0].folder)}
    assert len(tokenizers) == 1  # though this process has padded nothing


@pytest.mark.parametrize(
    "name", ["trainer_state.json", WEIGHTS, "optimizer.pt", "scheduler.pt", "rng_state.pth", "adapter_config.json"]
)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "zeros"])
def test_half_written_checkpoint_is_dropped_for_an_older_whole_one(killed, name, damage, capsys):
    victim = killed / "checkpoint-6" / name
    content = victim.read_bytes()
    victim.write_bytes({"missing": b"", "cut": content[:-5], "empty": b"", "zeros": bytes(len(content))}[damage])
    if damage == "missing":
        victim.unlink()
    assert resume.prepare(killed, json.loads((killed / "made_from.json").read_bytes()))[1].name == "checkpoint-3"
    assert names(killed) == ["checkpoint-3"] and "cut off, and removed: checkpoint-6" in capsys.readouterr().out


def test_numbers_of_the_optimizer_that_were_lost_in_the_middle_are_noticed(killed):
    victim = killed / "checkpoint-6" / "optimizer.pt"
    content = victim.read_bytes()
    half = len(content) // 2
    victim.write_bytes(content[:half] + bytes(1000) + content[half + 1000 :])
    assert resume.prepare(killed, json.loads((killed / "made_from.json").read_bytes()))[1].name == "checkpoint-3"


def test_folder_of_another_name_is_no_checkpoint(killed):
    (killed / "checkpoint-best").mkdir()
    assert resume.prepare(killed, json.loads((killed / "made_from.json").read_bytes()))[1].name == "checkpoint-6"
    assert (killed / "checkpoint-best").exists()


def test_second_run_in_a_folder_is_refused_and_touches_nothing(data, killed, monkeypatch):
    monkeypatch.setattr("helpers.files.WAIT", 0.1)
    (killed / "checkpoint-6" / "optimizer.pt").unlink()
    with locked(killed), pytest.raises(BlockingIOError, match="run is being written by process"):
        run(data, killed)
    assert names(killed) == ["checkpoint-3", "checkpoint-6"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk too small for the second checkpoint, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_run_that_cannot_fit_is_not_begun_and_one_that_fills_the_disk_goes_on_later(
    data, whole, small_disk, monkeypatch, capsys
):
    with pytest.raises(DiskError, match="^run: .* needed, .* free -> .*nothing was begun"):
        run(data, small_disk / "run")
    assert not list(small_disk.glob("run/checkpoint-*"))
    with monkeypatch.context() as patch, pytest.raises(DiskError, match="^run: no space left, .* free"):
        patch.setattr(trainer, "require", lambda folder, needed: None)
        run(data, small_disk / "run")
    assert not (small_disk / "run" / "adapter").exists()
    subprocess.run(["mount", "-o", "remount,size=90m", small_disk], check=True)
    run(data, small_disk / "run")
    assert weights(small_disk / "run") == weights(whole[0].folder)


def test_read_only_folder_is_named_before_the_training(data, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(DiskError, match="^run cannot be written"):
        run(data, small_disk / "run")


def test_run_goes_on_from_the_older_checkpoint_to_the_same_weights(data, whole, killed):
    (killed / "checkpoint-6" / "optimizer.pt").unlink()
    run(data, killed)
    assert weights(killed) == weights(whole[0].folder)


def test_without_a_whole_checkpoint_a_run_starts_clean(killed):
    for checkpoint in killed.glob("checkpoint-*"):
        (checkpoint / WEIGHTS).unlink()
    assert resume.prepare(killed, json.loads((killed / "made_from.json").read_bytes())) == (None, None)
    assert names(killed) == []


# --- finished and other runs ------------------------------------------------------------------


def test_finished_run_is_taken_with_its_weights_and_history(data, whole, finished, capsys, monkeypatch):
    import torch

    def stamps():
        return {path: path.stat().st_mtime_ns for path in finished.rglob("*")}

    before = stamps()
    monkeypatch.setattr("transformers.Trainer.train", lambda *args, **options: pytest.fail("trained anew"))
    taken, model = run(data, finished)
    (line,) = capsys.readouterr().out.splitlines()
    assert "holds a finished run of the same recipe and data" in line and "overwrite=True" in line
    assert taken == replace(whole[0], folder=finished) and stamps() == before
    trained = dict(whole[1].named_parameters())
    assert all(torch.equal(weight, trained[name]) for name, weight in model.named_parameters())
    samples, processor = load_jsonl(data)[:6], load_processor("qwen2_vl", SETTINGS)
    assert predict(model, processor, samples, SETTINGS) == predict(whole[1], processor, samples, SETTINGS)


def test_parts_that_were_trained_whole_come_back_with_a_finished_run(data, tmp_path):
    import torch

    samples, models = load_jsonl(data)[:4], []
    for _ in range(2):
        base, processor = load("qwen2_vl", SETTINGS)
        models.append(lora.add_lora(base, "qwen2_vl", SETTINGS, modules_to_save=["merger"]))
        trainer.train(models[-1], processor, samples, SETTINGS, tmp_path / "run")
    trained, taken = (dict(model.named_parameters()) for model in models)
    untouched = {name: weight for name, weight in taken.items() if "merger.original_module" in name}
    assert untouched and all(torch.equal(weight, trained[name]) for name, weight in taken.items())
    assert any(
        not torch.equal(w, taken[n.replace("original_module", "modules_to_save.default")]) for n, w in untouched.items()
    )


def test_overwrite_trains_anew_and_names_what_goes(data, whole, finished, capsys):
    again, _ = run(data, finished, overwrite=True)
    said = capsys.readouterr().out
    assert "holds a finished run" in said and "removed are adapter, checkpoint-12, checkpoint-9" in said
    assert again.history == whole[0].history and weights(finished) == weights(whole[0].folder)


@pytest.mark.parametrize("folder", ["killed", "finished"])
def test_run_of_another_learning_rate_is_refused_and_nothing_is_lost(request, data, folder):
    folder = request.getfixturevalue(folder)
    before = sorted(set(folder.rglob("*")) - {folder / ".lock"})  # which the killed run left behind
    with pytest.raises(FileExistsError, match="learning_rate 0.002, now 0.001 -> take another folder"):
        run(data, folder, settings=Settings.tiny(**CHOSEN | {"learning_rate": 1e-3}))
    assert sorted(folder.rglob("*")) == before


def facts(samples, model=None, prompt="", **changes):
    return trainer.run_facts(model or fresh_model()[0], samples, Settings.tiny(**(CHOSEN | changes)), prompt)


def test_facts_change_with_settings_prompt_and_layers(data):
    samples = load_jsonl(data)
    before = facts(samples)
    assert facts(samples) == before != facts(samples, prompt="Read.")
    for change in ({"learning_rate": 1e-3}, {"lora_r": 8}, {"epochs": 4}, {"seed": 1}, {"batch_size": 8}):
        (name,) = change
        assert facts(samples, **change) == before | change and before[name] != change[name]
    base, _ = load("qwen2_vl", SETTINGS)
    whole = facts(samples, lora.add_lora(base, "qwen2_vl", SETTINGS, modules_to_save=["merger"]))
    assert whole["modules_to_save"] == ["merger"] and before["modules_to_save"] == []


def test_facts_change_with_data_and_base(data, tmp_path):
    import torch

    copy = shutil.copytree(data.parent, tmp_path / "copy") / "data.jsonl"
    (model, _), samples = fresh_model(), load_jsonl(copy)

    def changed(samples):
        return {name for name, value in facts(samples, model).items() if value != before[name]}

    before = facts(load_jsonl(data), model)
    assert changed(samples) == set() and changed(samples[:5]) == {"samples", "data"}
    assert changed(samples[::-1]) == changed([Sample(samples[0].file, "y"), *samples[1:]]) == {"data"}
    samples[3].file.write_bytes(samples[4].file.read_bytes())
    assert changed(samples) == {"data"}
    with torch.no_grad():
        next(w for name, w in model.named_parameters() if "lora_B" in name).add_(1)
        assert changed(load_jsonl(data)) == set()  # a model that was trained on goes on
        model.get_input_embeddings().weight[0, 0] += 1
    assert changed(load_jsonl(data)) == {"base"}


# --- adapters ---------------------------------------------------------------------------------


def test_adapter_reloads_on_a_fresh_base_and_answers_the_same(data, whole):
    from peft import PeftModel
    from transformers import AutoProcessor

    samples, folder = load_jsonl(data)[:6], whole[0].folder / "adapter"
    base, processor = load("qwen2_vl", SETTINGS)
    untrained = predict(base, processor, samples, SETTINGS)
    tuned = predict(whole[1], processor, samples, SETTINGS)
    again = PeftModel.from_pretrained(base, folder)
    assert predict(again, AutoProcessor.from_pretrained(folder), samples, SETTINGS) == tuned != untrained


def test_adapter_holds_no_machine_path(whole):
    folder = whole[0].folder / "adapter"
    config = json.loads((folder / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == "data/tiny-qwen2-vl" and config["r"] == 4
    assert "base_model: data/tiny-qwen2-vl" in (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.iterdir():
        assert (
            str(ROOT).encode() not in path.read_bytes()
            and str(whole[0].folder.parent).encode() not in path.read_bytes()
        )


def test_adapter_folder_is_replaced_only_when_the_new_one_is_whole(whole, tmp_path):
    class FullDisk:
        tokenizer = load_processor("qwen2_vl", SETTINGS).tokenizer

        def save_pretrained(self, folder):
            raise OSError("No space left on device")

    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "old").touch()
    with pytest.raises(OSError):
        lora.save_adapter(whole[1], FullDisk(), tmp_path / "adapter")
    assert [path.name for path in (tmp_path / "adapter").iterdir()] == ["old"]
    lora.save_adapter(whole[1], load_processor("qwen2_vl", SETTINGS), tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    assert {WEIGHTS, "tokenizer.json"} <= {path.name for path in (tmp_path / "adapter").iterdir()}
    assert not (tmp_path / "adapter" / "old").exists()


def test_saving_asks_no_hub_for_the_base(whole, tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(whole[1].peft_config["default"], "base_model_name_or_path", "data/tiny-qwen2-vl")
    asked = "peft.utils.save_and_load.check_file_exists_on_hf_hub"
    monkeypatch.setattr(asked, lambda *arguments: pytest.fail("asked"))
    lora.save_adapter(whole[1], load_processor("qwen2_vl", SETTINGS), tmp_path / "adapter")
    assert not [warning for warning in recwarn if "config file" in str(warning.message)]


# --- the Trainer ------------------------------------------------------------------------------


def test_settings_reach_the_trainer(whole):
    used = trainer.arguments(replace(SETTINGS, train_samples=16), Path("output"))
    assert (used.learning_rate, used.num_train_epochs, used.per_device_train_batch_size) == (2e-3, 3, 4)
    assert (used.logging_steps, used.save_steps, used.warmup_steps) == (1, 3, 1)
    assert used.use_cpu and not used.bf16 and used.seed == 0 and used.report_to == []
    assert [step for step, _ in whole[0].history] == list(range(1, STEPS + 1)) and whole[0].held_out == []
    half = Settings.tiny(train_samples=1600, batch_size=16, gradient_accumulation=2, seed=3, learning_rate=1e-4)
    used = trainer.arguments(half, Path("output"))
    assert (used.gradient_accumulation_steps, used.seed, used.learning_rate) == (2, 3, 1e-4)
    assert (used.logging_steps, used.save_steps, used.warmup_steps) == (1, 12, 2)  # 50 steps


def test_training_learns_and_says_how_long_it_took(whole):
    losses = [loss for _, loss in whole[0].history]
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])
    assert 0 < whole[0].metrics["train_runtime"] < whole[0].seconds


@pytest.mark.parametrize("notebook, own, bars", [(True, True, 0), (True, False, 1), (False, True, 1)])
def test_one_progress_bar_is_left(monkeypatch, tmp_path, whole, notebook, own, bars):
    from transformers import Trainer, TrainerCallback
    from transformers.trainer_callback import ProgressCallback
    from transformers.utils.notebook import NotebookProgressCallback

    default = NotebookProgressCallback if notebook else ProgressCallback
    monkeypatch.setattr("transformers.trainer.DEFAULT_PROGRESS_CALLBACK", default)
    monkeypatch.setattr(trainer, "in_notebook", lambda: notebook)
    callbacks = [TrainerCallback()] if own else []
    made = Trainer(model=whole[1], args=trainer.arguments(SETTINGS, tmp_path), callbacks=callbacks)
    trainer.leave_one_bar(made, callbacks)
    assert sum(isinstance(c, default) for c in made.callback_handler.callbacks) == bars


# --- the order of the samples -----------------------------------------------------------------


def test_each_epoch_has_batches_of_its_own_and_sees_every_sample(data, whole):
    files = sorted(sample.file for sample in load_jsonl(data))
    epochs = [whole[2][start : start + 4] for start in (0, 4, 8)]
    assert all(sorted(sum(epoch, [])) == files for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
