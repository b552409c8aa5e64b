"""helpers.training.batches: every sample once an epoch, each epoch anew; like lengths together, or equal work."""

from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from transformers import BatchEncoding

from helpers.data.samples import Sample
from helpers.settings import Settings
from helpers.training.batches import Batches, arranged, balanced, by_length, sizes_of


def of_like_length(samples, batch_size, seed, multiple=1):
    return Batches(samples, seed, partial(by_length, batch_size=batch_size, multiple=multiple))


def test_a_run_of_one_epoch_keeps_the_order_that_the_lessons_were_measured_with():
    order = of_like_length([Sample(Path(f"{i}.png"), "x" * (i % 7)) for i in range(30)], 4, seed=3)
    first = [
        16,
        9,
        17,
        24,
        5,
        26,
        20,
        27,
        11,
        25,
        19,
        12,
        22,
        1,
        2,
        23,
        7,
        28,
        0,
        14,
        3,
        10,
        18,
        4,
        21,
        15,
        8,
        29,
        13,
        6,
    ]
    assert [int(sample.file.stem) for sample in order] == first and len(order) == 30
    order.set_epoch(1)
    assert [int(sample.file.stem) for sample in order] != first
    order.set_epoch(0)
    assert [int(sample.file.stem) for sample in order] == first


def test_several_processes_have_equally_many_and_the_same_batches():
    samples = [Sample(Path(f"{i}.png"), "x" * (i % 7)) for i in range(17)]
    alone, together = (list(of_like_length(samples, 4, 0, multiple)) for multiple in (1, 8))
    assert together == [*alone, *[None] * 7]


def test_the_batches_of_two_epochs_are_not_the_same_ones_in_another_order():
    samples, batches = [Sample(Path(f"{i}.png"), "x" * (i % 97)) for i in range(400)], []
    order = of_like_length(samples, 2, seed=0)
    for epoch in (0, 1):
        order.set_epoch(epoch)
        batches.append({frozenset(order[i : i + 2]) for i in range(0, len(order), 2)})
    assert len(batches[0] & batches[1]) < 50 and len(batches[0]) == 200


def padding(rows):
    batches = [[len(row.text) for row in rows[i : i + 8]] for i in range(0, len(rows), 8)]
    return sum(max(batch) * len(batch) - sum(batch) for batch in batches)


@pytest.mark.parametrize("epoch", [0, 1])
def test_batches_hold_answers_of_like_length_and_lose_none(epoch):
    samples = [Sample(Path(f"{i}.png"), "x" * (i * 37 % 101 + 1)) for i in range(203)]
    order = of_like_length(samples, 8, seed=0)
    order.set_epoch(epoch)
    assert sorted(order, key=str) == sorted(samples, key=str)
    assert padding(list(order)) < padding(samples) / 5


def of_many_sizes(folder, count):
    """Samples whose work differs tenfold, a third of it by the text."""
    samples = []
    for index in range(count):
        path = folder / f"{index}.png"
        Image.new("L", (28 + 28 * (index * 37 % 31), 56)).save(path)
        samples.append(Sample(path, "x" * (10 + index * 17 % 83)))
    return samples


def letters(texts):
    """A tokenizer to which each letter is a token."""
    return BatchEncoding({"input_ids": [list(text) for text in texts]})


def of_equal_work(samples, batch_size, part=None, multiple=None, seed=0):
    """Balanced ``Batches``, taken ``part`` at a time by one process or, by several, ``multiple``."""
    sizes, part = dict(zip(samples, sizes_of(samples, letters), strict=True)), part or batch_size
    options = {"batch_size": batch_size, "part": part, "multiple": multiple or part, "sizes": sizes}
    return Batches(samples, seed, partial(balanced, **options))


def spread(rows, size, amount):
    """How far the largest and the smallest of the batches are apart, as a share of their mean."""
    sums = [sum(map(amount, rows[i : i + size])) for i in range(0, len(rows), size)]
    return (max(sums) - min(sums)) * len(sums) / sum(sums)


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("part", [4, 16])
def test_balanced_batches_have_as_much_to_see_and_to_write_as_each_other(tmp_path, epoch, part):
    samples = of_many_sizes(tmp_path, 320)
    order = of_equal_work(samples, 16, part)
    order.set_epoch(epoch)
    rows = list(order)
    assert sorted(rows, key=str) == sorted(samples, key=str)
    shuffled = Batches(samples, 0, lambda rows, rng: rows)
    for amount in (lambda sample: Image.open(sample.file).width, lambda sample: len(sample.text)):
        assert spread(rows, 16, amount) < 0.1 < 0.3 < spread(shuffled, 16, amount)
        assert spread(rows, part, amount) < spread(shuffled, part, amount) / 2


def test_balanced_batches_of_two_epochs_are_not_the_same_ones(tmp_path):
    samples, batches = of_many_sizes(tmp_path, 320), []
    order = of_equal_work(samples, 4)
    for epoch in (0, 1):
        order.set_epoch(epoch)
        batches.append({frozenset(order[i : i + 4]) for i in range(0, 320, 4)})
    assert len(batches[0] & batches[1]) < 3


@pytest.mark.parametrize("epoch", [0, 1])
@pytest.mark.parametrize("count", [21, 3, 16])
def test_balanced_on_several_gpus_a_step_has_the_same_samples_as_on_one(tmp_path, epoch, count):
    samples = of_many_sizes(tmp_path, count)
    alone, together = of_equal_work(samples, 8), of_equal_work(samples, 8, part=4, multiple=8)
    for order in (alone, together):
        order.set_epoch(epoch)
    whole = -(-count // 8) * 8
    for start in range(0, whole, 8):
        assert set(alone[start : start + 8]) - {None} == set(together[start : start + 8]) - {None}
    assert len(together) == whole and list(together).count(None) == whole - count
    assert all(any(together[start : start + 4]) for start in range(0, whole, 4))  # the last ones are shared out, too


def test_a_run_that_is_packed_has_balanced_batches_and_others_have_them_by_length(tmp_path):
    samples = of_many_sizes(tmp_path, 64)
    settings = Settings.tiny(batch_size=4, gradient_accumulation=2, seed=5)
    assert list(arranged(samples, settings, 2, letters)) == list(of_equal_work(samples, 8, 2, seed=5))
    assert list(arranged(samples, settings, 4)) == list(of_like_length(samples, 4, 5))


def test_a_size_is_pixels_and_tokens(tmp_path):
    Image.new("RGB", (140, 28)).save(tmp_path / "1.png")
    samples = [Sample(tmp_path / "1.png", "abc"), Sample(tmp_path / "1.png", "d")]
    assert sizes_of(samples, letters) == [(140 * 28, 3), (140 * 28, 1)]


def test_a_broken_picture_is_named_before_anything_is_dealt(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="bad.png"):
        sizes_of([Sample(tmp_path / "bad.png", "x")], letters)
