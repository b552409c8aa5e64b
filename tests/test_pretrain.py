"""helpers.pretrain: rows hold what they should, the pools fill in order, a short run leaves a whole checkpoint."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import drawing, pretrain, pretrain_rows, tiny
from helpers.collate import conversation
from helpers.settings import ROOT

SHIPPED = ROOT / "data" / "tiny-qwen2-vl"
ROWS_DRAWN = range(300_000, 300_008)  # far enough on for texts of all lengths


@pytest.fixture(scope="module", params=pretrain_rows.FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def processor(family):
    return pretrain_rows.processor_of(family)


@pytest.fixture(scope="module")
def rows(family):
    return [pretrain_rows.make_row(index, family) for index in ROWS_DRAWN]


def change_tasks(monkeypatch, family, **changes):
    make_processor, make_model, tasks, module = pretrain_rows.FAMILIES[family]
    tasks = tuple(replace(task, **changes) for task in tasks)
    monkeypatch.setitem(pretrain_rows.FAMILIES, family, (make_processor, make_model, tasks, module))


# --- rows -------------------------------------------------------------------------------------


def test_rows_hold_the_conversation_as_the_processor_writes_it(family, processor, rows):
    for index, (number, ink, columns, ids, start, length) in zip(ROWS_DRAWN, rows, strict=True):
        task = pretrain_rows.FAMILIES[family][2][number]
        style = task.styles[index // 4 % len(task.styles)]
        made, text = task.draw(index, 1, style, "train", pretrain_rows.longest_text(task, index))
        talk = conversation(processor, task.prompts[index % len(task.prompts)], task.medium)
        media = {"audios": [[made]]} if task.medium == "audio" else {"images": [made.convert("RGB")]}
        inputs = processor(text=[talk + text + processor.tokenizer.eos_token], return_tensors="pt", **media)
        assert ids[:length].tolist() == inputs["input_ids"][0].tolist()
        assert set(ids[length:]) <= {processor.tokenizer.pad_token_id} and ids.shape == (task.length,)
        assert processor.tokenizer.decode(ids[start:length]) == text + processor.tokenizer.eos_token
        assert ink.shape == task.canvas[::-1]
        if task.medium == "audio":
            assert np.allclose(ink, inputs["audio_features"][0], atol=1e-3)
            continue
        grey = np.asarray(made.convert("L"))
        assert columns == made.width // 28 and ink.sum() == (255 - grey.astype(int)).sum()
        assert (255 - ink[: made.height, : made.width] == grey).all()


def test_no_row_of_a_family_is_too_long(family):
    assert all(pretrain_rows.make_row(index, family) for index in range(400_000, 400_200))


def test_row_too_long_is_left_out(monkeypatch, family, rows):
    change_tasks(monkeypatch, family, length=rows[0][5])
    assert pretrain_rows.make_row(ROWS_DRAWN[0], family) is not None
    change_tasks(monkeypatch, family, length=rows[0][5] - 1)
    assert pretrain_rows.make_row(ROWS_DRAWN[0], family) is None


def test_tasks_take_turns_by_their_shares(family, rows):
    tasks = pretrain_rows.FAMILIES[family][2]
    numbers = [row[0] for row in rows]
    assert sum(task.share for task in tasks) == 4
    assert [numbers.count(number) for number in range(len(tasks))] == [2 * task.share for task in tasks]


@pytest.mark.parametrize("index, longest", [(0, 4), (20_000, 4), (110_000, 22), (200_000, 40), (3_000_000, 40)])
def test_formulas_start_short_and_grow(index, longest):
    assert pretrain_rows.longest_text(pretrain_rows.FORMULAS, index) == longest
    assert len(pretrain_rows.FORMULAS.draw(index, 1, "printed", "train", longest)[1].split()) <= longest


def test_texts_for_tests_are_never_trained_on(processor, rows):
    texts = [processor.tokenizer.decode(ids[start : length - 1]) for _, _, _, ids, start, length in rows]
    assert not any(map(drawing.reserved, texts))


# --- pools ------------------------------------------------------------------------------------


TASKS = [replace(pretrain_rows.FORMULAS, share=share) for share in (3, 1)]
INK = np.zeros((56, 252), np.uint8)


def stream(count):
    """Rows numbered by their first token; every fourth one is of the second task, every third one is too long."""
    for number in range(count):
        ids = np.full(TASKS[0].length, number, np.int16)
        yield None if number % 3 == 2 else (int(number % 4 == 3), INK, 3, ids, 30, 40)


def test_pools_fill_in_order_without_gaps_and_each_with_its_own():
    pools, rows = [pretrain_rows.Pool(task, 4000, "cpu") for task in TASKS], stream(20_000)
    pretrain_rows.grow(pools, rows, 1)
    kept = [number for number in range(2048) if number % 3 != 2]
    for number, pool in enumerate(pools):
        expected = [index for index in kept if (index % 4 == 3) == number]
        assert pool.size == len(expected) and pool.ids[: pool.size, 0].tolist() == expected
    assert next(filter(None, rows))[3][0] == 2049  # no row was thrown away


def test_pools_stop_when_they_are_full():
    pools = [pretrain_rows.Pool(task, capacity, "cpu") for task, capacity in zip(TASKS, (1500, 500), strict=True)]
    pretrain_rows.grow(pools, stream(20_000), 10**6)
    assert [pool.size for pool in pools] == [1500, 500]


def test_pool_draws_only_what_is_there_and_by_its_generator():
    import torch

    pool = pretrain_rows.Pool(TASKS[0], 5000, "cpu")
    pool.add([row for row in stream(2048) if row])
    pool.ids[pool.size :] = -1
    draws = [pool.batch(4000, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    ink, ids, info = draws[0]
    assert ink.shape == (4000, 56, 252) and ids.dtype == torch.long and info[0].tolist() == [3, 30, 40]
    assert ids.min() >= 0 and len(ids[:, 0].unique()) > 1000
    assert (ids == draws[1][1]).all() and not (ids == draws[2][1]).all()


# --- training ---------------------------------------------------------------------------------


def test_learning_rate_warms_up_and_ends_at_nothing():
    rates = [pretrain.learning_rate(step, 1000, 2.0, warmup=100) for step in range(1001)]
    assert rates[0] == pytest.approx(0.02) and max(rates) <= 2 and rates[1000] == pytest.approx(0)
    assert np.argmax(rates) in range(90, 110)


class Crew:
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

    monkeypatch.setattr(pretrain.multiprocessing, "get_context", Crew(rows))
    monkeypatch.setattr(pretrain, "read_back", lambda model, processor, task, style, count: (0.25, [], []))
    start = SHIPPED if family.startswith("minicpm") else None
    pretrain.pretrain(family, 2, tmp_path, start, batch=4, capacity=64, first=8, per_step=1, workers=1)
    card = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert card.get("started from") == (start and "tiny-qwen2-vl")
    assert card["exact match, formulas, printed"] == 0.25 and card["steps"] == 2 and card["drawn pictures"] == 64
    loaded, fresh = AutoModelForImageTextToText.from_pretrained(tmp_path), pretrain_rows.FAMILIES[family][1](processor)
    assert str(loaded.dtype) == "torch.float32" and "bfloat16" not in (tmp_path / "config.json").read_text("utf-8")
    assert AutoProcessor.from_pretrained(tmp_path).tokenizer.get_vocab() == processor.tokenizer.get_vocab()
    before = dict(fresh.named_parameters())
    moved = {name for name, weight in loaded.named_parameters() if (weight != before[name].bfloat16().float()).any()}
    still = {name.split(".")[0] for name in before if name.endswith("q_proj.weight") and name not in moved}
    assert not still
    assert sum(path.stat().st_size for path in tmp_path.glob("*.safetensors")) <= 12e6


def test_tokens_never_answered_can_be_told_apart_again_and_the_others_keep_their_rows():
    processor = pretrain_rows.processor_of("glm_ocr")
    model = tiny.glm_ocr_model(processor)
    table = model.get_output_embeddings().weight.data
    used = torch.arange(100, 300)
    table[:100] = table[300:] = torch.linspace(-1, 1, table.shape[1])  # what training makes of them
    before = table.clone()
    pretrain.spread_unused(model, used)
    unused = torch.cat([table[:100], table[300:]])
    apart = torch.cdist(unused, unused) + torch.eye(len(unused)) * 9
    typical = (before[used] - before[used].mean(0)).norm(dim=1).mean()
    assert (table[used] == before[used]).all() and apart.min() > typical
    torch.testing.assert_close(unused.mean(0), before[0] / 2, atol=float(typical), rtol=0)


def test_output_table_that_is_the_input_table_is_left_alone():
    model = tiny.qwen2_vl_model(pretrain_rows.processor_of("qwen2_vl"))
    before = model.get_output_embeddings().weight.detach().clone()
    pretrain.spread_unused(model, torch.arange(5))
    assert (model.get_output_embeddings().weight == before).all()


def test_shipped_weights_read_back_what_they_learned():
    from transformers import Qwen2VLForConditionalGeneration

    model = Qwen2VLForConditionalGeneration.from_pretrained(SHIPPED, dtype="float32").train()
    processor = pretrain_rows.processor_of("qwen2_vl")
    share, answers, truths = pretrain.read_back(model, processor, pretrain_rows.FORMULAS, "printed", 12)
    assert share >= 0.75 and share == sum(map(str.__eq__, answers, truths)) / 12 and model.training
    assert all(map(drawing.reserved, truths)) and tiny.PROMPTS[0] == pretrain_rows.FORMULAS.prompts[0]
