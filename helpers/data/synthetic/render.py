"""Data sets drawn by the project itself, in the style asked for: formulas or molecules.

About one text in ten, chosen by a checksum, is reserved for testing: ``part="train"`` never draws those,
``part="test"`` draws nothing else, so no model of this project was trained on a test text in any style.
"""

import importlib
import multiprocessing
import os
import pkgutil
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from helpers import notation
from helpers.data import cache, synthetic
from helpers.data.images import read_picture
from helpers.data.samples import Sample, load_jsonl, write_jsonl
from helpers.data.synthetic import formulas, handwriting, held_out, molecules, papers, strokes
from helpers.parent import end_with
from helpers.paths import short


def modules_of(package, begin=""):
    """All modules of a package whose names begin so, by name."""
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__) if found.name.startswith(begin))
    return tuple(importlib.import_module(f"{package.__name__}.{name}") for name in names)


# The module that draws a style, and all whose code decides what its pictures look like.
DRAWERS = dict.fromkeys(formulas.STYLES, formulas) | dict.fromkeys(molecules.STYLES, molecules)
SOURCES = {
    formulas: (
        *(formulas, papers, handwriting, strokes, held_out),
        *modules_of(synthetic, "grammar"),
        *modules_of(notation),
    ),
    molecules: (molecules, held_out),
}


def render_set(folder, count, seed, style="printed", part="train", **options):
    """Draw a data set: ``folder/data.jsonl`` and ``folder/images/*.png``; a finished one is used again.

    Args:
        folder: where it goes. A half-written set, or one of another count, seed, style or part, is drawn anew.
        count: number of pictures.
        seed: same seed, same bytes.
        style: of short formulas printed, scan, chalkboard or handwritten, or traced, which is print that a pen has
            followed; of formulas as long as LaTeX_OCR's sheet; of molecules clean, colour or sketch.
        part: "train", or "test" for texts that no training set holds.
        options: further arguments of the style's ``draw_sample``, such as ``side`` for molecules.

    Returns:
        list of ``Sample``, in order.

    Raises:
        ValueError: unknown style or part. FileExistsError: the folder holds something else.
    """
    held_out.check_choice("style", style, DRAWERS)
    held_out.check_choice("part", part, held_out.PARTS)
    recipe = {"count": count, "seed": seed, "style": style, "part": part} | options
    draw = partial(_draw_picture, seed=seed, style=style, part=part, options=options)
    return make_set(folder, "images/{:05d}.png", "image", recipe, SOURCES[DRAWERS[style]], draw)


def degrade_set(folder, samples, seed, style):
    """The same samples with their print as ``style`` shows it, one of ``papers.DEGRADED``; see ``render_set``."""
    held_out.check_choice("style", style, papers.DEGRADED)
    samples, print_ = list(samples), 0
    for sample in samples:
        print_ = zlib.crc32(sample.file.read_bytes() + sample.text.encode(), print_)
    recipe = {"count": len(samples), "seed": seed, "style": style, "print": print_}
    draw = partial(_degrade_picture, samples=samples, seed=seed, style=style)
    return make_set(folder, "images/{:05d}.png", "image", recipe, (papers,), draw)


def make_set(folder, names, modality, recipe, modules, draw):
    """Make the files of a set on all cores, and last its ``data.jsonl``; a finished set is used again.

    Args:
        names: where the files go in ``folder``, such as "images/{:05d}.png".
        recipe: what the set is made from, with the ``count`` of its files.
        modules: those whose code decides what is drawn: if any has changed since, the set is made anew.
        draw: function of (path, number) that writes a file and returns its text; picklable.

    Returns:
        list of ``Sample``, in order.
    """
    folder, recipe = Path(folder), recipe | {"renderer": checksum(modules)}
    if not cache.finished(folder, recipe):
        with cache.filling(folder, recipe, names.split("/")[0]):
            files = [folder / names.format(number) for number in range(recipe["count"])]
            with _workers(len(files)) as pool:
                drawn = pool.map(draw, files, range(len(files)), chunksize=16)
                texts = list(tqdm(drawn, f"drawing {short(folder)}", len(files), leave=False))
            write_jsonl([Sample(*pair, modality) for pair in zip(files, texts, strict=True)], folder / "data.jsonl")
    return load_jsonl(folder / "data.jsonl")


def checksum(modules):
    """One number for the code of all these modules."""
    return zlib.crc32(b"".join(Path(module.__file__).read_bytes() for module in modules))


def _workers(count):
    """Processes where Linux can fork them, which needs no guard in the caller's script; elsewhere one thread."""
    if sys.platform == "linux" and count >= 100:
        cores, forks = len(os.sched_getaffinity(0)), multiprocessing.get_context("fork")
        return ProcessPoolExecutor(cores, forks, end_with, (os.getpid(),))  # else they wait for ever for one killed
    return ThreadPoolExecutor(1)


def _draw_picture(path, number, seed, style, part, options):
    image, text = DRAWERS[style].draw_sample(number, seed, style, part, **options)
    image.save(path)
    return text


def _degrade_picture(path, number, samples, seed, style):
    image = read_picture(samples[number].file)
    papers.degraded(image, style, np.random.default_rng((seed, number))).save(path)
    return samples[number].text
