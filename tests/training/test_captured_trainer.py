"""helpers.training.captured_trainer: a run of packed batches learns what a plain run learns, stopped or not."""

from functools import partial

import pytest
import torch
from safetensors.torch import load_file
from transformers import Trainer

from helpers.data.samples import load_jsonl
from helpers.data.synthetic.render import render_set
from helpers.inference.predict import predict
from helpers.models import lora
from helpers.models.inputs import PROMPT
from helpers.models.load import load
from helpers.models.parts import parts_of
from helpers.settings import Settings
from helpers.training import trainer
from helpers.training.captured_trainer import captured_trainer
from helpers.training.collate import collate
from helpers.training.trainer import arguments
from helpers.training.ways import PLAIN, Way

STEPS, BATCH = 4, 2


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captured_trainer")
    render_set(folder, STEPS * BATCH, seed=3, style="scan")
    return load_jsonl(folder / "data.jsonl")


def prepared(folder, batch=BATCH, accumulation=1, family="qwen2_vl", double=True, again=False):
    """(model with LoRA, its processor, the arguments of a run of STEPS steps with a checkpoint in the middle)."""
    settings = Settings.tiny(
        **{"lora_r": 4, "batch_size": batch, "gradient_accumulation": accumulation, "train_samples": STEPS * BATCH},
        gradient_checkpointing=again,
    )
    model, processor = load(family, settings)
    model = lora.add_lora(model, family, settings)
    made = arguments(settings, folder)
    made.save_steps, made.disable_tqdm = STEPS // 2, True
    return model.double() if double else model, processor, made


def packed(samples, folder, checkpoint=None, **options):
    model, processor, made = prepared(folder, **options)
    trainer = captured_trainer(model, processor, samples, made, PROMPT, [], capture=False, compiled=False)
    trainer.train(resume_from_checkpoint=checkpoint)
    return trainer


def plain(samples, folder, **options):
    model, processor, made = prepared(folder, **options)
    trainer = Trainer(
        model=model, args=made, train_dataset=samples, data_collator=partial(collate, processor=processor)
    )
    trainer.train()
    return torch.cat([weight.detach().flatten() for weight in model.parameters() if weight.requires_grad])


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr", "minicpm_o"])
def test_a_run_learns_what_the_plain_one_learns_and_computing_layers_again_changes_nothing(
    samples, family, tmp_path, monkeypatch
):
    wanted = plain(samples, tmp_path / "plain", family=family)
    found = packed(samples, tmp_path / "packed", family=family).step.master.detach()
    start = torch.cat(
        [
            weight.detach().flatten()
            for weight in prepared(tmp_path, family=family)[0].parameters()
            if weight.requires_grad
        ]
    )
    assert (wanted - start).norm() > 1e-3
    assert (found - wanted).norm() < 1e-3 * (wanted - start).norm()

    layers, runs = parts_of(prepared(tmp_path, family=family)[0])["language"].layers, []
    of_layer, forward = type(layers[0]), type(layers[0]).forward
    monkeypatch.setattr(of_layer, "forward", lambda *args, **named: (runs.append(1), forward(*args, **named))[1])
    again = packed(samples, tmp_path / "again", family=family, again=True).step.master.detach()
    assert len(runs) == 2 * STEPS * len(layers)
    torch.testing.assert_close(again, found, rtol=0, atol=1e-7)


def test_parts_of_a_step_add_up(samples, tmp_path):
    whole = packed(samples, tmp_path / "whole").step.master
    parts = packed(samples, tmp_path / "parts", batch=BATCH // 2, accumulation=2).step.master
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-6)


def test_a_run_that_was_stopped_ends_with_the_same_weights(samples, tmp_path):
    whole = packed(samples, tmp_path / "whole", double=False)
    again = packed(samples, tmp_path / "again", tmp_path / "whole" / f"checkpoint-{STEPS // 2}", double=False)
    assert again.state.global_step == STEPS
    assert torch.equal(again.step.master, whole.step.master)


def test_a_checkpoint_holds_the_weights_of_the_optimizer_and_the_model_computes_with_a_copy(samples, tmp_path):
    ran = packed(samples, tmp_path, double=False)
    saved = load_file(tmp_path / f"checkpoint-{STEPS}" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    assert sum(tensor.double().sum() for tensor in saved.values()) == pytest.approx(
        ran.step.master.double().sum().item(), abs=1e-6
    )
    first = ran.step.weights[0]
    assert first.data_ptr() == ran.step.working.data_ptr()


def test_long_gradients_are_shortened(samples, tmp_path):
    ran = packed(samples, tmp_path, double=False)
    ran.step.master.grad.fill_(1.0)
    length = ran.step.master.numel() ** 0.5
    assert ran._clip_grad_norm(None).item() == pytest.approx(length, rel=1e-4)
    assert ran.step.master.grad.norm().item() == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("way", [PLAIN, Way("packed", 1, 0)], ids=lambda way: way.name)
def test_a_run_that_leaves_the_numbers_is_stopped_and_no_adapter_is_kept(samples, tmp_path, monkeypatch, way):
    monkeypatch.setattr(trainer, "choose_way", lambda model, settings: way)
    settings = Settings.tiny(lora_r=4, batch_size=BATCH, train_samples=len(samples))
    model, processor = load("qwen2_vl", settings)
    model = lora.add_lora(model, "qwen2_vl", settings)
    next(weight for weight in model.parameters() if weight.requires_grad).data.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="1"):
        trainer.train(model, processor, samples, settings, tmp_path)
    assert not (tmp_path / "adapter").exists()


def test_a_model_trained_in_packed_rows_reads_as_its_saved_adapter_does(samples, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "choose_way", lambda model, settings: Way("packed", 1, 0))
    settings = Settings.tiny(lora_r=4, batch_size=BATCH, train_samples=len(samples), max_new_tokens=12)
    model, processor = load("qwen2_vl", settings)
    before = predict(model, processor, samples[:4], settings)
    model = lora.add_lora(model, "qwen2_vl", settings)
    trainer.train(model, processor, samples, settings, tmp_path)
    answers = predict(model.eval(), processor, samples[:4], settings)
    again, _ = load("qwen2_vl", settings, tmp_path / "adapter")
    assert answers == predict(again, processor, samples[:4], settings) and answers != before
