"""helpers.pretraining.forward: the fast forward pass is the plain one of each family, picture by picture."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.synthetic import formulas
from helpers.models.inputs import conversation
from helpers.pretraining import forward
from helpers.pretraining.families import TINY_FAMILIES
from helpers.pretraining.rows import longest_text, make_row

FIRST = 300_000  # rows far enough on for formulas of all lengths
NARROWEST = {"qwen2_vl": 7, "glm_ocr": 3, "minicpm_o": 3, "minicpm_v": 3}  # image tokens of what stays whole
LARGE = (504, 112)  # a canvas
SIZES_ON_LARGE = {  # of pictures that stay whole
    "qwen2_vl": [(364, 56), (504, 112), (140, 112), (196, 56), (112, 112), (504, 56)],
    "glm_ocr": [(224, 56), (504, 28), (112, 112), (84, 84), (84, 112), (252, 56)],
}


def draw_on_pages(sizes):
    """A task's ``draw``: formulas at the top left of pages of these sizes, taken in turn, and cut there."""

    def draw(index, *args):
        picture, text = formulas.draw_sample(index, *args)
        page = Image.new("L", sizes[index // 4 % len(sizes)], 255)
        page.paste(picture)
        return page, text

    return draw


def change_formulas(patch, family, **changes):
    made = TINY_FAMILIES[family]
    tasks = tuple(replace(task, **changes) if task.name == "formulas" else task for task in made.tasks)
    patch.setitem(TINY_FAMILIES, family, replace(made, tasks=tasks))


@pytest.fixture(scope="module")
def model(family, processor):
    """Random weights, large enough that every part of the picture changes the answer."""
    model = TINY_FAMILIES[family].make_model(processor).eval().requires_grad_(False)
    torch.manual_seed(0)
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * 0.08)
    return model


@pytest.fixture(scope="module")
def rows(family):
    """Of each task one row for each size of its pictures, with its index; formulas on pages of all widths."""
    widths = range(NARROWEST[family] * forward.GRID, 253, forward.GRID)
    with pytest.MonkeyPatch.context() as patch:
        change_formulas(patch, family, draw=draw_on_pages([(width, 56) for width in widths]))
        yield rows_of_all_sizes(family)


@pytest.fixture
def large_rows(family, monkeypatch):
    """The same for formulas on pages of many sizes, which lie on a larger canvas."""
    change_formulas(monkeypatch, family, draw=draw_on_pages(SIZES_ON_LARGE[family]), canvas=LARGE, length=160)
    return [(index, row) for index, row in rows_of_all_sizes(family) if row.task == "formulas"]


def rows_of_all_sizes(family):
    found = {}
    for index in range(FIRST, FIRST + 60):
        row = make_row(index, family)
        if row is not None:
            found.setdefault((row.task, row.columns, row.rows), (index, row))
    return [found[key] for key in sorted(found, key=lambda key: (key[0] != "formulas", key))]


def task_of(family, row):
    return next(task for task in TINY_FAMILIES[family].tasks if task.name == row.task)


def answer_of(row):
    return torch.tensor([(row.columns, row.rows, row.start, row.length)])


def fast(family, model, processor, row):
    """Loss of the canvas."""
    task, module = task_of(family, row), TINY_FAMILIES[family].forward
    media = torch.from_numpy(row.media)[None].float()
    if task.modality == "audio":
        encode = module.audio_encoder(model, processor)
    else:
        encode, media = module.image_encoder(model, processor, task.canvas, "cpu"), 255 - media
    return forward.loss(model, media, torch.from_numpy(row.ids)[None].long(), answer_of(row), encode).item()


def plain(family, model, processor, index, row):
    """Loss of transformers' own way: conversation, processor, model, with labels for the answer and its end alone."""
    task = task_of(family, row)
    style = task.styles[index // 4 % len(task.styles)]  # as make_row takes them in turn: four rows hold all tasks
    made, text = task.draw(index, 1, style, "train", longest_text(task, index))
    question = conversation(processor, task.prompts[index % len(task.prompts)], task.modality)
    media = {"audios": [[made]]} if task.modality == "audio" else {"images": [made.convert("RGB")]}
    inputs = processor(text=[question + text + processor.tokenizer.eos_token], return_tensors="pt", **media)
    asked = processor(text=[question], return_tensors="pt", **media)["input_ids"].shape[1]
    labels = inputs["input_ids"].clone()
    labels[:, :asked] = -100
    return model(**inputs, labels=labels).loss.item()


def test_loss_is_that_of_the_plain_forward_pass(family, model, processor, rows):
    columns = [row.columns for _, row in rows if row.task == "formulas"]
    assert columns == list(range(NARROWEST[family], 10))
    for index, row in rows:
        assert fast(family, model, processor, row) == pytest.approx(
            plain(family, model, processor, index, row), rel=1e-3
        )


@pytest.mark.parametrize("family", SIZES_ON_LARGE, indirect=True)
def test_loss_is_that_of_the_plain_forward_pass_where_pictures_are_lower_than_their_canvas(
    family, model, processor, large_rows
):
    sizes = {(row.columns * forward.GRID, row.rows * forward.GRID) for _, row in large_rows}
    assert sizes == set(SIZES_ON_LARGE[family])
    for index, row in large_rows:
        assert row.media.shape == LARGE[::-1]
        assert fast(family, model, processor, row) == pytest.approx(
            plain(family, model, processor, index, row), rel=1e-3
        )


@pytest.mark.parametrize("family", SIZES_ON_LARGE, indirect=True)
def test_what_lies_beside_and_below_a_picture_does_not_matter(family, model, processor, large_rows):
    size = SIZES_ON_LARGE[family][0]
    row = next(row for _, row in large_rows if (row.columns * forward.GRID, row.rows * forward.GRID) == size)
    before = fast(family, model, processor, row)
    beside, below, inside = row.media.copy(), row.media.copy(), row.media.copy()
    beside[: size[1], size[0] :] = below[size[1] :] = 200
    inside[size[1] - 20 : size[1], size[0] - 20 : size[0]] = 200
    for media in (beside, below):
        assert fast(family, model, processor, row._replace(media=media)) == pytest.approx(before, rel=1e-6)
    assert abs(fast(family, model, processor, row._replace(media=inside)) - before) > 1e-4 * before


def test_picture_matters_to_the_loss_and_what_lies_outside_does_not(family, model, processor, rows):
    row = rows[0][1]
    before = fast(family, model, processor, row)
    smudged, outside = row.media.copy(), row.media.copy()
    smudged[20:40, 30:50] = 200
    outside[:, row.columns * forward.GRID :] = 200
    assert abs(fast(family, model, processor, row._replace(media=smudged)) - before) > 1e-3 * before
    assert fast(family, model, processor, row._replace(media=outside)) == pytest.approx(before, rel=1e-6)


def test_rows_of_a_batch_do_not_see_each_other(family, model, processor, rows):
    same = [row for _, row in rows if row.task == "formulas"]
    canvas = task_of(family, same[0]).canvas
    encode = TINY_FAMILIES[family].forward.image_encoder(model, processor, canvas, "cpu")
    media = torch.from_numpy(np.stack([row.media for row in same]))
    ids = torch.from_numpy(np.stack([row.ids for row in same]))
    info = torch.cat([answer_of(row) for row in same])
    together = forward.loss(model, 255 - media.float(), ids.long(), info, encode).item()
    answers = np.array([row.length - row.start for row in same])
    alone = [fast(family, model, processor, row) for row in same]
    assert together == pytest.approx((alone * answers).sum() / answers.sum(), rel=1e-4)


def test_gradients_of_pictures_reach_every_part_but_the_audio_encoder(family, processor, rows):
    model = TINY_FAMILIES[family].make_model(processor)
    row = rows[0][1]
    encode = TINY_FAMILIES[family].forward.image_encoder(model, processor, task_of(family, row).canvas, "cpu")
    media, ids = torch.from_numpy(row.media)[None].float(), torch.from_numpy(row.ids)[None].long()
    forward.loss(model, media, ids, answer_of(row), encode).backward()
    untouched = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is None}
    assert untouched == ({"apm", "audio_projection_layer"} if family == "minicpm_o" else set())


# --- pictures ---------------------------------------------------------------------------------


NOISE = np.random.default_rng(0).integers(0, 256, (56, 252), dtype=np.uint8)


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"], indirect=True)
def test_patches_are_those_of_the_processor(processor):
    expected = processor.image_processor([Image.fromarray(NOISE)], return_tensors="pt")["pixel_values"]
    assert torch.allclose(forward.to_patches(torch.from_numpy(NOISE)[None].float())[0], expected, atol=1e-5)


def test_augmented_pictures_stay_readable(family, rows):
    ink = torch.from_numpy(np.stack([row.media for _, row in rows if row.task == "formulas"]))
    torch.manual_seed(0)
    grey = forward.augment(ink)
    assert grey.shape == ink.shape and grey.min() >= 0 and grey.max() <= 255 and (grey == grey.round()).all()
    for page, marks in zip(grey, ink, strict=True):
        assert 0.5 < (page < page.median() - 50).sum() / (marks > 90).sum() < 2
