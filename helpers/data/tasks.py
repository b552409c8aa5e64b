"""What a lesson trains on and is judged by, in both modes."""

from dataclasses import replace

from helpers.data import latex_ocr
from helpers.data.split import split
from helpers.data.synthetic import papers, render
from helpers.data.synthetic.held_out import check_choice
from helpers.language import message
from helpers.notation import smiles

MOLECULE_PROMPT = "Code Generation:"
REAL_MOLECULES = {"largest": 24, "side": 448}  # atoms without hydrogen; pixels a side

STYLES = ("printed", *papers.DEGRADED, "handwritten")
HANDWRITING = "human_handwrite"  # LaTeX_OCR's subset written by people


def formulas(settings, folder, style):
    """Formula pictures as (train, test), without a formula in both.

    tiny: drawn by this project. real: LaTeX_OCR from ``settings.hub``, split by content; with hub="local" the parquet
    files in ``settings.models_dir/LaTeX_OCR``. A subset that holds too few gives what it has, and a line says so.

    Args:
        style: "printed"; "scan" or "chalkboard", in both modes the same degradations of print; or "handwritten", in
            real mode LaTeX_OCR's subset ``HANDWRITING``.

    Returns:
        two lists of ``Sample``: ``settings.train_samples`` and ``settings.test_samples`` long.
    """
    check_choice("style", style, STYLES)
    if settings.mode == "tiny":
        train = render.render_set(folder / "train", settings.train_samples, settings.seed + 1, style, "train")
        return train, render.render_set(folder / "test", settings.test_samples, settings.seed + 2, style, "test")
    wanted = settings.train_samples + settings.test_samples
    subset = HANDWRITING if style == "handwritten" else "default"
    rows = latex_ocr.load_latex_ocr(settings, folder / "latex_ocr", subset, limit=wanted)
    train, test = split(rows, test_count=settings.test_samples, seed=settings.seed)
    if len(rows) < wanted:
        counts = {"count": len(rows), "wanted": wanted, "train": len(train), "test": len(test)}
        print(message("latex_ocr.fewer", subset=subset, **counts))
    if style in papers.DEGRADED:
        train = render.degrade_set(folder / "train", train, settings.seed + 1, style)
        test = render.degrade_set(folder / "test", test, settings.seed + 2, style)
    return train, test


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
