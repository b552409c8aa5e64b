"""Training and test sets that share nothing: split by content, not by row."""

import random
from collections import Counter, defaultdict
from pathlib import Path

from helpers.data.probe import content_digest, look_at_all
from helpers.language import message
from helpers.paths import short


def split(samples, test_fraction=None, test_count=None, seed=0, verbose=False):
    """Split into ``(train, test)`` by content, so that nothing in test was seen in training.

    Samples with equal text (runs of white space count as one) or files that show or play the same (``content_digest``),
    directly or through a chain of others, form a group and stay on one side. Both lists come back shuffled.

    Args:
        test_fraction: share of the samples for test, between 0 and 1; or else
        test_count: number of samples for test. Reached exactly, or as nearly as the groups allow.
        seed: same seed and same samples, same split.
        verbose: print what was done.

    Raises:
        ValueError: the test size is impossible, or all samples hang together in one group.
        FileNotFoundError: a sample's file is missing.
    """
    samples = list(samples)
    wanted = _wanted(len(samples), test_fraction, test_count)
    groups = _groups(samples)
    if len(groups) < 2:
        raise ValueError(message("data.one_group"))
    random.Random(seed).shuffle(groups)
    quota = _quota(groups, wanted, len(samples))
    train, test = [], []
    for group in groups:
        if quota[len(group)]:
            quota[len(group)] -= 1
            test.extend(group)
        else:
            train.extend(group)
    if verbose:
        counts = {"samples": len(samples), "groups": len(groups), "train": len(train), "test": len(test)}
        print(message("data.split", **counts, wanted=wanted))
    return train, test


def _wanted(total, fraction, count):
    if (fraction is None) == (count is None):
        raise ValueError(message("data.fraction_or_count"))
    wanted = max(1, round(total * fraction)) if count is None else count
    if not 0 < wanted < total:
        raise ValueError(message("data.impossible_test", wanted=wanted, total=total))
    return wanted


def _groups(samples):
    """Lists of samples that share their text or what their files show, found by union-find over the row numbers."""
    parent = list(range(len(samples)))

    def root(row):
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    first = {}
    digests = look_at_all(_digest, samples)
    for row, (sample, digest) in enumerate(zip(samples, digests, strict=True)):
        for content in (" ".join(sample.text.split()), digest):
            parent[root(row)] = root(first.setdefault(content, row))
    groups = defaultdict(list)
    for row, sample in enumerate(samples):
        groups[root(row)].append(sample)
    return list(groups.values())


def _digest(sample):
    try:
        return content_digest(Path(sample.file).read_bytes(), sample.modality)
    except FileNotFoundError as error:
        raise FileNotFoundError(message("picture.missing", file=short(sample.file))) from error


def _quota(groups, wanted, total):
    """How many groups of each size go to test: ``Counter({size: count})``.

    Usually the first groups that fit, in their random order, give exactly ``wanted``; if not, the nearest sum does.
    """
    quota, room = Counter(), wanted
    for group in groups:
        if len(group) <= room:
            quota[len(group)] += 1
            room -= len(group)
    return _nearest(Counter(map(len, groups)), wanted, total) if room else quota


def _nearest(sizes, wanted, total):
    """The choice from ``sizes`` (Counter) whose sum, below ``total``, lies nearest to ``wanted``.

    Each size is tried from each sum reached before; a sum is remembered with the step that led to it.
    """
    steps = {0: None}
    for size in sorted(sizes):
        for base in sorted(steps):
            for count in range(1, sizes[size] + 1):
                reached = base + count * size
                if reached in steps or reached >= total:
                    break
                steps[reached] = (size, count)
    reached = min(steps.keys() - {0}, key=lambda found: (abs(found - wanted), found))
    quota = Counter()
    while reached:
        size, count = steps[reached]
        quota[size] += count
        reached -= size * count
    return quota
