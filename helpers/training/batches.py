"""The order in which a run sees its samples, and which of them go together."""

import math
import random

from helpers.data.images import read_size

PATCH = 14 * 14  # pixels


class BatchesByLength:
    """A data set to be read in order, batch by batch: shuffled anew for each epoch, texts of like length in one batch.

    Within every 50 batches the samples are sorted by the length of their text, so that little of a batch is padding;
    the order of the batches is random. The Trainer's data loader calls ``set_epoch`` before each epoch, also when it
    goes on in the middle of one. Several processes take parts of it in turn; so that each has equally many, None fills
    up the last batch to ``multiple``.

    Args:
        batch_size: 1: shuffled, nothing sorted.
        multiple: samples that all processes together take at a time.
        shares, work: how many processes, and ``amounts_of_work(samples)``: what they take at a time is then dealt so
            that all have about as much to do. None: dealt as it comes.
    """

    def __init__(self, samples, batch_size, seed, multiple=1, shares=1, work=None):
        self.samples, self.batch_size, self.seed, self.multiple = samples, batch_size, seed, multiple
        self.shares, self.work = shares, dict(zip(samples, work, strict=True)) if work else None
        self.set_epoch(0)

    def set_epoch(self, epoch):
        rng, size, batches = random.Random(self.seed + epoch), self.batch_size, []
        shuffled = rng.sample(self.samples, len(self.samples))
        for start in range(0, len(shuffled), 50 * size):
            near = sorted(shuffled[start : start + 50 * size], key=lambda sample: len(sample.text))
            batches += [near[i : i + size] for i in range(0, len(near), size)]
        last = batches.pop()  # the one that may be short stays last
        rng.shuffle(batches)
        self.ordered = [sample for batch in [*batches, last] for sample in batch]
        self.ordered += [None] * (-len(self.ordered) % self.multiple)
        if self.work:
            steps = [self.ordered[i : i + self.multiple] for i in range(0, len(self.ordered), self.multiple)]
            self.ordered = [sample for step in steps for sample in _dealt(step, self.shares, self.work)]

    def __len__(self):
        return len(self.ordered)

    def __getitem__(self, index):
        return self.ordered[index]


def amounts_of_work(samples):
    """What each sample costs about, in patches of its picture; a letter of its text counts as one.

    In Qwen2-VL-2B a patch takes 2.9 GFLOP (forward through the tower; a fourth of a token forward and backward through
    the language model), a letter 2.5 (of which a token has two or three).

    Raises:
        FileNotFoundError, ValueError: as ``data.read_size``, which looks at every picture's size.
    """
    return [math.prod(read_size(sample.file)) / PATCH + len(sample.text) for sample in samples]


def _dealt(samples, shares, work):
    """``samples`` in another order: as many equal parts of about as much work, the largest first to and fro."""
    order = sorted(samples, key=lambda sample: work.get(sample, 0), reverse=True)  # None: nothing to do
    parts = [[] for _ in range(shares)]
    for index, sample in enumerate(order):
        turn, place = divmod(index, shares)
        parts[place if turn % 2 == 0 else shares - 1 - place].append(sample)
    return [sample for part in parts for sample in part]
