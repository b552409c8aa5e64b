"""Pictures to read, wherever they lie, and what was read as JSONL: one row a picture."""

import json
import os
from dataclasses import asdict, is_dataclass
from pathlib import Path

from helpers.data.images import read_size
from helpers.data.rows import read_rows
from helpers.data.samples import MODALITIES, Sample
from helpers.files import write_text
from helpers.language import message
from helpers.paths import short

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def find_pictures(source):
    """The pictures of ``source`` as samples without a text, each checked: what ``predict`` reads.

    Args:
        source: one picture's path, a folder (its pictures sorted by name, those in folders below too), or a list of
            paths.

    Raises:
        ValueError: no pictures there, or some cannot be read; every one is named.
    """
    if isinstance(source, str | os.PathLike):
        source = Path(source)
        paths = _in_folder(source) if source.is_dir() else [source]
    else:
        paths = [Path(path) for path in source]
    faults = []
    for path in paths:
        try:
            read_size(path)
        except (FileNotFoundError, IsADirectoryError, ValueError) as error:
            folder = isinstance(error, IsADirectoryError)
            faults.append(message("predictions.folder", file=short(path)) if folder else str(error))
    if faults:
        head = message("predictions.unreadable", count=len(faults), total=len(paths))
        raise ValueError(f"{head}\n" + "\n".join(faults))
    return [Sample(path, "") for path in paths]


def _in_folder(folder):
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise ValueError(message("predictions.no_pictures", folder=short(folder), suffixes=", ".join(SUFFIXES)))
    return paths


def save_predictions(path, samples, answers, **facts):
    """Write one row a sample: image (its path from the file's folder), prediction, truth where there is one, ``facts``.

    A video stands under "video", a sound under "audio", as in ``data.write_jsonl``.

    Args:
        path: the JSONL file; it appears only when whole, and an older one stays until then.
        samples: what was read. Their texts, where not empty, are the truths.
        answers: as ``predict`` or ``predict_with_confidence`` gave them; confidence goes into the row too.
        facts: what every row should say, such as model="qwen2_vl + run/adapter".

    Raises:
        ValueError: not one answer a sample.
    """
    if len(samples) != len(answers):
        raise ValueError(message("predictions.unequal", samples=len(samples), answers=len(answers)))
    folder = Path(os.path.abspath(path)).parent
    rows = [_row(folder, *pair) | facts for pair in zip(samples, answers, strict=True)]
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _row(folder, sample, answer):
    row = {sample.modality: Path(os.path.relpath(os.path.abspath(sample.file), folder)).as_posix()}
    found = asdict(answer) if is_dataclass(answer) else {"text": answer}
    row["prediction"] = found.pop("text")
    return row | ({"truth": sample.text} if sample.text else {}) | found


def load_predictions(path):
    """The rows of such a file: list of dict.

    Raises:
        ValueError: the file is missing or damaged; every fault is named.
    """
    rows, faults = read_rows(path)
    wrong = message("predictions.no_row"), message("predictions.no_row_cure")
    faults += [(row, *wrong) for row, value in rows if not _is_row(value)]
    if faults:
        raise ValueError("\n".join(f"{short(path)}:{row or ''} {reason} -> {cure}" for row, reason, cure in faults))
    return [value for _, value in rows]


def _is_row(value):
    if not isinstance(value, dict) or not isinstance(value.get("prediction"), str):
        return False
    return any(isinstance(value.get(name), str) for name in MODALITIES)
