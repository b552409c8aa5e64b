"""What a lesson trains on and is judged by, in both modes."""

from dataclasses import replace

from helpers.data import latex_ocr
from helpers.data.split import split
from helpers.data.synthetic import render
from helpers.notation import smiles

MOLECULE_PROMPT = "Code Generation:"
REAL_MOLECULES = {"largest": 24, "side": 448}  # atoms without hydrogen; pixels a side


def formulas(settings, folder, style="scan"):
    """Formula pictures as (train, test), without a formula in both.

    tiny: drawn by this project in ``style``. real: LaTeX_OCR from ``settings.hub``, split by content; with
    hub="local" the parquet files in ``settings.models_dir/LaTeX_OCR``.

    Returns:
        two lists of ``Sample``: ``settings.train_samples`` and ``settings.test_samples`` long.
    """
    if settings.mode == "tiny":
        train = render.render_set(folder / "train", settings.train_samples, settings.seed + 1, style, "train")
        return train, render.render_set(folder / "test", settings.test_samples, settings.seed + 2, style, "test")
    wanted = settings.train_samples + settings.test_samples
    rows = latex_ocr.load_latex_ocr(settings, folder / "latex_ocr", limit=wanted)
    return split(rows, test_count=settings.test_samples, seed=settings.seed)


def molecules(settings, folder, style="sketch"):
    """Drawings of molecules as (train, test), without a molecule in both; the text is the SMILES in an rdkit fence.

    Both modes draw their own, in ``style``: tiny mode small ones of few atoms.

    Returns:
        two lists of ``Sample``: ``settings.train_samples`` and ``settings.test_samples`` long.
    """
    options = {} if settings.mode == "tiny" else REAL_MOLECULES
    sets = []
    for part, count, seed in (("train", settings.train_samples, 1), ("test", settings.test_samples, 2)):
        drawn = render.render_set(folder / part, count, settings.seed + seed, style, part, **options)
        sets.append([replace(sample, text=smiles.fence(sample.text)) for sample in drawn])
    return tuple(sets)
