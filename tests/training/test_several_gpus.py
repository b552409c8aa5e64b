"""training.train under torchrun: two processes learn what one does, both ways; they begin, resume and fail together.

pytest runs one process; it starts two others with this file as their script.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers import processes
from helpers.data.samples import load_jsonl
from helpers.data.synthetic.render import render_set
from helpers.models import lora
from helpers.models.load import load
from helpers.paths import ROOT
from helpers.settings import Settings
from helpers.training import packing, trainer
from helpers.training.ways import PLAIN, Way

SETTINGS = Settings.tiny(batch_size=2, gradient_accumulation=4, epochs=1, lora_r=4)
SAMPLES = 10  # a batch of 8, then one of 2, of which the second process gets none
PACKED = Way("packed", 1, 0)


def run(data, folder, family="glm_ocr", way=PLAIN, stop=0, samples=None):
    """(``Run``, gradient of the first step, change of the weights, each in one vector), in float64."""
    from transformers import TrainerCallback

    model, processor = load(family, SETTINGS)
    model = lora.add_lora(model, family, SETTINGS).double()
    generator = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # zero at the start: A would learn nothing
            weight.data = 0.02 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    before, gradients = flat(trained), []

    class Watch(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, optimizer=None, **kwargs):
            gradients.append(flat([w.grad for group in optimizer.param_groups for w in group["params"]]))

        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == stop:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "choose_way", lambda *_: way)
        patch.setattr(packing, "STEPS", dict.fromkeys(packing.STEPS, 32))  # less to compute in vain
        done = trainer.train(model, processor, samples or load_jsonl(data), SETTINGS, folder, [Watch()])
    return done, gradients[0] if gradients else None, flat(trained) - before


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def distance(found, wanted):
    return ((found - wanted).norm() / wanted.norm()).item()


def unweighted(outputs, labels, num_items_in_batch):
    """The mean of the means of the four parts of a step, as it comes about where nobody counts labels."""
    from transformers.loss.loss_utils import ForCausalLMLoss

    if not (labels >= 0).any():
        return 0 * outputs.logits.sum()
    return ForCausalLMLoss(outputs.logits, labels, outputs.logits.shape[-1]) / 4


def broken(*args, **kwargs):
    raise ValueError("this picture cannot be read")


def two(data, folder):
    """What each of two processes does; what it finds goes to ``folder``. At the end the second one fails."""
    found = {"plain": run(data, folder / "plain"), "packed": run(data, folder / "packed", "qwen2_vl", PACKED)}
    with pytest.raises(KeyboardInterrupt):
        run(data, folder / "resumed", "qwen2_vl", PACKED, stop=2)
    found["resumed"] = run(data, folder / "resumed", "qwen2_vl", PACKED)
    found["taken"] = run(data, folder / "plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "mean_over_labels", unweighted)
        found["unweighted"] = run(data, folder / "unweighted")
    with pytest.MonkeyPatch.context() as patch, pytest.raises((ValueError, SystemExit)) as refused:
        patch.setattr(processes, "PATIENCE", 0)
        run(data, folder / "other", samples=load_jsonl(data)[processes.number() :])
    found = {name: (done.history, gradient, change) for name, (done, gradient, change) in found.items()}
    torch.save((found, str(refused.value)), folder / f"{processes.number()}.pt")
    if processes.number() == 1:
        trainer.collate = broken
    run(data, folder / "broken")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    render_set(folder, SAMPLES, seed=5, style="scan")
    return folder / "data.jsonl"


@pytest.fixture(scope="module")
def launched(tmp_path_factory, data):
    """(what each of two processes found, its error where their data differ), standard error, the folder"""
    folder = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "LESSON_LANGUAGE": "en"}
    ran = subprocess.run(
        [*command, __file__, str(data), str(folder)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 1 and (folder / "1.pt").exists(), ran.stderr
    return [torch.load(folder / f"{rank}.pt") for rank in (0, 1)], ran, folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("one")
    return {"plain": run(data, folder / "plain"), "packed": run(data, folder / "packed", "qwen2_vl", PACKED)}


@pytest.mark.parametrize("name", ["plain", "packed"])
def test_two_processes_learn_what_one_does(launched, alone, name):
    done, gradient, change = alone[name]
    for found, _ in launched[0]:
        history, mine, moved = found[name]
        assert distance(mine, gradient) < 1e-5
        assert (moved - change).abs().max() < 1e-5 < 1e-3 < change.abs().max()
        assert [step for step, _ in history] == [step for step, _ in done.history]
        assert [loss for _, loss in history] == pytest.approx([loss for _, loss in done.history], rel=1e-5)


def test_a_pass_cut_into_parts_learns_the_same(data, alone, tmp_path):
    done, gradient, change = alone["packed"]
    again, mine, moved = run(data, tmp_path, "qwen2_vl", replace(PACKED, parts=2))
    assert distance(mine, gradient) < 1e-5
    assert (moved - change).abs().max() < 1e-5
    assert [step for step, _ in again.history] == [step for step, _ in done.history]


def test_a_mean_of_means_is_told_apart(launched, alone):
    _, gradient, change = alone["plain"]
    _, found, moved = launched[0][0][0]["unweighted"]
    assert distance(found, gradient) > 1e-3
    assert (moved - change).abs().max() > 1e-4


def test_both_go_on_together_and_take_what_is_finished(launched):
    for found, _ in launched[0]:
        assert torch.equal(found["resumed"][2], found["packed"][2])
        assert found["taken"][1] is None and torch.equal(found["taken"][2], found["plain"][2])


@pytest.mark.parametrize("parts", [1, 2])  # 2: on a smaller GPU
def test_one_goes_on_with_what_two_have_begun(launched, data, alone, parts, tmp_path, capsys):
    for name in ("checkpoint-1", "made_from.json"):
        copy = shutil.copytree if name.startswith("checkpoint") else shutil.copy
        copy(launched[2] / "resumed" / name, tmp_path / name)
    _, _, moved = run(data, tmp_path, "qwen2_vl", replace(PACKED, parts=parts))
    assert "checkpoint-1" in capsys.readouterr().out
    assert (moved - alone["packed"][2]).abs().max() < 1e-5


def test_only_the_first_writes_and_speaks(launched):
    _, ran, folder = launched
    assert ran.stdout.count("resuming from") == 1
    assert sorted(path.name for path in (folder / "packed").glob("rng*")) == []
    assert (folder / "packed" / "finished.json").is_file() and not (folder / "packed" / ".lock").exists()


def test_other_data_are_refused_once(launched):
    (_, first), (_, second) = launched[0]
    assert "process 1" in first and "data" in first and second == "1"


def test_one_that_fails_ends_all_and_alone_says_why(launched):
    _, ran, folder = launched
    said = ran.stderr
    assert said.count("ValueError: this picture cannot be read") == 1
    assert said.count("Traceback") == 2  # its own, and torchrun's that a process has failed
    assert not (folder / "broken" / "finished.json").exists()


if __name__ == "__main__":
    two(Path(sys.argv[1]), Path(sys.argv[2]))
