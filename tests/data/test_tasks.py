"""helpers.data.tasks: train and test of a lesson, as many as its settings say, without one text in both."""

import io
import itertools
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageOps
from pyarrow import parquet as pq

from helpers.data import latex_ocr as data_latex_ocr
from helpers.data import tasks
from helpers.data.images import flatten
from helpers.data.synthetic import formulas, papers
from helpers.notation import smiles
from helpers.settings import Settings


@pytest.mark.parametrize("style", ["printed", "scan", "chalkboard", "handwritten", "molecules"])
def test_tiny_sets_are_as_large_as_asked_and_share_nothing(tmp_path, style):
    task = tasks.molecules if style == "molecules" else partial(tasks.formulas, style=style)
    train, test = task(Settings.tiny(train_samples=12, test_samples=5), tmp_path)
    assert (len(train), len(test)) == (12, 5)
    assert not {sample.text for sample in train} & {sample.text for sample in test}
    other, _ = task(Settings.tiny(train_samples=12, test_samples=5, seed=7), tmp_path / "other")
    assert [sample.text for sample in other] != [sample.text for sample in train]


def test_tiny_formulas_are_drawn_in_the_style(tmp_path):
    train, test = tasks.formulas(Settings.tiny(train_samples=2, test_samples=2), tmp_path, "handwritten")
    for samples, seed, part in ((train, 1, "train"), (test, 2, "test")):
        for number, sample in enumerate(samples):
            image, latex = formulas.draw_sample(number, seed, "handwritten", part)
            assert sample.text == latex and (np.asarray(Image.open(sample.file)) == np.asarray(image)).all()


def test_molecules_are_fenced_smiles(tmp_path):
    train, _ = tasks.molecules(Settings.tiny(train_samples=2, test_samples=1), tmp_path)
    for sample in train:
        assert sample.text == smiles.fence(smiles.unfence(sample.text)) != smiles.unfence(sample.text)


def test_real_molecules_are_larger(tmp_path):
    train, _ = tasks.molecules(Settings.real(device="cpu", train_samples=6, test_samples=1), tmp_path)
    assert {Image.open(sample.file).size for sample in train} == {(448, 448)}
    assert max(len(sample.text) for sample in train) > 40


# --- LaTeX_OCR --------------------------------------------------------------------------------------


def encoded(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def latex_ocr(folder, subset="default", count=30, mode="L"):
    """Settings that read parquet files as the hub keeps them: pictures of print of many sizes, each text twice."""
    texts = [f"x _ {{ {number // 2} }}" for number in range(count)]
    pictures = [papers.sheet(text, np.random.default_rng(number)) for number, text in enumerate(texts)]
    if mode == "RGBA":  # the print is in the transparency only
        pictures = [Image.merge("LA", [Image.new("L", one.size), ImageOps.invert(one)]) for one in pictures]
    cells = [{"bytes": encoded(picture.convert(mode)), "path": None} for picture in pictures]
    image = pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    path = folder / "LaTeX_OCR" / ("data" if subset == "default" else subset) / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": image, "text": pa.array(texts)}), path)
    return Settings.real(device="cpu", hub="local", models_dir=folder, train_samples=20, test_samples=6)


def grey(sample):
    return np.asarray(Image.open(sample.file).convert("L"), float)


@pytest.mark.parametrize("style", tasks.STYLES)
def test_real_formulas_are_split_by_content(tmp_path, style):
    settings = latex_ocr(tmp_path, "human_handwrite" if style == "handwritten" else "default")
    train, test = tasks.formulas(settings, tmp_path / "out", style)
    assert (len(train), len(test)) == (20, 6)
    assert not {sample.text for sample in train} & {sample.text for sample in test}


def test_real_print_and_handwriting_stay_as_they_are(tmp_path):
    for style, subset in (("printed", "default"), ("handwritten", "human_handwrite")):
        settings = latex_ocr(tmp_path, subset)
        samples = [*itertools.chain(*tasks.formulas(settings, tmp_path / style, style))]
        given = data_latex_ocr.load_latex_ocr(settings, tmp_path / "given", subset, limit=26)
        assert {(one.file.read_bytes(), one.text) for one in samples} == {(s.file.read_bytes(), s.text) for s in given}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_real_scans_and_chalkboards_are_print_degraded(tmp_path, mode):
    settings = latex_ocr(tmp_path, mode=mode)
    styles = ("printed", "scan", "chalkboard")
    plain, scans, boards = (tasks.formulas(settings, tmp_path / style, style) for style in styles)
    for part in (0, 1):
        assert len({tuple(sample.text for sample in made[part]) for made in (plain, scans, boards)}) == 1
    for one, scan, board in zip(plain[0], scans[0], boards[0], strict=True):
        print_ = np.asarray(flatten(Image.open(one.file)).convert("L"))
        assert np.median(print_) == 255 and np.median(grey(scan)) < 245 and np.median(grey(board)) < 100
        assert all(side >= edge for side, edge in zip(grey(scan).shape, print_.shape, strict=True))


def test_real_scans_are_seeded(tmp_path):
    settings = latex_ocr(tmp_path)
    one, same, other = (
        [[sample.file.read_bytes() for sample in part] for part in tasks.formulas(setting, tmp_path / name, "scan")]
        for name, setting in (("a", settings), ("b", settings), ("c", replace(settings, seed=3)))
    )
    assert one == same and one[0] != other[0]


def test_killed_run_goes_on_to_the_same_scans(tmp_path, monkeypatch):
    settings, degraded, calls = latex_ocr(tmp_path), papers.degraded, []

    def killed(image, style, rng):
        calls.append(style)
        if len(calls) == 23:  # among the test pictures
            raise KeyboardInterrupt
        return degraded(image, style, rng)

    monkeypatch.setattr(papers, "degraded", killed)
    with pytest.raises(KeyboardInterrupt):
        tasks.formulas(settings, tmp_path / "cut", "scan")
    made = len(calls)
    again = tasks.formulas(settings, tmp_path / "cut", "scan")
    assert len(calls) - made == 6  # those to train on were whole
    whole = tasks.formulas(settings, tmp_path / "whole", "scan")
    for part in (0, 1):
        assert [one.file.read_bytes() for one in again[part]] == [one.file.read_bytes() for one in whole[part]]


def test_finished_scans_are_used_again(tmp_path, monkeypatch):
    settings = latex_ocr(tmp_path)
    first = tasks.formulas(settings, tmp_path / "out", "scan")
    monkeypatch.setattr(papers, "degraded", lambda *arguments: pytest.fail("made again"))
    assert tasks.formulas(settings, tmp_path / "out", "scan") == first


def test_subset_that_holds_too_few_gives_what_it_has_and_says_so(tmp_path, capsys):
    settings = latex_ocr(tmp_path, "human_handwrite", count=16)
    train, test = tasks.formulas(settings, tmp_path / "out", "handwritten")
    assert (len(train), len(test)) == (10, 6)
    printed = capsys.readouterr().out
    assert "human_handwrite" in printed and "16" in printed and "26" in printed


def test_enough_is_no_news(tmp_path, capsys):
    tasks.formulas(latex_ocr(tmp_path), tmp_path / "out", "printed")
    assert capsys.readouterr().out == ""


def test_missing_subset_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="human_handwrite"):
        tasks.formulas(latex_ocr(tmp_path), tmp_path / "out", "handwritten")


@pytest.mark.parametrize("mode", ["tiny", "real"])
def test_unknown_style_lists_the_known_ones(tmp_path, mode):
    settings = Settings.tiny() if mode == "tiny" else Settings.real(device="cpu")
    with pytest.raises(ValueError, match="unknown style 'photo'; choose one of printed, scan, chalkboard, handwritten"):
        tasks.formulas(settings, tmp_path, "photo")
    assert not list(tmp_path.iterdir())
