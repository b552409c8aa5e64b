"""helpers.pretrain: the fast forward pass is transformers' own, rows hold what they should, the pool fills in order."""

import json

import numpy as np
import pytest

from helpers import drawing, formulas, pretrain, tiny
from helpers.pretrain import LENGTH
from helpers.settings import ROOT

ROWS_DRAWN = range(300_000, 300_006)  # far enough on for formulas of several widths


@pytest.fixture(scope="module")
def processor():
    return pretrain._processor()


@pytest.fixture(scope="module")
def model():
    """The shipped weights: a wrong position or a patch too many costs them dearly."""
    from transformers import Qwen2VLForConditionalGeneration

    return Qwen2VLForConditionalGeneration.from_pretrained(ROOT / "data" / "tiny-qwen2-vl", dtype="float32")


@pytest.fixture(scope="module")
def rows():
    return [pretrain.make_row(index) for index in ROWS_DRAWN]


@pytest.fixture(scope="module")
def batch(rows):
    import torch

    ink, _, ids, *_ = (np.stack(values) for values in zip(*rows, strict=True))
    info = torch.tensor([(columns, start, length) for _, columns, _, start, length in rows])
    return torch.from_numpy(ink), torch.from_numpy(ids).long(), info


def by_the_book(processor, index):
    """What transformers makes of row ``index``: inputs with labels for the answer and its end alone."""
    image, latex = formulas.draw_sample(index, 1, longest=pretrain.longest_formula(index))
    content = [{"type": "image"}, {"type": "text", "text": tiny.PROMPTS[index % 3]}]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": latex}]
    texts = [
        processor.apply_chat_template(messages[:1], add_generation_prompt=True),
        processor.apply_chat_template(messages).removesuffix("\n"),
    ]
    prompt, whole = (processor(text=[text], images=[image], return_tensors="pt") for text in texts)
    labels = whole["input_ids"].clone()
    labels[:, : prompt["input_ids"].shape[1]] = -100
    return image, latex, {**whole, "labels": labels}


def test_loss_is_that_of_transformers(processor, model, rows, batch):
    import torch

    assert len({columns for _, columns, *_ in rows}) >= 3
    total = count = 0
    turns = pretrain.canvas_turns(model.model.visual, "cpu")
    with torch.inference_mode():
        ours = pretrain.loss(model, pretrain.to_patches(255 - batch[0].float()), *batch[1:], turns)
        for index in ROWS_DRAWN:
            inputs = by_the_book(processor, index)[2]
            answers = (inputs["labels"] != -100).sum().item()
            total, count = total + model(**inputs).loss.item() * answers, count + answers
    assert ours.item() == pytest.approx(total / count, rel=1e-3)


def test_rows_hold_the_conversation_as_the_processor_writes_it(processor, rows):
    for index, (ink, columns, ids, start, length) in zip(ROWS_DRAWN, rows, strict=True):
        image, latex, inputs = by_the_book(processor, index)
        assert ids[:length].tolist() == inputs["input_ids"][0].tolist()
        assert set(ids[length:]) <= {processor.tokenizer.pad_token_id} and ids.shape == (LENGTH,)
        assert processor.tokenizer.decode(ids[start:length]) == latex + "<|im_end|>"
        assert columns == image.width // 28
        assert (255 - ink[: image.height, : image.width] == np.asarray(image)).all()
        assert ink.sum() == (255 - np.asarray(image, int)).sum()


def test_row_too_long_is_left_out(monkeypatch, rows):
    monkeypatch.setattr(pretrain, "LENGTH", rows[0][4])
    assert pretrain.make_row(ROWS_DRAWN[0]) is not None
    monkeypatch.setattr(pretrain, "LENGTH", rows[0][4] - 1)
    assert pretrain.make_row(ROWS_DRAWN[0]) is None


def test_patches_are_those_of_the_processor(processor):
    import torch

    noise = np.random.default_rng(0).integers(0, 256, (56, 252), dtype=np.uint8)
    image = formulas.Image.fromarray(noise)
    expected = processor.image_processor([image], return_tensors="pt")["pixel_values"]
    assert torch.allclose(pretrain.to_patches(torch.from_numpy(noise)[None].float())[0], expected, atol=1e-5)


@pytest.mark.parametrize("index, longest", [(0, 4), (20_000, 4), (110_000, 22), (200_000, 40), (3_000_000, 40)])
def test_formulas_start_short_and_grow(index, longest):
    assert pretrain.longest_formula(index) == longest
    assert len(formulas.draw_sample(index, 1, longest=longest)[1].split()) <= longest


def test_test_formulas_are_never_trained_on(processor, rows):
    texts = [processor.tokenizer.decode(ids[start : length - 1]) for _, _, ids, start, length in rows]
    assert not any(map(drawing.reserved, texts))


def stream(count):
    """Rows numbered by their first token; every third one is too long."""
    ink = np.zeros((56, 252), np.uint8)
    for number in range(count):
        ids = np.full(LENGTH, number, np.int16)
        yield None if number % 3 == 2 else (ink, 3, ids, 30, 40)


def test_pool_fills_in_order_without_gaps_and_stops_when_full():
    pool = pretrain.Pool(stream(20_000), 2000, "cpu")
    pool.grow(1)
    assert pool.size == 1366  # two thirds of the 2048 rows taken at a time
    assert pool.ids[:4, 0].tolist() == [0, 1, 3, 4]
    pool.grow(2000)
    assert pool.size == 2000 and pool.ids[:, 0].tolist() == [n for n in range(3000) if n % 3 != 2]


def test_pool_draws_only_what_is_there_and_by_its_generator():
    import torch

    pool = pretrain.Pool(stream(2048), 5000, "cpu")
    pool.grow(1)
    pool.ids[pool.size :] = -1
    draws = [pool.batch(4000, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    ink, ids, info = draws[0]
    assert ink.shape == (4000, 56, 252) and ids.dtype == torch.long and info[0].tolist() == [3, 30, 40]
    assert ids.min() >= 0 and len(ids[:, 0].unique()) > 1000
    assert (ids == draws[1][1]).all() and not (ids == draws[2][1]).all()


def test_augmented_pictures_stay_readable(batch):
    import torch

    torch.manual_seed(0)
    grey = pretrain.augment(batch[0])
    assert grey.shape == batch[0].shape and grey.min() >= 0 and grey.max() <= 255 and (grey == grey.round()).all()
    for ink, page in zip(batch[0], grey, strict=True):
        dark = (page < page.median() - 50).sum()
        assert 0.5 < dark / (ink > 90).sum() < 2


def test_learning_rate_warms_up_and_ends_at_nothing():
    rates = [pretrain.learning_rate(step, 1000, 2.0, warmup=100) for step in range(1001)]
    assert rates[0] == pytest.approx(0.02) and max(rates) <= 2 and rates[1000] == pytest.approx(0)
    assert np.argmax(rates) in range(90, 110)


def test_saved_checkpoint_can_be_loaded_and_has_a_card(tmp_path, processor, monkeypatch):
    from transformers import AutoProcessor, Qwen2VLForConditionalGeneration

    monkeypatch.setattr(pretrain, "read_back", lambda model, processor, style, count: (0.25, [], []))
    model = tiny.qwen2_vl_model(processor)
    pretrain.save(model, processor, tmp_path, {"steps": 7}, count=40)
    card = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert card["exact match, printed"] == 0.25 and card["held-out formulas"] == 40 and card["steps"] == 7
    loaded = Qwen2VLForConditionalGeneration.from_pretrained(tmp_path)
    assert str(loaded.dtype) == "torch.bfloat16" and (loaded.lm_head.weight == model.lm_head.weight).all()
    assert AutoProcessor.from_pretrained(tmp_path).tokenizer.get_vocab() == processor.tokenizer.get_vocab()


def test_shipped_weights_read_back_what_they_learned(processor, model):
    model.train()
    share, answers, truths = pretrain.read_back(model, processor, "printed", 12)
    assert share >= 0.75 and share == sum(map(str.__eq__, answers, truths)) / 12 and model.training
    assert all(map(drawing.reserved, truths))
