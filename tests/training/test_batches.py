"""helpers.training.batches: every sample once an epoch, each epoch anew, like lengths together; equal work for all."""

from pathlib import Path

import pytest
from PIL import Image

from helpers.data.samples import Sample
from helpers.training.batches import BatchesByLength, amounts_of_work


def test_a_run_of_one_epoch_keeps_the_order_that_the_lessons_were_measured_with():
    order = BatchesByLength([Sample(Path(f"{i}.png"), "x" * (i % 7)) for i in range(30)], 4, seed=3)
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
    alone, together = (list(BatchesByLength(samples, 4, 0, multiple)) for multiple in (1, 8))
    assert together == [*alone, *[None] * 7]


def test_the_batches_of_two_epochs_are_not_the_same_ones_in_another_order():
    samples, batches = [Sample(Path(f"{i}.png"), "x" * (i % 97)) for i in range(400)], []
    order = BatchesByLength(samples, 2, seed=0)
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
    order = BatchesByLength(samples, 8, seed=0)
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


@pytest.mark.parametrize("shares", [2, 4])
def test_what_several_processes_take_at_a_time_is_about_as_much_work(tmp_path, shares):
    samples, size = of_many_sizes(tmp_path, 160), 8
    work = dict(zip(samples, amounts_of_work(samples), strict=True))

    def largest_share(*dealt):
        """Of the work of a step, on average; 1.0: all have as much to do."""
        order = list(BatchesByLength(samples, 1, 0, size * shares, *dealt))
        parts = [sum(work[one] for one in order[start : start + size]) for start in range(0, len(order), size)]
        steps = [parts[start : start + shares] for start in range(0, len(parts), shares)]
        return sum(max(step) * shares / sum(step) for step in steps) / len(steps)

    assert largest_share(shares, amounts_of_work(samples)) < 1.02 < 1.05 < largest_share()


@pytest.mark.parametrize("epoch", [0, 1])
def test_dealt_by_work_a_step_has_the_same_samples_as_on_one_gpu(tmp_path, epoch):
    samples = of_many_sizes(tmp_path, 21)
    alone, together = BatchesByLength(samples, 1, 0, 8), BatchesByLength(samples, 1, 0, 8, 2, amounts_of_work(samples))
    for order in (alone, together):
        order.set_epoch(epoch)
    for start in range(0, 24, 8):
        assert sorted(map(str, alone[start : start + 8])) == sorted(map(str, together[start : start + 8]))
    assert len(together) == 24 and list(together).count(None) == 3
    assert all(any(together[start : start + 4]) for start in range(16, 24, 4))  # the last ones are shared out, too


def test_a_patch_counts_as_a_letter(tmp_path):
    Image.new("RGB", (140, 28)).save(tmp_path / "1.png")
    assert amounts_of_work([Sample(tmp_path / "1.png", "abc")]) == [20 + 3]


def test_a_broken_picture_is_named_before_anything_is_dealt(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="bad.png"):
        amounts_of_work([Sample(tmp_path / "bad.png", "x")])
