"""Files with their texts: what every lesson trains on and is judged by, kept as a JSONL beside its pictures."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from helpers.files import read_text, relative, write_text
from helpers.language import message
from helpers.paths import short

MODALITIES = ("image", "video", "audio")


@dataclass(frozen=True)
class Sample:
    """One file and the text that belongs to it.

    file      a picture, a video or a sound; ``modality`` says which: image, video or audio
    text      what is to be read in it; empty where nobody knows yet
    """

    file: Path
    text: str
    modality: str = "image"


def load_jsonl(path):
    """The samples of a JSONL file with rows ``{"image": "images/1.png", "text": "..."}``, or "video" or "audio".

    Paths in it are relative to its folder.

    Raises:
        ValueError: the file is not UTF-8, or a line is not such a row; names the line.
    """
    path = Path(os.path.abspath(path))
    lines = enumerate(read_text(path).split("\n"), 1)  # splitlines() would also cut at U+2028
    return [_sample(line, path, number) for number, line in lines if line.strip()]


def _sample(line, path, number):
    place = f"{short(path)}:{number}"
    try:
        row = json.loads(line)
        (modality,) = [name for name in MODALITIES if name in row]
        file, text = row[modality], row["text"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(message("data.no_sample", place=place)) from error
    if not isinstance(file, str) or not isinstance(text, str):
        raise ValueError(message("data.no_strings", place=place, modality=modality))
    return Sample(path.parent / file, text, modality)


def write_jsonl(samples, path):
    """Write samples as JSONL, paths relative to the file; the file appears only when whole."""
    rows = [{sample.modality: relative(sample.file, path), "text": sample.text} for sample in samples]
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
