import io
import re

import numpy as np
import pytest
from PIL import Image

from helpers import jupyter
from helpers.data.samples import Sample
from helpers.evaluation.error_analysis import accuracy_by, calibration_error, confusions, reliability
from helpers.evaluation.text import rows
from helpers.notation import smiles
from helpers.show import errors

TRUTHS = ["x ^ { 2 }", "a + b", r"\begin{picture} q \end{picture}"]
READ = ["x^2", "a - b <i>", "q"]


@pytest.fixture
def pictures(tmp_path):
    made = []
    for number, text in enumerate(TRUTHS):
        Image.fromarray(np.full((56, 224), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")
        made.append(Sample(tmp_path / f"{number}.png", text))
    return made


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(jupyter, "display", bundles.append)
    return bundles


def text_of(html):
    return re.sub(r"<[^>]*>", "", html)


def test_the_table_of_samples_keeps_the_order_and_says_what_matched(pictures, shown):
    errors.worst(rows(READ, TRUTHS), pictures)
    (bundle,) = shown
    body = bundle["text/html"].split("</tr>")[1:-1]
    assert [text_of(row)[0] for row in body] == ["1", "2", "0"]
    assert [re.findall("[✓✗?]", text_of(row)) for row in body] == [["✗", "✗"], ["✗", "?"], ["✓", "✓"]]
    assert bundle["text/plain"].startswith("1: cer ")


def test_predictions_are_escaped(pictures):
    html = errors.worst_html(rows(READ, TRUTHS), pictures)
    assert "<i>" not in html and "&lt;i&gt;" in html


def test_truths_are_escaped(pictures):
    assert "<u>" not in errors.worst_html(rows(["x"] * 3, ["<u>", "y", "z"]), pictures).replace("<u>x</u>", "")


def test_only_the_worst_are_shown(pictures, shown):
    errors.worst(rows(READ, TRUTHS), pictures, count=1)
    assert shown[0]["text/html"].count("<img") == 1 + 2 and shown[0]["text/plain"].count("\n") == 0


def test_rows_without_formula_columns(pictures):
    html = errors.worst_html(rows([*READ[:2], TRUTHS[2]], TRUTHS, formulas=False), pictures)
    assert "rendered" not in html and "<th" in html and ">exact<" in html


def test_molecules_are_known_by_their_fence(pictures):
    html = errors.worst_html(rows(["```rdkit\nCC\n```"], [smiles.fence("CCO")], formulas=False), pictures)
    assert "rdkit" not in html and html.count('src="data:image/png') == 2


def test_confusions_are_listed(shown):
    errors.confusions(confusions(["a x", "<b>"], ["a b", "<b> c"]))
    assert text_of(shown[0]["text/html"]).endswith("bx110c∅111")
    assert shown[0]["text/plain"] == "'b' -> 'x': 1 of 1\n'c' -> '': 1 of 1"


def test_no_confusions_are_said(shown):
    errors.confusions([])
    assert shown[0]["text/plain"] == "no confusions"


def test_accuracy_is_one_small_png(shown):
    grouped = accuracy_by(list(range(100)), [value % 3 > 0 for value in range(100)])
    errors.accuracy({"answer length (tokens)": grouped, "picture (pixels)": grouped})
    (bundle,) = shown
    assert Image.open(io.BytesIO(bundle["image/png"])).width == pytest.approx(2 * 4.3 * 80, abs=2)
    assert len(bundle["image/png"]) < 20_000
    assert bundle["text/plain"].startswith("answer length (tokens): 0-16: 0.65 (n 17); ")


def test_reliability_is_one_small_png_with_the_error(shown):
    confidences, right = [0.9, 0.9, 0.2, 0.6], [1, 0, 0, 1]
    errors.reliability(reliability(confidences, right), calibration_error(confidences, right))
    (bundle,) = shown
    assert bundle["image/png"].startswith(b"\x89PNG") and len(bundle["image/png"]) < 20_000
    assert bundle["text/plain"].startswith("ECE 0.350: 0.20 -> 0.1-0.2: 0.00 (n 1); ")


@pytest.fixture
def figures(shown, monkeypatch):
    """The figures behind the pictures, laid out as they are saved."""
    made = []
    monkeypatch.setattr(jupyter, "figure_png", made.append)
    groups = [(0.05, 1, 3), (0.35, 4, 9), (0.55, 10, 21), (0.97, 87, 87)]  # confidence, how many are right, of how many
    confidences = [confidence for confidence, _, count in groups for _ in range(count)]
    right = [place < hits for _, hits, count in groups for place in range(count)]
    errors.accuracy({"tokens in the truth": accuracy_by(confidences, right)})
    errors.reliability(reliability(confidences, right), calibration_error(confidences, right))
    for figure in made:
        figure.draw_without_rendering()
    return made


def test_counts_stand_clear_of_the_intervals(figures):
    for figure in figures:
        (axes,) = figure.axes
        counts = [text.get_window_extent() for text in axes.texts]
        highest = axes.transData.transform((0, 1))[1]  # an interval of accuracies ends at 1
        assert counts and all(count.y0 > highest + 2 for count in counts)
        assert all(one.x1 < next.x0 for one, next in zip(counts, counts[1:], strict=False))


def test_no_label_is_cut(figures):
    for figure in figures:
        wide, high = figure.bbox.size
        for label in (figure.axes[0].xaxis.label, figure.axes[0].yaxis.label):
            box = label.get_window_extent()
            assert 3 < box.x0 and box.x1 < wide and 3 < box.y0 and box.y1 < high


def test_the_legend_names_bars_dots_and_line(figures):
    (legend,) = figures[1].legends
    (axes,) = figures[1].axes
    assert len(legend.get_texts()) == 3 and all(text.get_text() for text in legend.get_texts())
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
