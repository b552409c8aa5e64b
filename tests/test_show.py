import base64
import io
import json
import re
import subprocess
import sys
import warnings

import nbformat
import numpy as np
import pytest
from PIL import Image

from helpers import answers, show, smiles
from helpers.answers import KINDS
from helpers.evaluate import compare
from helpers.samples import Sample
from helpers.settings import ROOT

PNG = b"\x89PNG\r\n\x1a\n"


def test_import_is_light():
    heavy = "{'torch', 'transformers', 'matplotlib.pyplot', 'IPython', 'rdkit'}"
    code = f"import sys, helpers.show, helpers.evaluate; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture
def samples(tmp_path):
    noise = np.random.default_rng(0)
    made = []
    for number, text in enumerate([r"\frac { a } { b }", "x ^ { 2 } + 1", r"\begin{matrix} a \\ b \end{matrix}"]):
        path = tmp_path / f"{number}.png"
        Image.fromarray(noise.integers(0, 256, (56, 224), np.uint8)).save(path)
        made.append(Sample(path, text))
    return made


@pytest.fixture
def shown(monkeypatch):
    """The bundles that would be displayed."""
    bundles = []
    monkeypatch.setattr(show, "_display", bundles.append)
    return bundles


def images(html, kind):
    return [base64.b64decode(data) for data in re.findall(rf"data:image/{kind};base64,([^\"]+)", html)]


def text_of(html):
    return re.sub(r"<[^>]*>", "", html)


def test_grid_has_a_picture_a_sample(samples):
    assert len(images(show.grid_html(samples), "webp")) == 3


def test_grid_draws_the_truth_or_writes_it(samples):
    html = show.grid_html(samples)
    assert len(images(html, "png")) == 2 and text_of(html) == r"\begin{matrix} a \\ b \end{matrix}"


def test_grid_writes_every_truth_on_request(samples):
    html = show.grid_html(samples, rendered=False)
    assert not images(html, "png") and r"\frac { a } { b }" in text_of(html)


def test_grid_breaks_rows(samples):
    assert show.grid_html(samples, columns=2).count("<tr>") == 2


def test_pictures_are_shrunk(samples):
    (first, *_) = images(show.grid_html(samples), "webp")
    assert Image.open(io.BytesIO(first)).size == (180, 45)


def test_a_transparent_picture_lies_on_white(tmp_path):
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    (data,) = images(show.grid_html([Sample(tmp_path / "clear.png", "x")]), "webp")
    assert Image.open(io.BytesIO(data)).convert("L").getextrema() == (255, 255)


def test_formulas_have_few_colours(samples):
    (data, _) = images(show.grid_html(samples), "png")
    assert len(Image.open(io.BytesIO(data)).getcolors()) <= 8


def test_twelve_noisy_pictures_stay_small(samples):
    assert len(show.grid_html(samples * 4)) < 100_000


def test_before_after_marks_right_and_wrong_with_signs(samples):
    html = show.before_after_html([(samples[0], r"\frac { a } { c }", r"\frac  { a } { b }")])
    assert re.findall("[✓✗]", text_of(html)) == ["✗", "✓"]


def test_before_after_shows_the_first_samples_in_order(samples, shown):
    show.before_after(samples, ["1", "2", "3"], ["4", "5", "6"], count=2)
    html = shown[0]["text/html"]
    assert len(images(html, "webp")) == 2 and "5" in text_of(html) and "6" not in text_of(html)


def test_before_after_refuses_lists_that_differ(samples):
    with pytest.raises(ValueError, match="3 samples, 1 before, 3 after"):
        show.before_after(samples, ["a"], ["a", "b", "c"])


def test_predictions_are_escaped(samples):
    html = show.before_after_html([(samples[0], "<script>alert(1)</script>", "a & b <")])
    assert "<script>" not in html and "&lt;script&gt;" in html and "a &amp; b &lt;" in re.sub("</?u>", "", html)


def test_truth_is_escaped(tmp_path, samples):
    sample = Sample(samples[0].image, "a < b > <i> x")
    assert "<i> x" not in show.grid_html([sample], rendered=False) + show.before_after_html([(sample, "", "")])


def test_a_wrong_prediction_is_shown_whole(samples):
    wrong = r"\frac { a } { c } + " + "z " * 500
    html = show.before_after_html([(samples[0], wrong, wrong)])
    assert text_of(html).count("z") == 1000


def test_wrong_tokens_are_underlined():
    assert show._marked("a x c", "a b c", KINDS["formula"]) == "a <u>x</u> c"


def test_a_missing_token_leaves_an_underlined_gap():
    assert show._marked("a c", "a b c", KINDS["formula"]) == "a <u>&nbsp;&nbsp;</u> c"


def test_an_empty_prediction_is_said_to_be_empty(samples):
    assert "(empty 空)" in text_of(show.before_after_html([(samples[0], "", "x")]))


def test_lessons_find_formula_picture_here():
    assert show.formula_picture is answers.formula_picture


@pytest.fixture
def molecules(samples):
    """The pictures with other answers: ethanol, aspirin, and salt."""
    texts = ("CCO", "CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]")
    return [Sample(sample.image, smiles.fence(text)) for sample, text in zip(samples, texts, strict=True)]


def test_molecules_are_drawn_in_a_grid_and_written_without_fence(molecules):
    html = show.grid_html(molecules, kind="molecule")
    assert len(images(html, "png")) == 3 and text_of(html) == "CCOCC(=O)Oc1ccccc1C(=O)O[Na+].[Cl-]"


def test_molecules_are_only_written_on_request(molecules):
    html = show.grid_html(molecules, rendered=False, kind="molecule")
    assert not images(html, "png") and "rdkit" not in html


def test_another_spelling_of_the_molecule_is_right_and_only_drawn(molecules):
    html = show.before_after_html([(molecules[0], "OCC", "```rdkit\nC(O)C\n```")], "molecule")
    assert re.findall("[✓✗]", text_of(html)) == ["✓", "✓"] and len(images(html, "png")) == 3
    assert "OCC" not in text_of(html) and 'title="right 正确"' in html


def test_a_wrong_molecule_is_drawn_and_its_text_compared(molecules):
    html = show.before_after_html([(molecules[0], "CCN", "CCN")], "molecule")
    assert len(images(html, "png")) == 3 and html.count("CC<u>N</u>") == 2 and 'title="wrong 错误"' in html


@pytest.mark.parametrize("text", ["C1CC", "```rdkit\nC1CC", "The picture", ""])
def test_an_answer_that_is_no_molecule_is_said_to_be_none(molecules, text):
    html = show.before_after_html([(molecules[0], text, "CCO")], "molecule")
    assert "✗ no molecule 不是分子" in text_of(html) and html.count("no molecule") == 1
    assert (text and smiles.unfence(text)[0] or "(empty 空)") in text_of(html)


def test_molecules_are_printed_without_fence_outside_a_notebook(molecules, shown):
    show.before_after(molecules[:1], ["C1"], ["OCC"], kind="molecule")
    assert shown[0]["text/plain"] == "✗ 'C1' -> ✓ 'OCC' | 'CCO'"


def test_molecules_stay_small(molecules):
    rows = [(molecules[1], molecules[1].text, "c1ccccc1CCN")] * 6
    pictures = images(show.before_after_html(rows, "molecule"), "png")
    assert len(pictures) == 18 and max(map(len, pictures)) < 2_000
    assert all(Image.open(io.BytesIO(data)).mode == "P" for data in pictures)


def test_an_unknown_kind_is_refused(samples):
    for use in (
        lambda: show.grid(samples, kind="smiles"),
        lambda: show.before_after(samples, ["a"] * 3, ["a"] * 3, kind="smiles"),
    ):
        with pytest.raises(ValueError, match="unknown kind 'smiles'; choose one of formula, molecule"):
            use()


def test_results_of_molecules_have_a_name_and_a_direction_each():
    text = text_of(show.results_html(smiles.compare("molecules", ["C", "C1"], ["CO", "CC"], ["CO", "CC"])))
    for name in ("exact match 完全匹配率 ↑", "validity 有效率 ↑", "Tanimoto similarity 相似度 ↑", "字符错误率 ↓"):
        assert name in text
    assert "有效率 ↑50.0 [0.0, 100.0]100.0 [100.0, 100.0]" in text


def test_results_bundle_is_one_and_carries_the_rows(shown):
    comparison = compare("lesson 06", ["a b", "c"], ["a b", "d"], ["a b", "d"])
    show.results(comparison)
    (bundle,) = shown
    assert set(bundle) == {"text/html", "text/plain", show.RESULTS_MIME}
    assert json.loads(json.dumps(bundle[show.RESULTS_MIME])) == comparison.rows()


def test_results_bundle_is_valid_in_a_notebook(shown):
    show.results(compare("t", ["a"], ["b"], ["a"]))
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=shown[0])])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def test_results_table_says_n_task_and_direction():
    text = text_of(show.results_html(compare("lesson <6>", ["a"] * 4, ["b"] * 4, ["a", "b", "c", "b"])))
    assert "lesson &lt;6&gt;: n = 4;" in text and "error rate 字符错误率 ↓" in text and "完全匹配率 ↑" in text


def test_results_table_is_in_per_cent():
    text = text_of(show.results_html(compare("t", ["a"] * 4, ["b"] * 4, ["a", "b", "c", "b"])))
    assert "完全匹配率 ↑25.0 [0.0, 75.0]50.0 [0.0, 100.0]+25.0 [" in text


def test_histograms_show_one_small_png(shown):
    show.histograms({"answer length (tokens)": list(range(100)), "picture width (px)": [40, 50.5]})
    (bundle,) = shown
    assert bundle["image/png"].startswith(PNG) and len(bundle["image/png"]) < 15_000
    assert bundle["text/plain"].startswith("answer length (tokens): n 100, median 50, max 99\n")


def test_a_chinese_name_is_written_under_the_histogram(shown):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        show.histograms({"width (px)": [1, 2], "高度": [1]})
    assert [list(bundle) for bundle in shown] == [["image/png", "text/plain"], ["text/html", "text/plain"]]
    assert shown[1]["text/html"] == "(2) 高度"


def test_histograms_of_nothing_are_refused():
    with pytest.raises(ValueError, match="empty"):
        show.histograms({"width": []})


def test_bars_of_whole_numbers_stand_on_them():
    assert show._bins([3, 5]) == [2.5, 3.5, 4.5, 5.5]


def test_outside_a_notebook_the_text_is_printed(samples, capsys):
    show.grid(samples[:2])
    assert capsys.readouterr().out == "\\frac { a } { b }\nx ^ { 2 } + 1\n"
