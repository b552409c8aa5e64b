"""helpers.train: a killed run goes on to the very same weights, never from half a checkpoint; adapters are whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import infer, models, train
from helpers.render import render_set
from helpers.samples import Sample, load_jsonl
from helpers.settings import ROOT, Settings

CHOSEN = {"batch_size": 4, "epochs": 3, "lora_r": 4, "learning_rate": 2e-3}
SETTINGS = Settings.tiny(**CHOSEN)
STEPS = 12  # for 16 pictures; a checkpoint every 3 steps, two are kept
WEIGHTS = "adapter_model.safetensors"


def fresh_model():
    model, processor = models.load("qwen2_vl", SETTINGS)
    return models.add_lora(model, "qwen2_vl", SETTINGS), processor


def run(data, folder, callbacks=(), settings=SETTINGS):
    model, processor = fresh_model()
    return train.train(model, processor, load_jsonl(data), settings, folder, callbacks)


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
    """Folder and Trainer of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(data, folder)


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("killed") / "run"
    code = f"import test_train as t; t.run({str(data)!r}, {str(folder)!r}, [t.killer(8)])"
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    child = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, capture_output=True)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()[-2000:]
    return folder


@pytest.fixture
def killed(tmp_path, killed_once):
    return shutil.copytree(killed_once, tmp_path / "run")


def notes(data, **changes):
    """The recipe of ``run``, or of a changed one."""
    model, _ = fresh_model()
    settings = Settings.tiny(**(CHOSEN | changes))
    return train.recipe(load_jsonl(data), settings, models.PROMPT, train.fingerprint(model))


def names(folder):
    return sorted(path.name for path in folder.glob("checkpoint-*"))


# --- resuming ---------------------------------------------------------------------------------


def test_killed_run_leaves_checkpoints_and_no_adapter(killed):
    assert names(killed) == ["checkpoint-3", "checkpoint-6"] and not (killed / "adapter").exists()


def test_resumed_run_reaches_the_very_same_weights(data, whole, killed, capsys):
    trainer = run(data, killed)
    assert "resuming from checkpoint-6" in capsys.readouterr().out
    assert (killed / "adapter" / WEIGHTS).read_bytes() == (whole[0] / "adapter" / WEIGHTS).read_bytes()
    losses = [[row["loss"] for row in t.state.log_history if "loss" in row] for t in (trainer, whole[1])]
    assert losses[0] == losses[1] and len(losses[0]) == STEPS


def test_run_killed_before_its_adapter_was_whole_only_writes_it(data, whole, tmp_path, capsys):
    folder = shutil.copytree(whole[0], tmp_path / "run")
    (folder / "adapter").rename(folder / "adapter.partial")
    run(data, folder)
    assert "resuming from checkpoint-12" in capsys.readouterr().out
    assert (folder / "adapter" / WEIGHTS).read_bytes() == (whole[0] / "adapter" / WEIGHTS).read_bytes()
    assert not (folder / "adapter.partial").exists()


@pytest.mark.parametrize(
    "name", ["trainer_state.json", WEIGHTS, "optimizer.pt", "scheduler.pt", "rng_state.pth", "adapter_config.json"]
)
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_half_written_checkpoint_is_dropped_for_an_older_whole_one(data, killed, name, damage):
    victim = killed / "checkpoint-6" / name
    content = victim.read_bytes()
    victim.unlink() if damage == "missing" else victim.write_bytes(content[: -5 if damage == "cut" else 0])
    assert train.prepare_folder(killed, (killed / "recipe.json").read_text(encoding="utf-8")).name == "checkpoint-3"
    assert names(killed) == ["checkpoint-3"]


def test_run_goes_on_from_the_older_checkpoint_to_the_same_weights(data, whole, killed):
    (killed / "checkpoint-6" / "optimizer.pt").unlink()
    run(data, killed)
    assert (killed / "adapter" / WEIGHTS).read_bytes() == (whole[0] / "adapter" / WEIGHTS).read_bytes()


def test_without_a_whole_checkpoint_a_run_starts_clean(killed):
    for checkpoint in killed.glob("checkpoint-*"):
        (checkpoint / WEIGHTS).unlink()
    assert train.prepare_folder(killed, (killed / "recipe.json").read_text(encoding="utf-8")) is None
    assert names(killed) == []


def test_finished_run_is_trained_anew(whole, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "run")
    assert train.prepare_folder(folder, (folder / "recipe.json").read_text(encoding="utf-8")) is None
    assert names(folder) == [] and not (folder / "adapter").exists()


def test_same_recipe_goes_on_and_another_one_starts_clean(data, killed):
    changes = [{"learning_rate": 1e-3}, {"lora_r": 8}, {"epochs": 4}, {"seed": 1}, {"batch_size": 8}, {"lora_alpha": 8}]
    for change in changes:
        assert notes(data, **change) != notes(data)
    assert train.prepare_folder(killed, notes(data)).name == "checkpoint-6"
    assert train.prepare_folder(killed, notes(data, learning_rate=1e-3)) is None and names(killed) == []


def test_changed_data_or_base_is_another_recipe(data, tmp_path):
    import torch

    copy = shutil.copytree(data.parent, tmp_path / "copy") / "data.jsonl"
    samples = load_jsonl(copy)

    def note(samples):
        return train.recipe(samples, SETTINGS, "")

    before = note(samples)
    assert note(load_jsonl(data)) == before
    assert note(samples[::-1]) != before and note([Sample(samples[0].image, "y"), *samples[1:]]) != before
    samples[3].image.write_bytes(samples[4].image.read_bytes())
    assert note(samples) != before
    model, _ = fresh_model()
    mark = train.fingerprint(model)
    with torch.no_grad():
        next(w for name, w in model.named_parameters() if "lora_B" in name).add_(1)
        assert train.fingerprint(model) == mark  # a model that was trained on goes on
        model.get_input_embeddings().weight[0, 0] += 1
    assert train.fingerprint(model) != mark


# --- adapters ---------------------------------------------------------------------------------


def test_adapter_reloads_on_a_fresh_base_and_answers_the_same(data, whole):
    from peft import PeftModel
    from transformers import AutoProcessor

    samples, folder = load_jsonl(data)[:6], whole[0] / "adapter"
    base, processor = models.load("qwen2_vl", SETTINGS)
    untrained = infer.predict(base, processor, samples, SETTINGS)
    tuned = infer.predict(whole[1].model, processor, samples, SETTINGS)
    again = PeftModel.from_pretrained(base, folder)
    assert infer.predict(again, AutoProcessor.from_pretrained(folder), samples, SETTINGS) == tuned != untrained


def test_adapter_holds_no_machine_path(whole):
    folder = whole[0] / "adapter"
    config = json.loads((folder / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == "data/tiny-qwen2-vl" and config["r"] == 4
    assert "base_model: data/tiny-qwen2-vl" in (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.iterdir():
        assert str(ROOT).encode() not in path.read_bytes() and str(whole[0].parent).encode() not in path.read_bytes()


def test_adapter_folder_is_replaced_only_when_the_new_one_is_whole(whole, tmp_path):
    class FullDisk:
        def save_pretrained(self, folder):
            raise OSError("No space left on device")

    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "old").touch()
    with pytest.raises(OSError):
        train.save_adapter(whole[1].model, FullDisk(), tmp_path / "adapter")
    assert [path.name for path in (tmp_path / "adapter").iterdir()] == ["old"]
    train.save_adapter(whole[1].model, models.load_processor("qwen2_vl", SETTINGS), tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    assert {WEIGHTS, "tokenizer.json"} <= {path.name for path in (tmp_path / "adapter").iterdir()}
    assert not (tmp_path / "adapter" / "old").exists()


def test_saving_asks_no_hub_for_the_base(whole, tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(whole[1].model.peft_config["default"], "base_model_name_or_path", "data/tiny-qwen2-vl")
    asked = "peft.utils.save_and_load.check_file_exists_on_hf_hub"
    monkeypatch.setattr(asked, lambda *arguments: pytest.fail("asked"))
    train.save_adapter(whole[1].model, models.load_processor("qwen2_vl", SETTINGS), tmp_path / "adapter")
    assert not [warning for warning in recwarn if "config file" in str(warning.message)]


# --- the Trainer ------------------------------------------------------------------------------


def test_settings_reach_the_trainer(whole):
    used = whole[1].args
    assert (used.learning_rate, used.num_train_epochs, used.per_device_train_batch_size) == (2e-3, 3, 4)
    assert (used.logging_steps, used.save_steps, used.warmup_steps, whole[1].state.global_step) == (1, 3, 1, STEPS)
    assert used.use_cpu and not used.bf16 and used.seed == 0 and used.report_to == []
    assert [row["step"] for row in whole[1].state.log_history if "loss" in row] == list(range(1, STEPS + 1))
    half = Settings.tiny(train_samples=1600, batch_size=16, gradient_accumulation=2, seed=3, learning_rate=1e-4)
    used = train.arguments(half, Path("output"))
    assert (used.gradient_accumulation_steps, used.seed, used.learning_rate) == (2, 3, 1e-4)
    assert (used.logging_steps, used.save_steps, used.warmup_steps) == (1, 12, 2)  # 50 steps


def test_training_learns(whole):
    losses = [row["loss"] for row in whole[1].state.log_history if "loss" in row]
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])


@pytest.mark.parametrize("notebook, own, bars", [(True, True, 0), (True, False, 1), (False, True, 1)])
def test_one_progress_bar_is_left(monkeypatch, whole, notebook, own, bars):
    from transformers import Trainer, TrainerCallback
    from transformers.trainer_callback import ProgressCallback
    from transformers.utils.notebook import NotebookProgressCallback

    default = NotebookProgressCallback if notebook else ProgressCallback
    monkeypatch.setattr("transformers.trainer.DEFAULT_PROGRESS_CALLBACK", default)
    monkeypatch.setattr(train, "in_notebook", lambda: notebook)
    callbacks = [TrainerCallback()] if own else []
    trainer = Trainer(model=whole[1].model, args=whole[1].args, callbacks=callbacks)
    train._leave_one_bar(trainer, callbacks)
    assert sum(isinstance(c, default) for c in trainer.callback_handler.callbacks) == bars


def test_batches_hold_answers_of_like_length_and_lose_none():
    samples = [Sample(Path(f"{i}.png"), "x" * (i * 37 % 101 + 1)) for i in range(203)]
    ordered = train.by_length(samples, 8, seed=0)
    assert sorted(ordered, key=str) == sorted(samples, key=str)
    assert ordered == train.by_length(samples, 8, seed=0) != train.by_length(samples, 8, seed=1)

    def padding(rows):
        lengths = [[len(row.text) for row in rows[i : i + 8]] for i in range(0, len(rows), 8)]
        return sum(max(batch) * len(batch) - sum(batch) for batch in lengths)

    assert padding(ordered) < padding(samples) / 5
