"""The order in which a run sees its samples, and which of them go together."""

import math
import random
from functools import partial

from helpers import processes
from helpers.data.images import read_size

WINDOW = 50  # batches among which samples are sorted: the next epoch's shuffling makes others of them


class Batches:
    """A data set to be read in order, batch by batch: shuffled anew for each epoch, then arranged.

    The Trainer's data loader calls ``set_epoch`` before each epoch, also when it goes on in the middle of one. Several
    processes take parts of it in turn; so that each has equally many, None fills up the last batch.

    Args:
        arrange: ``by_length`` or ``balanced``, with all but their first two arguments.
    """

    def __init__(self, samples, seed, arrange):
        self.samples, self.seed, self.arrange = samples, seed, arrange
        self.set_epoch(0)

    def set_epoch(self, epoch):
        rng = random.Random(self.seed + epoch)
        self.ordered = self.arrange(rng.sample(self.samples, len(self.samples)), rng)

    def __len__(self):
        return len(self.ordered)

    def __getitem__(self, index):
        return self.ordered[index]


def arranged(samples, settings, part, tokenizer=None):
    """``Batches`` for ``settings``, of which each process takes ``part`` samples at a time.

    Args:
        tokenizer: for batches to be packed, which are balanced; None: they are by length.
    """
    multiple = part * processes.count()
    if not tokenizer:
        return Batches(samples, settings.seed, partial(by_length, batch_size=settings.batch_size, multiple=multiple))
    sizes = dict(zip(samples, processes.from_first(lambda: sizes_of(samples, tokenizer)), strict=True))
    step = settings.batch_size * settings.gradient_accumulation
    options = {"batch_size": step, "part": part, "multiple": multiple, "sizes": sizes}
    return Batches(samples, settings.seed, partial(balanced, **options))


def by_length(shuffled, rng, batch_size, multiple):
    """Batches of texts of like length, in random order, so that little of a padded batch is padding.

    Args:
        multiple: samples that all processes together take at a time.

    Returns:
        list of all samples, and None up to a multiple.
    """
    batches = []
    for start in range(0, len(shuffled), WINDOW * batch_size):
        near = sorted(shuffled[start : start + WINDOW * batch_size], key=lambda sample: len(sample.text))
        batches += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    last = batches.pop()  # the one that may be short stays last
    rng.shuffle(batches)
    ordered = [sample for batch in [*batches, last] for sample in batch]
    return ordered + [None] * (-len(ordered) % multiple)


def balanced(shuffled, rng, batch_size, part, multiple, sizes):
    """Batches of equal work: each has small and large pictures, short and long texts. Packed, they are of one size.

    Args:
        batch_size: samples of an optimizer step, of all processes together.
        part: samples that a process takes at a time; those of a step are balanced too.
        multiple: samples that all processes together take at a time.
        sizes: {sample: (pixels of its picture, tokens of its text)}.

    Returns:
        list of all samples, and None up to a multiple.
    """
    sizes = sizes | {None: (0, 0)}
    whole, ordered = len(shuffled) - len(shuffled) % batch_size, []
    for start in range(0, whole, WINDOW * batch_size):
        near = shuffled[start : min(start + WINDOW * batch_size, whole)]
        for step in _dealt(near, rng, len(near) // batch_size, sizes):
            ordered += sum(_dealt(step, rng, batch_size // part, sizes), [])
    rest = shuffled[whole:]
    rest += [None] * (-len(rest) % multiple)
    return ordered + sum(_dealt(rest, rng, len(rest) // part, sizes), [])


def _dealt(samples, rng, number, sizes):
    """``samples`` in so many lists, equally long. Of the largest pictures each gets one, then of the next largest, and
    so on: at first any one, in the second half the longer a text the less text a list has so far."""
    lists, written = [[] for _ in range(number)], [0] * number
    order = sorted(samples, key=lambda sample: sizes[sample][0], reverse=True)
    for start in range(0, len(order), max(1, number)):
        like, places = order[start : start + number], rng.sample(range(number), number)
        if start >= len(order) / 2:
            like.sort(key=lambda sample: sizes[sample][1], reverse=True)
            places.sort(key=written.__getitem__)
        for sample, place in zip(like, places, strict=True):
            lists[place].append(sample)
            written[place] += sizes[sample][1]
    return lists


def sizes_of(samples, tokenizer):
    """For each sample (pixels of its picture, tokens of its text).

    Raises:
        FileNotFoundError, ValueError: as ``data.read_size``.
    """
    files = dict.fromkeys(sample.file for sample in samples)
    pixels = {file: math.prod(read_size(file)) for file in files}
    texts = tokenizer([sample.text for sample in samples]).input_ids
    return [(pixels[sample.file], len(text)) for sample, text in zip(samples, texts, strict=True)]
