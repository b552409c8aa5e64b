"""What a lesson trains on and is judged by, in both modes."""

from helpers import render, samples


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
    rows = samples.load_latex_ocr(settings, folder / "latex_ocr", limit=wanted)
    return samples.split(rows, test_count=settings.test_samples, seed=settings.seed)
