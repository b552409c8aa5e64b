"""helpers.pretraining.train: a short run leaves a whole checkpoint, its card and weights that can be told apart."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.data.synthetic import held_out
from helpers.paths import ROOT
from helpers.pretraining import tiny, tiny_glm_ocr, tiny_qwen2_vl
from helpers.pretraining.families import FORMULAS, TINY_FAMILIES, processor_of
from helpers.pretraining.rows import make_row
from helpers.pretraining.train import exams, learning_rate, pretrain, read_back, spread_unused

SHIPPED = ROOT / "data" / "tiny-qwen2-vl"
ROWS_DRAWN = range(300_000, 300_008)  # far enough on for texts of all lengths


@pytest.fixture(scope="module")
def rows(family):
    return [make_row(index, family) for index in ROWS_DRAWN]


def test_learning_rate_warms_up_and_ends_at_nothing():
    rates = [learning_rate(step, step / 1000, 2.0, warmup=100) for step in range(1001)]
    assert rates[0] == pytest.approx(0.02) and max(rates) <= 2 and rates[1000] == pytest.approx(0)
    assert np.argmax(rates) in range(90, 110)


@pytest.mark.parametrize(
    "family, asked",
    [
        ("qwen2_vl", ["formulas printed", "formulas traced", "sheets sheet"]),  # lines draw what sheets draw
        ("glm_ocr", ["formulas printed", "molecules clean", "molecules colour"]),
        ("minicpm_o", ["formulas printed", "sounds clear"]),
    ],
)
def test_all_that_was_learned_is_asked_and_no_picture_twice(family, asked):
    assert [f"{task.name} {style}" for task, style in exams(TINY_FAMILIES[family].tasks)] == asked


class Workers:
    """Worker processes that draw nothing: they hand out the same rows again and again."""

    def __init__(self, rows):
        self.rows = rows

    def __call__(self, *given):
        return self

    __enter__ = Pool = __call__

    def __exit__(self, *given):
        pass

    terminate = __exit__

    def imap(self, *given, **options):
        return itertools.cycle(self.rows)


def test_short_run_changes_the_weights_and_leaves_a_whole_checkpoint(family, processor, rows, tmp_path, monkeypatch):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    monkeypatch.setattr("multiprocessing.get_context", Workers(rows))
    unread = lambda model, processor, task, style, count: (0.25, [], [])  # noqa: E731
    monkeypatch.setattr("helpers.pretraining.train.read_back", unread)
    start = SHIPPED if family.startswith("minicpm") else None
    pretrain(family, 2, tmp_path, start, batch=4, capacity=64, first=8, per_step=1, workers=1)
    card = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert card.get("started from") == (start and "tiny-qwen2-vl")
    assert card["exact match, formulas, printed"] == 0.25 and card["steps"] == 2 and card["drawn pictures"] == 64
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    fresh = TINY_FAMILIES[family].make_model(processor)
    assert str(loaded.dtype) == "torch.float32" and "bfloat16" not in (tmp_path / "config.json").read_text("utf-8")
    assert AutoProcessor.from_pretrained(tmp_path).tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    before = dict(fresh.named_parameters())
    moved = {name for name, weight in loaded.named_parameters() if (weight != before[name].bfloat16().float()).any()}
    still = {name.split(".")[0] for name in before if name.endswith("q_proj.weight") and name not in moved}
    assert not still
    assert sum(path.stat().st_size for path in tmp_path.glob("*.safetensors")) <= 12e6


@pytest.mark.parametrize("steps, seconds, done", [(1000, 6, 6), (4, 6, 4), (4, 0, 4)])
@pytest.mark.parametrize("family", ["qwen2_vl"], indirect=True)
def test_run_ends_after_its_seconds_or_its_steps(family, rows, tmp_path, monkeypatch, steps, seconds, done):
    """By a clock that goes on by one second a step."""
    behind, trained = {}, []
    unread = lambda model, processor, task, style, count: (0.25, [], [])  # noqa: E731

    def rate(step, over, peak):
        behind[step] = over
        return learning_rate(step, over, peak, warmup=1)

    def no_step(model, optimizer, *given):
        trained.append(optimizer.param_groups[0]["lr"])
        return {"formulas": torch.zeros(())}

    monkeypatch.setattr("multiprocessing.get_context", Workers(rows))
    monkeypatch.setattr("helpers.pretraining.train.time", SimpleNamespace(time=lambda: len(trained)))
    monkeypatch.setattr("helpers.pretraining.train.read_back", unread)
    monkeypatch.setattr("helpers.pretraining.train.learning_rate", rate)
    monkeypatch.setattr("helpers.pretraining.train.train_step", no_step)
    pretrain(family, steps, tmp_path, seconds=seconds, batch=4, capacity=64, first=8, per_step=1, workers=1)
    card = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert card["steps"] == len(trained) == done and card["seconds"] == done
    assert behind == pytest.approx({step: step / done for step in range(done)})
    assert trained == sorted(trained, reverse=True) and trained[-1] < 0.2 * trained[0]


@pytest.mark.parametrize("family", ["qwen2_vl"], indirect=True)
def test_run_that_fails_closes_its_stream(family, rows, tmp_path, monkeypatch):
    """Or the pool would wait for ever for a thread that waits for room."""
    closed = []

    def endless(*given):
        try:
            yield from itertools.cycle(rows)
        finally:
            closed.append(True)

    def failing(*given):
        raise ValueError("no step")

    monkeypatch.setattr("multiprocessing.get_context", Workers(rows))
    monkeypatch.setattr("helpers.pretraining.train.drawn_ahead", endless)
    monkeypatch.setattr("helpers.pretraining.train.train_step", failing)
    with pytest.raises(ValueError, match="no step") as raised:
        pretrain(family, 2, tmp_path, batch=4, capacity=64, first=8, per_step=1, workers=1)
    assert raised.tb and closed  # closed by pretrain, not with its frame, which the traceback keeps


def test_tokens_never_answered_can_be_told_apart_again_and_the_others_keep_their_rows():
    processor = processor_of("glm_ocr")
    model = tiny_glm_ocr.glm_ocr_model(processor)
    table = model.get_output_embeddings().weight.data
    used = torch.arange(100, 300)
    table[:100] = table[300:] = torch.linspace(-1, 1, table.shape[1])  # what training makes of them
    before = table.clone()
    spread_unused(model, used)
    unused = torch.cat([table[:100], table[300:]])
    apart = torch.cdist(unused, unused) + torch.eye(len(unused)) * 9
    typical = (before[used] - before[used].mean(0)).norm(dim=1).mean()
    assert (table[used] == before[used]).all() and apart.min() > typical
    torch.testing.assert_close(unused.mean(0), before[0] / 2, atol=float(typical), rtol=0)


def test_output_table_that_is_the_input_table_is_left_alone():
    model = tiny_qwen2_vl.qwen2_vl_model(processor_of("qwen2_vl"))
    before = model.get_output_embeddings().weight.detach().clone()
    spread_unused(model, torch.arange(5))
    assert (model.get_output_embeddings().weight == before).all()


def test_shipped_weights_read_back_what_they_learned():
    from transformers import Qwen2VLForConditionalGeneration

    model = Qwen2VLForConditionalGeneration.from_pretrained(SHIPPED, dtype="float32").train()
    processor = processor_of("qwen2_vl")
    share, answers, truths = read_back(model, processor, FORMULAS, "printed", 12)
    assert share >= 0.75 and share == sum(map(str.__eq__, answers, truths)) / 12 and model.training
    assert all(map(held_out.reserved, truths)) and tiny.PROMPTS[0] == FORMULAS.prompts[0]
