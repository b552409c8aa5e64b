"""Parquet files of pictures and texts, as the hubs keep them: find, download, take the pictures out."""

import json
from pathlib import Path

from helpers.files import write_text
from helpers.folders import begin
from helpers.hub import require_hub
from helpers.pictures import MAX_BYTES, PictureError, flatten, open_picture, strict_pillow
from helpers.settings import short

LATEX_OCR = {"modelscope": "AI-ModelScope/LaTeX_OCR", "huggingface": "linxy/LaTeX_OCR"}


# --- on a hub ---------------------------------------------------------------------------------


def download(settings, subset, split):
    """The folder into which the hub's own client has put the parquet files of one subset and split of LaTeX_OCR.

    Raises:
        ConnectionError: the hub does not answer within seconds; the message says what to do.
    """
    require_hub(settings)
    name, wanted = LATEX_OCR[settings.hub], patterns(subset, split)
    if settings.hub == "modelscope":
        from modelscope import dataset_snapshot_download

        return Path(dataset_snapshot_download(name, allow_patterns=wanted))
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, repo_type="dataset", allow_patterns=wanted))


def patterns(subset, split):
    """Where a hub keeps a subset: in a folder of its name, the default one in data/."""
    folders = ("data", "default") if subset == "default" else (subset,)
    return [f"{folder}/{split}{rest}.parquet" for folder in folders for rest in ("-*", "/*")]


def find(root, subset, split):
    """The parquet files of one subset and split under ``root``; FileNotFoundError lists what is there instead."""
    root, wanted = Path(root), patterns(subset, split)
    for pattern in wanted:
        if found := sorted(root.glob(pattern)):
            return found
    present = ", ".join(sorted(path.relative_to(root).as_posix() for path in root.rglob("*.parquet")))
    raise FileNotFoundError(
        f"LaTeX_OCR, subset {subset}, split {split}: {short(root)} holds no {' or '.join(wanted)}"
        f" -> it holds: {present or 'no parquet file at all'}"
    )


# --- taking the pictures out ------------------------------------------------------------------


def extract(paths, folder, made_from):
    """Write the pictures as PNG to ``folder/images``, then ``folder/data.jsonl``, last and at once.

    Raises:
        ValueError: a column is missing, or rows hold no readable picture or text; every one is named.
        FileExistsError: the folder holds something that this function did not make.
    """
    begin(folder, made_from)
    lines, faults = [], []
    with strict_pillow():
        for place, number, image, text in _rows(paths, made_from["limit"], set(made_from["skip"])):
            name = f"images/{number:06d}.png"
            fault = _save(image, text, folder / name)
            if fault:
                faults.append(f"{place} {fault}")
            lines.append(json.dumps({"image": name, "text": text}, ensure_ascii=False) + "\n")
    if faults:
        raise ValueError(f"{len(faults)} faulty rows; leave them out with skip=[...]\n" + "\n".join(faults))
    if not lines:
        raise ValueError(f"no rows in {', '.join(path.name for path in paths)} -> give other files or a larger limit")
    write_text(folder / "data.jsonl", "".join(lines))


def _rows(paths, limit, skip):
    """(place for messages, number over all files, image cell, text) of each wanted row."""
    from pyarrow import parquet

    number = -1
    for path in paths:
        table = parquet.ParquetFile(path)
        names = table.schema_arrow.names
        if not {"image", "text"} <= set(names):
            raise ValueError(f"{short(path)}: columns are {', '.join(names)} -> rename them to image and text")
        for batch in table.iter_batches(batch_size=256, columns=["image", "text"]):
            for row in batch.to_pylist():
                number += 1
                if limit is not None and number >= limit:
                    return
                if number not in skip:
                    yield f"row {number} ({path.name}):", number, row["image"], row["text"]


def _save(image, text, target):
    """Write one picture as PNG; return what is wrong with the row, or None."""
    data = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(data, bytes):
        return 'no picture bytes, only a path -> write {"bytes": path.read_bytes(), "path": path.name} into the column'
    if not isinstance(text, str) or not text.strip():
        return "no text -> leave the row out"
    if len(data) > MAX_BYTES:
        return f"a picture of {len(data):,} bytes -> leave the row out"
    try:
        flatten(open_picture(data)).save(target, "PNG")
    except PictureError as error:
        return str(error)
    return None
