"""helpers.canvas and canvas_minicpm: the fast forward pass is the plain one of each family, picture by picture."""

import numpy as np
import pytest
import torch

from helpers import canvas, canvas_minicpm, formulas, pretrain_rows
from helpers.collate import conversation

FIRST = 300_000  # rows far enough on for formulas of several widths


@pytest.fixture(scope="module", params=pretrain_rows.FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def processor(family):
    return pretrain_rows.processor_of(family)


@pytest.fixture(scope="module")
def model(family, processor):
    """Random weights, large enough that every part of the picture changes the answer."""
    model = pretrain_rows.FAMILIES[family][1](processor).eval().requires_grad_(False)
    torch.manual_seed(0)
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * 0.08)
    return model


@pytest.fixture(scope="module")
def rows(family):
    """Of each task one row for each width of its pictures, with its index."""
    found = {}
    for index in range(FIRST, FIRST + 60):
        row = pretrain_rows.make_row(index, family)
        if row is not None:
            found.setdefault((row[0], row[2]), (index, row))
    tasks = range(len(pretrain_rows.FAMILIES[family][2]))
    return [pair for task in tasks for pair in [found[key] for key in sorted(found) if key[0] == task]]


def fast(family, model, processor, row):
    """Loss of the canvas."""
    number, ink, columns, ids, start, length = row
    _, _, tasks, module = pretrain_rows.FAMILIES[family]
    info = torch.tensor([(columns, start, length)])
    grey = torch.from_numpy(ink)[None].float()
    if tasks[number].medium == "audio":
        look = module.ear(model, processor)
    else:
        look, grey = module.eye(model, processor, tasks[number].canvas, "cpu"), 255 - grey
    return canvas.loss(model, grey, torch.from_numpy(ids)[None].long(), info, look).item()


def plain(family, model, processor, index, row):
    """Loss of transformers' own way: conversation, processor, model, with labels for the answer and its end alone."""
    task = pretrain_rows.FAMILIES[family][2][row[0]]
    made, text = task.draw(index, 1, task.styles[0], "train", pretrain_rows.longest_text(task, index))
    question = conversation(processor, task.prompts[index % len(task.prompts)], task.medium)
    media = {"audios": [[made]]} if task.medium == "audio" else {"images": [made.convert("RGB")]}
    inputs = processor(text=[question + text + processor.tokenizer.eos_token], return_tensors="pt", **media)
    asked = processor(text=[question], return_tensors="pt", **media)["input_ids"].shape[1]
    labels = inputs["input_ids"].clone()
    labels[:, :asked] = -100
    return model(**inputs, labels=labels).loss.item()


def test_loss_is_that_of_the_plain_forward_pass(family, model, processor, rows):
    assert len({row[2] for _, row in rows}) >= 4
    for index, row in rows:
        assert fast(family, model, processor, row) == pytest.approx(
            plain(family, model, processor, index, row), rel=1e-3
        )


def test_picture_matters_to_the_loss_and_what_lies_outside_does_not(family, model, processor, rows):
    number, ink, columns, *rest = rows[0][1]
    before = fast(family, model, processor, rows[0][1])
    smudged, outside = ink.copy(), ink.copy()
    smudged[20:40, 30:50] = 200
    outside[:, columns * canvas.GRID :] = 200
    assert abs(fast(family, model, processor, (number, smudged, columns, *rest)) - before) > 1e-3 * before
    assert fast(family, model, processor, (number, outside, columns, *rest)) == pytest.approx(before, rel=1e-6)


def test_rows_of_a_batch_do_not_see_each_other(family, model, processor, rows):
    same = [row for _, row in rows if row[0] == 0]
    _, _, tasks, module = pretrain_rows.FAMILIES[family]
    look = module.eye(model, processor, tasks[0].canvas, "cpu")
    _, ink, columns, ids, start, length = (np.stack(values) for values in zip(*same, strict=True))
    info = torch.from_numpy(np.stack([columns, start, length], 1))
    together = canvas.loss(model, 255 - torch.from_numpy(ink).float(), torch.from_numpy(ids).long(), info, look).item()
    answers = length - start
    alone = [fast(family, model, processor, row) for row in same]
    assert together == pytest.approx((alone * answers).sum() / answers.sum(), rel=1e-4)


def test_gradients_of_pictures_reach_every_part_but_the_ears(family, processor, rows):
    model = pretrain_rows.FAMILIES[family][1](processor)
    _, _, tasks, module = pretrain_rows.FAMILIES[family]
    _, ink, columns, ids, start, length = rows[0][1]
    look = module.eye(model, processor, tasks[0].canvas, "cpu")
    info = torch.tensor([(columns, start, length)])
    canvas.loss(model, torch.from_numpy(ink)[None].float(), torch.from_numpy(ids)[None].long(), info, look).backward()
    untouched = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is None}
    assert untouched == ({"apm", "audio_projection_layer"} if family == "minicpm_o" else set())


def test_gradients_of_sounds_reach_the_ears():
    processor = pretrain_rows.processor_of("minicpm_o")
    model = pretrain_rows.FAMILIES["minicpm_o"][1](processor)
    _, mel, _, ids, start, length = pretrain_rows.make_row(3, "minicpm_o")
    info, heard = torch.tensor([(0, start, length)]), torch.from_numpy(mel)[None].float()
    look = canvas_minicpm.ear(model, processor)
    canvas.loss(model, heard, torch.from_numpy(ids)[None].long(), info, look).backward()
    reached = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert reached == {"llm", "apm", "audio_projection_layer"}


# --- pictures ---------------------------------------------------------------------------------


NOISE = np.random.default_rng(0).integers(0, 256, (56, 252), dtype=np.uint8)


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"], indirect=True)
def test_patches_are_those_of_the_processor(processor):
    expected = processor.image_processor([formulas.Image.fromarray(NOISE)], return_tensors="pt")["pixel_values"]
    assert torch.allclose(canvas.to_patches(torch.from_numpy(NOISE)[None].float())[0], expected, atol=1e-5)


@pytest.mark.parametrize("family", ["minicpm_o"], indirect=True)
@pytest.mark.parametrize("columns", range(3, 10))
def test_enlarged_patches_are_those_of_the_processor_but_for_one_grey_level(model, processor, columns):
    image = formulas.Image.fromarray(NOISE[:, : columns * 28]).convert("RGB")
    expected = processor.image_processor([image])
    fixed = canvas_minicpm.tables(model, processor, (252, 56), "cpu")
    row = {name: table[columns - 3][None] for name, table in fixed.items()}
    patches = canvas_minicpm.to_patches(
        canvas_minicpm.enlarge(torch.from_numpy(NOISE)[None].float(), row["wide"], row["high"]), row["patch"]
    )[0][row["inside"][0]]
    theirs = expected["pixel_values"][0][0][0].unflatten(1, (-1, 14)).transpose(0, 1).flatten(1)
    assert patches.shape == theirs.shape and (patches - theirs).abs().max() <= 1.01 / 127.5
    assert (patches == theirs).float().mean() > 0.98
    assert row["size"].tolist() == expected["tgt_sizes"][0].tolist()


def test_augmented_pictures_stay_readable(family, rows):
    ink = torch.from_numpy(np.stack([row[1] for _, row in rows if row[0] == 0]))
    torch.manual_seed(0)
    grey = canvas.augment(ink)
    assert grey.shape == ink.shape and grey.min() >= 0 and grey.max() <= 255 and (grey == grey.round()).all()
    for page, marks in zip(grey, ink, strict=True):
        assert 0.5 < (page < page.median() - 50).sum() / (marks > 90).sum() < 2
