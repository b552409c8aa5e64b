"""Pictures with their texts, wherever they come from: a JSONL beside its pictures, parquet files, or a hub."""

import hashlib
import json
import os
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from helpers import folders, parquet
from helpers.files import read_text, relative, write_text
from helpers.settings import short

SUBSETS = ("default", "human_handwrite", "human_handwrite_print", "synthetic_handwrite", "small")


@dataclass(frozen=True)
class Sample:
    """One picture and the text that is in it."""

    image: Path
    text: str


# --- loading ----------------------------------------------------------------------------------


def load_jsonl(path, limit=None):
    """The samples of a JSONL file with rows ``{"image": "images/1.png", "text": "..."}``.

    Args:
        path: the file; picture paths are relative to its folder.
        limit: how many rows to take, from the first on; None for all.

    Raises:
        ValueError: the file is not UTF-8, or a line is not such a row; names the line.
    """
    path = Path(os.path.abspath(path))
    samples = []
    for number, line in enumerate(read_text(path).split("\n"), 1):  # splitlines() would also cut at U+2028
        if limit is not None and len(samples) >= limit:
            break
        if line.strip():
            samples.append(_sample(line, path, number))
    return samples


def _sample(line, path, number):
    cure = "helpers.validate.find_problems lists every fault"
    try:
        row = json.loads(line)
        image, text = row["image"], row["text"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{short(path)}:{number}: not a JSON object with image and text -> {cure}") from error
    if not isinstance(image, str) or not isinstance(text, str):
        raise ValueError(f"{short(path)}:{number}: image and text must both be strings -> {cure}")
    return Sample(path.parent / image, text)


def write_jsonl(samples, path):
    """Write samples as JSONL, picture paths relative to the file; the file appears only when whole."""
    rows = [{"image": relative(sample.image, path), "text": sample.text} for sample in samples]
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def load_parquet(paths, folder, limit=None, skip=()):
    """Take pictures and texts out of parquet files as Hugging Face ``datasets`` writes them.

    Pictures become PNG under ``folder/images``; ``folder/data.jsonl`` is written last. A finished folder is used
    again if it was made from the same files, limit and skip; one that a killed run left half written is made anew.

    Args:
        paths: one parquet file or several, with columns ``image`` (bytes, path) and ``text``.
        folder: where pictures and JSONL go; new, or made by this function.
        limit: how many rows to take, from the first on; None for all.
        skip: numbers of rows (from 0, over all files) to leave out, such as those an error named.

    Raises:
        ValueError: a column is missing, or rows hold no readable picture or text; every one is named.
        FileExistsError: the folder holds something else.
    """
    paths = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    stats = [(path.name, path.stat()) for path in paths]
    files = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    made_from = {"files": files, "limit": limit, "skip": sorted(skip)}
    if not folders.finished(Path(folder), made_from):
        parquet.extract(paths, Path(folder), made_from)
    return load_jsonl(Path(folder) / "data.jsonl")


def load_latex_ocr(settings, folder, subset="default", split="train", limit=None, skip=()):
    """Load LaTeX_OCR: ``AI-ModelScope/LaTeX_OCR`` or ``linxy/LaTeX_OCR``, by ``settings.hub``; see load_parquet.

    With hub "local" the parquet files are read from ``settings.models_dir/LaTeX_OCR``, laid out as on the hub.
    A finished folder is used again without asking the hub.

    Args:
        subset: one of ``SUBSETS``; default is printed, small a taste of 50 rows, the others are handwritten.
        split: train, validation or test, where the subset has it.

    Raises:
        ValueError: unknown subset. ConnectionError: the hub does not answer; says what to do, within seconds.
        FileNotFoundError: no parquet files of that subset and split.
    """
    if subset not in SUBSETS:
        raise ValueError(f"LaTeX_OCR has no subset {subset!r} -> choose one of {', '.join(SUBSETS)}")
    if settings.hub == "local":
        if settings.models_dir is None:
            raise ValueError('hub="local" reads LaTeX_OCR from models_dir/LaTeX_OCR -> set models_dir, or another hub')
        return load_parquet(parquet.find(settings.models_dir / "LaTeX_OCR", subset, split), folder, limit, skip)
    made_from = {"hub": settings.hub, "subset": subset, "split": split, "limit": limit, "skip": sorted(skip)}
    if not folders.finished(Path(folder), made_from):
        root = parquet.download(settings, subset, split)
        parquet.extract(parquet.find(root, subset, split), Path(folder), made_from)
    return load_jsonl(Path(folder) / "data.jsonl")


# --- splitting --------------------------------------------------------------------------------


def split(samples, test_fraction=None, test_count=None, seed=0, verbose=False):
    """Split into ``(train, test)`` by content, so that nothing in test was seen in training.

    Samples with equal text (runs of white space count as one) or equal picture bytes, directly or through a chain
    of others, form a group and stay on one side. Both lists come back shuffled.

    Args:
        test_fraction: share of the samples for test, between 0 and 1; or else
        test_count: number of samples for test. Reached exactly, or as nearly as the groups allow.
        seed: same seed and same samples, same split.
        verbose: print what was done.

    Raises:
        ValueError: the test size is impossible, or all samples hang together in one group.
    """
    samples = list(samples)
    wanted = _wanted(len(samples), test_fraction, test_count)
    groups = _groups(samples)
    if len(groups) < 2:
        raise ValueError("every sample shares its text or picture with another -> no split without a leak is possible")
    random.Random(seed).shuffle(groups)
    quota = _quota(groups, wanted, len(samples))
    train, test = [], []
    for group in groups:
        in_test = quota[len(group)] > 0
        quota[len(group)] -= in_test
        (test if in_test else train).extend(group)
    if verbose:
        print(f"{len(samples)} samples in {len(groups)} groups: {len(train)} train, {len(test)} test (wanted {wanted})")
    return train, test


def _wanted(total, fraction, count):
    if (fraction is None) == (count is None):
        raise ValueError("give either test_fraction or test_count")
    wanted = max(1, round(total * fraction)) if count is None else count
    if not 0 < wanted < total:
        raise ValueError(f"a test set of {wanted} out of {total} samples is impossible -> keep some on each side")
    return wanted


def _groups(samples):
    """Lists of samples that share text or picture bytes, found by union-find over the row numbers."""
    parent = list(range(len(samples)))

    def root(row):
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    first = {}
    for row, sample in enumerate(samples):
        digest = hashlib.sha256(Path(sample.image).read_bytes()).digest()
        for content in (" ".join(sample.text.split()), digest):
            parent[root(row)] = root(first.setdefault(content, row))
    groups = defaultdict(list)
    for row, sample in enumerate(samples):
        groups[root(row)].append(sample)
    return list(groups.values())


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
