"""helpers.show.tables: what a notebook shows of samples, answers and scores, and what is printed elsewhere."""

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

from helpers import jupyter
from helpers.data.samples import Sample
from helpers.data.synthetic import sounds, videos
from helpers.evaluation.molecules import compare_molecules
from helpers.evaluation.text import compare
from helpers.notation import smiles
from helpers.paths import ROOT
from helpers.show import tables

PNG = b"\x89PNG\r\n\x1a\n"


def test_import_is_light():
    heavy = "{'torch', 'transformers', 'matplotlib.pyplot', 'IPython', 'rdkit'}"
    code = f"import sys, helpers.show.tables, helpers.evaluation.text; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture
def samples(tmp_path):
    noise = np.random.default_rng(0)
    made = []
    for number, text in enumerate([r"\frac { a } { b }", "x ^ { 2 } + 1", r"\begin{picture} a \end{picture}"]):
        path = tmp_path / f"{number}.png"
        Image.fromarray(noise.integers(0, 256, (56, 224), np.uint8)).save(path)
        made.append(Sample(path, text))
    return made


@pytest.fixture
def shown(monkeypatch):
    """The bundles that would be displayed."""
    bundles = []
    monkeypatch.setattr(jupyter, "display", bundles.append)
    return bundles


def images(html, kind):
    return [base64.b64decode(data) for data in re.findall(rf"data:image/{kind};base64,([^\"]+)", html)]


def text_of(html):
    return re.sub(r"<[^>]*>", "", html)


def test_grid_has_a_picture_a_sample(samples):
    assert len(images(tables.grid_html(samples), "webp")) == 3


def test_grid_draws_the_truth_or_writes_it(samples):
    html = tables.grid_html(samples)
    assert len(images(html, "png")) == 2 and text_of(html) == r"\begin{picture} a \end{picture}"


def test_grid_breaks_rows(samples):
    assert tables.grid_html(samples, columns=2).count("<tr>") == 2


def test_twelve_noisy_pictures_stay_small(samples):
    assert len(tables.grid_html(samples * 4)) < 100_000


def test_before_after_marks_right_and_wrong_with_signs(samples):
    html = tables.before_after_html([(samples[0], r"\frac { a } { c }", r"\frac  { a } { b }")])
    assert re.findall("[✓✗]", text_of(html)) == ["✗", "✓"]


def test_before_after_shows_the_first_samples_in_order(samples, shown):
    tables.before_after(samples, ["1", "2", "3"], ["4", "5", "6"], count=2)
    html = shown[0]["text/html"]
    assert len(images(html, "webp")) == 2 and "5" in text_of(html) and "6" not in text_of(html)


def test_before_after_refuses_lists_that_differ(samples):
    with pytest.raises(ValueError, match="3 samples, 1 before, 3 after"):
        tables.before_after(samples, ["a"], ["a", "b", "c"])


def test_predictions_are_escaped(samples):
    html = tables.before_after_html([(samples[0], "<script>alert(1)</script>", "a & b <")])
    assert "<script>" not in html and "&lt;script&gt;" in html and "a &amp; b &lt;" in re.sub("</?u>", "", html)


def test_truth_is_escaped(tmp_path, samples):
    for text in ("a < b > <i> x", r"\nosuchcommand <i> x"):
        sample = Sample(samples[0].file, text)
        assert "<i> x" not in tables.grid_html([sample]) + tables.before_after_html([(sample, "", "")])


def test_a_wrong_prediction_is_shown_whole(samples):
    wrong = r"\frac { a } { c } + " + "z " * 500
    html = tables.before_after_html([(samples[0], wrong, wrong)])
    assert text_of(html).count("z") == 1000


def test_an_empty_prediction_is_said_to_be_empty(samples):
    assert "(empty)" in text_of(tables.before_after_html([(samples[0], "", "x")]))


@pytest.fixture
def molecules(samples):
    """The pictures with other answers: ethanol, aspirin, and salt."""
    texts = ("CCO", "CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]")
    return [Sample(sample.file, smiles.fence(text)) for sample, text in zip(samples, texts, strict=True)]


def test_molecules_are_drawn_in_a_grid_and_written_without_fence(molecules):
    html = tables.grid_html(molecules)
    assert len(images(html, "png")) == 3 and text_of(html) == "CCOCC(=O)Oc1ccccc1C(=O)O[Na+].[Cl-]"


def test_another_spelling_of_the_molecule_is_right_and_only_drawn(molecules):
    html = tables.before_after_html([(molecules[0], "OCC", "```rdkit\nC(O)C\n```")])
    assert re.findall("[✓✗]", text_of(html)) == ["✓", "✓"] and len(images(html, "png")) == 3
    assert "OCC" not in text_of(html) and 'title="right"' in html


def test_a_wrong_molecule_is_drawn_and_its_text_compared(molecules):
    html = tables.before_after_html([(molecules[0], "CCN", "CCN")])
    assert len(images(html, "png")) == 3 and html.count("CC<u>N</u>") == 2 and 'title="wrong"' in html


@pytest.mark.parametrize("text", ["C1CC", "```rdkit\nC1CC", "The picture", ""])
def test_an_answer_that_is_no_molecule_is_said_to_be_none(molecules, text):
    html = tables.before_after_html([(molecules[0], text, "CCO")])
    assert "✗ no molecule" in text_of(html) and html.count("no molecule") == 1
    assert (text and smiles.unfence(text)[0] or "(empty)") in text_of(html)


def test_molecules_are_printed_without_fence_outside_a_notebook(molecules, shown):
    tables.before_after(molecules[:1], ["C1"], ["OCC"])
    assert shown[0]["text/plain"] == "✗ 'C1' -> ✓ 'OCC' | 'CCO'"


def test_molecules_stay_small(molecules):
    rows = [(molecules[1], molecules[1].text, "c1ccccc1CCN")] * 6
    pictures = images(tables.before_after_html(rows), "png")
    assert len(pictures) == 18 and max(map(len, pictures)) < 2_000
    assert all(Image.open(io.BytesIO(data)).mode == "P" for data in pictures)


def test_results_of_molecules_have_a_name_and_a_direction_each():
    text = text_of(tables.results_html(compare_molecules("molecules", ["C", "C1"], ["CO", "CC"], ["CO", "CC"])))
    for name in ("exact match ↑", "validity ↑", "Tanimoto similarity ↑", "character error rate ↓"):
        assert name in text
    assert "validity ↑50.0 [9.5, 90.5]100.0 [34.2, 100.0]" in text


def test_results_bundle_is_one_and_carries_the_rows(shown):
    comparison = compare("lesson 06", ["a b", "c"], ["a b", "d"], ["a b", "d"])
    tables.results(comparison)
    (bundle,) = shown
    assert set(bundle) == {"text/html", "text/plain", tables.RESULTS_MIME}
    assert json.loads(json.dumps(bundle[tables.RESULTS_MIME])) == comparison.rows()


def test_results_bundle_is_valid_in_a_notebook(shown):
    tables.results(compare("t", ["a"], ["b"], ["a"]))
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=shown[0])])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def test_results_table_says_n_task_and_direction():
    text = text_of(tables.results_html(compare("lesson <6>", ["a"] * 4, ["b"] * 4, ["a", "b", "c", "b"])))
    assert "lesson &lt;6&gt;: n = 4;" in text and "error rate ↓" in text and "exact match ↑" in text


def test_results_table_is_in_per_cent():
    text = text_of(tables.results_html(compare("t", ["a"] * 4, ["b"] * 4, ["a", "b", "c", "b"])))
    assert "exact match ↑25.0 [4.6, 69.9]50.0 [15.0, 85.0]+25.0 [" in text


def test_histograms_show_one_small_png(shown):
    tables.histograms({"answer length (tokens)": list(range(100)), "picture width (px)": [40, 50.5]})
    (bundle,) = shown
    assert bundle["image/png"].startswith(PNG) and len(bundle["image/png"]) < 15_000
    assert bundle["text/plain"].startswith("answer length (tokens): n 100, median 50, max 99\n")


def test_a_chinese_name_stands_below_its_histogram(shown):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables.histograms({"width (px)": [1, 2], "高度": [1]})
    assert [list(bundle) for bundle in shown] == [["image/png", "text/plain"]]
    assert shown[0]["text/plain"].splitlines()[1] == "高度: n 1, median 1, max 1"


def test_histograms_of_nothing_are_refused():
    with pytest.raises(ValueError, match="empty"):
        tables.histograms({"width": []})


def test_bars_of_whole_numbers_stand_on_them():
    assert tables.bins([3, 5]) == [2.5, 3.5, 4.5, 5.5]


def test_outside_a_notebook_the_text_is_printed(samples, capsys):
    tables.grid(samples[:2])
    assert capsys.readouterr().out == "\\frac { a } { b }\nx ^ { 2 } + 1\n"


# --- videos and sounds --------------------------------------------------------------------------


@pytest.fixture
def sounds_made(tmp_path):
    sounds.write_wav(np.full(4000, 0.5), tmp_path / "<b>.wav")
    return [Sample(tmp_path / "<b>.wav", "a < b", "audio"), Sample(tmp_path / "<b>.wav", "x", "audio")]


def test_sounds_are_played_with_their_truths_as_text(sounds_made, shown):
    tables.grid(sounds_made, columns=1)
    html = shown[0]["text/html"]
    assert html.count("<audio") == html.count("<tr>") == 2 and text_of(html) == "a &lt; bx" and "<img" not in html
    assert shown[0]["text/plain"] == "a < b\nx"


def test_answers_to_sounds_are_marked_and_escaped(sounds_made, shown):
    tables.before_after(sounds_made, ["no", "a"], ["a  < b", "b"], count=1)
    assert shown[0]["text/plain"] == "✗ 'no' -> ✓ 'a  < b' | 'a < b'"
    html = shown[0]["text/html"]
    assert "a &lt; b" in html and html.count("<audio") == 1 and "<img" not in html and ">sound<" in html
    assert "<b>.wav" not in html


def test_videos_are_played_beside_their_answers(tmp_path):
    (sample,) = videos.render_videos(tmp_path / "v", 1, seed=1)
    html = tables.before_after_html([(sample, "?", sample.text)])
    assert html.count("<video") == 1 and re.findall("[✓✗]", text_of(html)) == ["✗", "✓"]


def test_pictures_and_sounds_go_into_one_table(samples, sounds_made):
    html = tables.grid_html([samples[0], sounds_made[0]])
    assert len(images(html, "webp")) == len(images(html, "png")) == html.count("<audio") == 1


def test_players_make_little_more_than_their_files(sounds_made):
    """Eight sounds before and after, as lesson 05 shows them, are a seventh of the 150 KB that a notebook may have."""
    one = tables.grid_html(sounds_made[:1])
    assert len(tables.before_after_html([(sounds_made[0], "no", "a < b")] * 8)) < 8 * (len(one) + 900)
