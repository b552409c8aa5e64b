"""helpers.pretraining.rows: rows hold what they should, are drawn ahead but not far, the pools fill in order."""

import threading
from dataclasses import replace
from itertools import count
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.synthetic import formulas, held_out, papers
from helpers.models.inputs import conversation
from helpers.pretraining.families import FORMULAS, TINY_FAMILIES, processor_of
from helpers.pretraining.forward import GRID, to_patches
from helpers.pretraining.rows import Pool, Row, drawn_ahead, grow, longest_text, make_row, resized

ROWS_DRAWN = range(300_000, 300_008)  # far enough on for texts of all lengths


@pytest.fixture(scope="module")
def rows(family):
    return [make_row(index, family) for index in ROWS_DRAWN]


def change_tasks(monkeypatch, family, **changes):
    tasks = tuple(replace(task, **changes) for task in TINY_FAMILIES[family].tasks)
    monkeypatch.setitem(TINY_FAMILIES, family, replace(TINY_FAMILIES[family], tasks=tasks))


# --- rows -------------------------------------------------------------------------------------


def test_rows_hold_the_conversation_as_the_processor_writes_it(family, processor, rows):
    for index, (name, media, columns, high, ids, start, length) in zip(ROWS_DRAWN, rows, strict=True):
        task = next(task for task in TINY_FAMILIES[family].tasks if task.name == name)
        style = task.styles[index // 4 % len(task.styles)]
        made, text = task.draw(index, 1, style, "train", longest_text(task, index))
        made = resized(processor, made) if task.modality == "image" else made
        talk = conversation(processor, task.prompts[index % len(task.prompts)], task.modality)
        given = {"audios": [[made]]} if task.modality == "audio" else {"images": [made.convert("RGB")]}
        inputs = processor(text=[talk + text + processor.tokenizer.eos_token], return_tensors="pt", **given)
        assert ids[:length].tolist() == inputs["input_ids"][0].tolist()
        assert set(ids[length:]) <= {processor.tokenizer.pad_token_id} and ids.shape == (task.length,)
        assert processor.tokenizer.decode(ids[start:length]) == text + processor.tokenizer.eos_token
        assert media.shape == task.canvas[::-1]
        if task.modality == "audio":
            assert np.allclose(media, inputs["audio_features"][0], atol=1e-3)
            continue
        grey = np.asarray(made.convert("L"))
        assert (columns * GRID, high * GRID) == made.size and media.sum() == (255 - grey.astype(int)).sum()
        assert (255 - media[: made.height, : made.width] == grey).all()


def test_rows_of_a_family_are_long_and_their_canvas_large_enough(family):
    """But for pictures like LaTeX_OCR's: those that are larger than the canvas are left out."""
    drawn = [make_row(index, family) for index in range(600_000, 600_200)]
    for task in TINY_FAMILIES[family].tasks:
        few = 0.75 if formulas.SHEET in task.styles else 1
        assert sum(row.task == task.name for row in drawn if row) >= few * 50 * task.share


def test_row_too_long_is_left_out(monkeypatch, family, rows):
    change_tasks(monkeypatch, family, length=rows[0].length)
    assert make_row(ROWS_DRAWN[0], family) is not None
    change_tasks(monkeypatch, family, length=rows[0].length - 1)
    assert make_row(ROWS_DRAWN[0], family) is None


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"], indirect=True)
def test_picture_too_large_is_left_out(monkeypatch, family, rows):
    row = next(row for row in rows if row.task == "formulas")
    index, size = ROWS_DRAWN[rows.index(row)], (row.columns * GRID, row.rows * GRID)
    change_tasks(monkeypatch, family, canvas=size)
    assert make_row(index, family) is not None
    for less in ((GRID, 0), (0, GRID)):
        change_tasks(monkeypatch, family, canvas=tuple(np.subtract(size, less)))
        assert make_row(index, family) is None


@pytest.mark.parametrize("size", [*papers.SHEETS, (28, 28), (252, 56), (500, 300)])
@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"])
def test_pictures_are_resized_as_the_processor_does_but_for_one_grey_level(family, size):
    processor = processor_of(family)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, size[::-1], dtype=np.uint8))
    theirs = processor.image_processor([picture.convert("RGB")], return_tensors="pt")
    ours = resized(processor, picture)
    assert theirs["image_grid_thw"].tolist() == [[1, ours.height // 14, ours.width // 14]]
    patches = to_patches(torch.from_numpy(np.array(ours))[None].float())[0]
    assert (patches - theirs["pixel_values"]).abs().max() < 1.1 / 255 / 0.26  # the least of CLIP's deviations


def test_pictures_of_minicpm_keep_their_size():
    picture = Image.new("L", (360, 40))
    assert resized(processor_of("minicpm_v"), picture) is picture


def test_tasks_take_turns_by_their_shares(family, rows):
    names = [row.task for row in rows]
    assert all(names.count(task.name) == 2 * task.share for task in TINY_FAMILIES[family].tasks)


@pytest.mark.parametrize("index, longest", [(0, 6), (10_000, 6), (35_000, 15), (60_000, 24), (3_000_000, 24)])
def test_formulas_start_short_and_grow(index, longest):
    assert longest_text(FORMULAS, index) == longest
    assert len(FORMULAS.draw(index, 1, "printed", "train", longest)[1].split()) <= longest


def test_texts_for_tests_are_never_trained_on(processor, rows):
    texts = [processor.tokenizer.decode(row.ids[row.start : row.length - 1]) for row in rows]
    assert not any(map(held_out.reserved, texts))


# --- drawn ahead ------------------------------------------------------------------------------


def drawn(processes, ahead, numbers, threads_busy):
    """The stream; how far in front of the rows taken each row was drawn; a list whose length counts the rows taken.

    ``threads_busy`` is set when row ``ahead`` - 1 has been drawn.
    """
    front, taken = [], []

    def draw(number):
        front.append(number - len(taken))
        if number == ahead - 1:
            threads_busy.set()
        return number

    return drawn_ahead(processes, draw, numbers, ahead), front, taken


def test_rows_come_in_order_and_none_is_drawn_too_far_ahead():
    busy = threading.Event()
    with ThreadPool(3) as processes:
        stream, front, taken = drawn(processes, 256, range(5000), busy)
        for row in stream:
            assert busy.wait(60)  # they use the room that they have
            taken.append(row)
    assert taken == list(range(5000)) and len(front) == 5000
    assert 64 < max(front) <= 256


@pytest.mark.parametrize("rows_taken", [0, 1, 700])
def test_pool_ends_once_the_stream_is_closed(rows_taken):
    processes = ThreadPool(2)
    stream, _, _ = drawn(processes, 128, count(), threading.Event())
    assert [next(stream) for _ in range(rows_taken)] == list(range(rows_taken))
    stream.close()
    ending = threading.Thread(target=processes.terminate, daemon=True)
    ending.start()
    ending.join(60)
    assert not ending.is_alive()


# --- pools ------------------------------------------------------------------------------------


TASKS = [replace(FORMULAS, name=name, share=share) for name, share in (("first", 3), ("second", 1))]
INK = np.zeros((56, 252), np.uint8)


def stream(count):
    """Rows numbered by their first token; every fourth one is of the second task, every third one is too long."""
    for number in range(count):
        ids = np.full(TASKS[0].length, number, np.int16)
        yield None if number % 3 == 2 else Row("second" if number % 4 == 3 else "first", INK, 3, 2, ids, 30, 40)


def test_pools_fill_in_order_without_gaps_and_each_with_its_own():
    pools, rows = [Pool(task, 4000, "cpu") for task in TASKS], stream(20_000)
    grow(pools, rows, 1)
    kept = [number for number in range(2048) if number % 3 != 2]
    for number, pool in enumerate(pools):
        expected = [index for index in kept if (index % 4 == 3) == number]
        assert pool.size == len(expected) and pool.ids[: pool.size, 0].tolist() == expected
    assert next(filter(None, rows)).ids[0] == 2049  # no row was thrown away


def test_pools_stop_when_they_are_full():
    pools = [Pool(task, capacity, "cpu") for task, capacity in zip(TASKS, (1500, 500), strict=True)]
    grow(pools, stream(20_000), 10**6)
    assert [pool.size for pool in pools] == [1500, 500]


def test_pool_draws_only_what_is_there_and_by_its_generator():
    import torch

    pool = Pool(TASKS[0], 5000, "cpu")
    pool.add([row for row in stream(2048) if row])
    pool.ids[pool.size :] = -1
    draws = [pool.batch(4000, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    ink, ids, info = draws[0]
    assert ink.shape == (4000, 56, 252) and ids.dtype == torch.long and info[0].tolist() == [3, 2, 30, 40]
    assert ids.min() >= 0 and len(ids[:, 0].unique()) > 1000
    assert (ids == draws[1][1]).all() and not (ids == draws[2][1]).all()
