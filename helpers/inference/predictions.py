"""Pictures to read, wherever they lie, and what was read as JSONL: one row a picture."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from helpers.data.images import read_size
from helpers.data.rows import read_rows
from helpers.data.samples import MODALITIES, Sample
from helpers.files import write_text
from helpers.inference.predict import Answer
from helpers.language import message
from helpers.paths import short

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SHOWN = 5  # files that a line names


def find_pictures(source):
    """The pictures of ``source`` as samples without a text, each checked: what ``predict`` reads.

    Args:
        source: one picture's path, a folder (its pictures sorted by name, those in folders below too), or a list of
            paths. Of a folder, files and folders whose names begin with a dot are not looked at; a line names the other
            files that are no pictures by their suffix (HEIC, PDF, ...) and were not taken.

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
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder)))
    taken = [path for path in files if path.suffix.lower() in SUFFIXES]
    left = [path.relative_to(folder).as_posix() for path in files if path.suffix.lower() not in SUFFIXES]
    facts = {"folder": short(folder), "suffixes": ", ".join(SUFFIXES)}
    names = ", ".join(left[:SHOWN]) + (" ..." if len(left) > SHOWN else "")
    if not taken and left:
        raise ValueError(message("predictions.none_taken", **facts, count=len(left), names=names))
    if not taken:
        raise ValueError(message("predictions.no_pictures", **facts))
    if left:
        print(message("predictions.left_out", **facts, count=len(left), total=len(files), names=names))
    return taken


def _hidden(path):
    """Whether a file, or a folder above it, has a name that begins with a dot: ``._a.png``, ``.ipynb_checkpoints``."""
    return any(part.startswith(".") for part in path.parts)


def save_predictions(path, samples, answers, **facts):
    """Write one row a sample: image (its path from the file's folder), prediction, truth where there is one, ``facts``.

    A video stands under "video", a sound under "audio", as in ``data.write_jsonl``.

    Args:
        path: the JSONL file; it appears only when whole, and an older one stays until then.
        samples: what was read. Their texts, where not empty, are the truths.
        answers: as ``predict`` or ``predict_with_confidence`` gave them; confidence goes into the row too. None, as a
            server's empty reply, is written as an empty prediction.
        facts: what every row should say, such as model="qwen2_vl + run/adapter".

    Raises:
        ValueError: not one answer a sample, or an answer that is no text (the row is named, counted from 0).
    """
    if len(samples) != len(answers):
        raise ValueError(message("predictions.unequal", samples=len(samples), answers=len(answers)))
    wrong = [f"{row}: {type(answer).__name__}" for row, answer in enumerate(answers) if not _is_answer(answer)]
    if wrong:
        raise ValueError(message("predictions.no_text", rows=", ".join(wrong[:SHOWN]), count=len(wrong)))
    folder = Path(os.path.abspath(path)).parent
    rows = [_row(folder, *pair) | facts for pair in zip(samples, answers, strict=True)]
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _is_answer(answer):
    return answer is None or isinstance(answer, str | Answer)


def _row(folder, sample, answer):
    row = {sample.modality: Path(os.path.relpath(os.path.abspath(sample.file), folder)).as_posix()}
    found = asdict(answer) if isinstance(answer, Answer) else {"text": answer or ""}
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
