"""LaTeX_OCR and other parquet files of pictures and texts, as the hubs keep them: find them, take the pictures out."""

import os
from pathlib import Path

from helpers import hub
from helpers.data import cache
from helpers.data.images import MAX_BYTES, PictureError, flatten, open_picture, strict_pillow
from helpers.data.samples import Sample, load_jsonl, write_jsonl
from helpers.language import message
from helpers.paths import short

LATEX_OCR = {"modelscope": "AI-ModelScope/LaTeX_OCR", "huggingface": "linxy/LaTeX_OCR"}
MOST_PACKED = 100  # times that a column of pictures gets smaller when it is compressed; they hardly do
SUBSETS = ("default", "human_handwrite", "human_handwrite_print", "synthetic_handwrite", "small")


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
        ValueError: a file is torn, a column is missing, or rows hold no readable picture or text; every one is named.
        FileNotFoundError: no such file. FileExistsError: the folder holds something else.
    """
    paths = [Path(path) for path in ([paths] if isinstance(paths, str | os.PathLike) else paths)]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(message("files.missing", file=short(path)))
    stats = [(path.name, path.stat()) for path in paths]
    files = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    made_from = {"files": files, "limit": limit, "skip": sorted(skip)}
    if not cache.finished(Path(folder), made_from):
        extract(paths, Path(folder), made_from)
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
        raise ValueError(message("latex_ocr.no_subset", subset=subset, known=", ".join(SUBSETS)))
    if settings.hub == "local":
        if settings.models_dir is None:
            raise ValueError(message("latex_ocr.no_models_dir"))
        return load_parquet(find(settings.models_dir / "LaTeX_OCR", subset, split), folder, limit, skip)
    made_from = {"hub": settings.hub, "subset": subset, "split": split, "limit": limit, "skip": sorted(skip)}
    if not cache.finished(Path(folder), made_from):
        root = hub.download(settings, LATEX_OCR[settings.hub], patterns(subset, split), dataset=True)
        extract(find(root, subset, split), Path(folder), made_from)
    return load_jsonl(Path(folder) / "data.jsonl")


def patterns(subset, split):
    """Where a hub keeps a subset: in a folder of its name, the default one in data/."""
    folders = ("data", "default") if subset == "default" else (subset,)
    return [f"{folder}/{split}{rest}.parquet" for folder in folders for rest in ("-*", "/*")]


def find(root, subset, split):
    """The parquet files of one subset and split under ``root``; FileNotFoundError lists what is there instead."""
    root, wanted = Path(root), patterns(subset, split)
    for pattern in wanted:
        if found := sorted(root.glob(pattern)):
            _check_parts(found)
            return found
    present = ", ".join(sorted(path.relative_to(root).as_posix() for path in root.rglob("*.parquet")))
    facts = {"subset": subset, "split": split, "folder": short(root), "wanted": message("word.or").join(wanted)}
    raise FileNotFoundError(message("latex_ocr.missing", **facts, present=present or message("latex_ocr.nothing")))


def _check_parts(paths):
    """FileNotFoundError if names such as train-00000-of-00003.parquet say that there are more files."""
    totals = {path.stem.rpartition("-of-")[2] for path in paths if "-of-" in path.stem}
    total = max((int(total) for total in totals if total.isdecimal()), default=0)
    if len(paths) < total:
        facts = {"folder": short(paths[0].parent), "total": total, "found": ", ".join(path.name for path in paths)}
        raise FileNotFoundError(message("latex_ocr.parts", **facts))


def extract(paths, folder, made_from):
    """Write the pictures as PNG to ``folder/images``, then ``folder/data.jsonl``, last and at once.

    Raises:
        ValueError: a column is missing, or rows hold no readable picture or text; every one is named.
        FileExistsError: the folder holds something that this function did not make.
    """
    with cache.filling(folder, made_from):
        samples = _extracted(paths, folder, made_from)
        write_jsonl(samples, folder / "data.jsonl")


def _extracted(paths, folder, made_from):
    samples, faults = [], []
    with strict_pillow():
        for place, number, image, text in _rows(paths, made_from["limit"], set(made_from["skip"])):
            samples.append(Sample(folder / "images" / f"{number:06d}.png", text))
            if fault := _save(image, text, samples[-1].file):
                faults.append(f"{place} {fault}")
    if faults:
        raise ValueError(message("latex_ocr.faulty", count=len(faults)) + "\n" + "\n".join(faults))
    if not samples:
        raise ValueError(message("latex_ocr.no_rows", files=", ".join(path.name for path in paths)))
    return samples


def _rows(paths, limit, skip):
    """(place for messages, number over all files, image cell, text) of each wanted row."""
    number = -1
    for path in paths:
        for row in _rows_of(path):
            number += 1
            if limit is not None and number >= limit:
                return
            if number not in skip:
                yield message("latex_ocr.row", number=number, file=path.name), number, row["image"], row["text"]


def _rows_of(path):
    """The rows of one parquet file, a few at a time: a picture may stand in it once and in a thousand rows.

    Raises:
        ValueError: no parquet file, broken, of other columns, or one that would fill the memory.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
        fault = _fault_of(table, path)
        batches = iter(()) if fault else table.iter_batches(batch_size=8, columns=["image", "text"])
        for batch in batches:
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(message("latex_ocr.broken", file=short(path), why=str(error).splitlines()[0][:200])) from error
    if fault:
        raise ValueError(fault)


def _fault_of(table, path):
    """What speaks against reading a parquet file, by its own footer; or None."""
    names = table.schema_arrow.names
    if not {"image", "text"} <= set(names):
        return message("latex_ocr.columns", file=short(path), names=", ".join(names))
    groups = [table.metadata.row_group(index) for index in range(table.metadata.num_row_groups)]
    for part in (group.column(index) for group in groups for index in range(group.num_columns)):
        size, packed = part.total_uncompressed_size, part.total_compressed_size
        if size > MAX_BYTES and size > MOST_PACKED * packed:
            return message("latex_ocr.bomb", file=short(path), size=f"{size:,}", packed=f"{packed:,}")
    return None


def _save(image, text, target):
    """Write one picture as PNG; return what is wrong with the row, or None."""
    data = image.get("bytes") if isinstance(image, dict) else image
    if not isinstance(data, bytes):
        return message("latex_ocr.only_a_path")
    if not isinstance(text, str) or not text.strip():
        return message("latex_ocr.no_text")
    if len(data) > MAX_BYTES:
        return message("latex_ocr.too_large", size=f"{len(data):,}")
    try:
        flatten(open_picture(data)).save(target, "PNG")
    except PictureError as error:
        return str(error)
    return None
