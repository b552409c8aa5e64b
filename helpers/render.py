"""Data sets drawn by the project itself, in the style asked for: formulas or molecules.

About one text in ten, chosen by a checksum, is reserved for testing: ``part="train"`` never draws those,
``part="test"`` draws nothing else, so no model of this project was trained on a test text in any style.
"""

import multiprocessing
import os
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tqdm.auto import tqdm

from helpers import folders, formulas, molecules
from helpers.drawing import PARTS, check_choice
from helpers.samples import Sample, load_jsonl, write_jsonl
from helpers.settings import short

DRAWERS = dict.fromkeys(formulas.STYLES, formulas) | dict.fromkeys(molecules.STYLES, molecules)
"""The module that draws a style."""


def render_set(folder, count, seed, style="printed", part="train", **options):
    """Draw a data set: ``folder/data.jsonl`` and ``folder/images/*.png``; a finished one is used again.

    Args:
        folder: where it goes. A half-written set, or one of another count, seed, style or part, is drawn anew.
        count: number of pictures.
        seed: same seed, same bytes.
        style: of formulas printed, scan or chalkboard; of molecules clean, colour or sketch.
        part: "train", or "test" for texts that no training set holds.
        options: further arguments of the style's ``draw_sample``, such as ``side`` for molecules.

    Returns:
        list of ``Sample``, in order.

    Raises:
        ValueError: unknown style or part. FileExistsError: the folder holds something else.
    """
    folder = Path(folder)
    check_choice("style", style, DRAWERS)
    check_choice("part", part, PARTS)
    renderer = zlib.crc32(Path(DRAWERS[style].__file__).read_bytes())  # pictures of an older renderer are drawn anew
    recipe = {"count": count, "seed": seed, "style": style, "part": part, "renderer": renderer} | options
    if not folders.finished(folder, recipe):
        folders.begin(folder, recipe)
        fill(
            folder,
            [_place(folder, index) for index in range(count)],
            partial(_draw_one, folder, seed, style, part, options),
        )
    return load_jsonl(folder / "data.jsonl")


def fill(folder, files, draw):
    """Make the files of a set by ``draw`` (number -> text), on all cores, and last its JSONL.

    ``draw`` must be picklable. ``files`` are the paths it writes, in order.
    """
    with _crew(len(files)) as crew:
        drawn = crew.map(draw, range(len(files)), chunksize=16)
        texts = list(tqdm(drawn, f"drawing {short(folder)}", len(files), leave=False))
    write_jsonl([Sample(*pair) for pair in zip(files, texts, strict=True)], folder / "data.jsonl")


def _crew(count):
    """Processes where Linux can fork them, which needs no guard in the caller's script; elsewhere one thread."""
    if sys.platform == "linux" and count >= 100:
        return ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("fork"))
    return ThreadPoolExecutor(1)


def _draw_one(folder, seed, style, part, options, index):
    image, text = DRAWERS[style].draw_sample(index, seed, style, part, **options)
    image.save(_place(folder, index))
    return text


def _place(folder, index):
    return folder / "images" / f"{index:05d}.png"
