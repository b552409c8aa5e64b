"""helpers.show.widget: a picture goes in, LaTeX comes out; anything else gets a sentence; without widgets, a call."""

import base64
import io
from datetime import UTC, datetime

import pytest
from IPython.display import HTML
from pictures import png_header
from PIL import Image

from helpers.data.synthetic.render import render_set
from helpers.models import lora
from helpers.models.load import load
from helpers.settings import Settings
from helpers.show import widget

SETTINGS = Settings.tiny()


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return render_set(tmp_path_factory.mktemp("set"), 2, seed=5, part="test")[0]


@pytest.fixture(scope="module")
def loaded():
    """A model with an adapter that changes its answers."""
    import torch

    model, processor = load("qwen2_vl", SETTINGS)
    model = lora.add_lora(model, "qwen2_vl", SETTINGS).eval()
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.3)
    return model, processor


def data_url(path):
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


# --- the plain call -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", [str, lambda p: p, lambda p: p.read_bytes(), data_url, lambda p: f' "{p}"\n'])
def test_a_picture_is_read_in_every_form_it_comes(loaded, sample, form):
    picture, text = widget.read(form(sample.file), *loaded, SETTINGS, widget.BASE)
    assert text == sample.text and picture.startswith("<img") and "base64," in picture


def test_the_choice_is_between_base_and_adapters(loaded, sample):
    assert widget.adapters_of(loaded[0]) == [widget.BASE, "default"]
    base, tuned = (widget.read(sample.file, *loaded, SETTINGS, name)[1] for name in (widget.BASE, "default"))
    assert base == sample.text != tuned
    assert widget.read(sample.file, *loaded, SETTINGS)[1] == tuned  # as the model is: nothing was left switched off


def test_a_model_without_adapters_has_one_choice(sample):
    model, processor = load("qwen2_vl", SETTINGS)
    assert widget.adapters_of(model) == [widget.BASE]
    assert widget.read(sample.file, model, processor, SETTINGS, widget.BASE)[1] == sample.text


def test_the_answer_shows_picture_drawing_and_text(loaded, sample):
    html, plain = widget.answer(sample.file, *loaded, SETTINGS, widget.BASE)
    assert html.count("<img") == 2 and plain == sample.text


def test_what_the_model_writes_is_escaped(loaded, sample, monkeypatch):
    monkeypatch.setattr(widget, "predict", lambda *a: ["<script>alert(1)</script>"])
    html, _ = widget.answer(sample.file, *loaded, SETTINGS)
    assert "<script" not in html and "&lt;script" in html


def test_a_molecule_is_drawn_as_one(loaded, sample, monkeypatch):
    monkeypatch.setattr(widget, "predict", lambda *a: ["```rdkit\nCCO\n```"])
    html, plain = widget.answer(sample.file, *loaded, SETTINGS)
    assert html.count("<img") == 2 and 'alt="CCO"' in html and plain == "```rdkit\nCCO\n```"


# --- bad uploads --------------------------------------------------------------------------------


def png(size=(40, 20)):
    out = io.BytesIO()
    Image.effect_noise(size, 50).save(out, format="PNG")
    return out.getvalue()


BAD = {
    "text": (b"no picture", "not a picture"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "not a picture"),
    "HTML": (b"<img src=x onerror=alert(1)>", "not a picture"),
    "empty": (b"", "file is empty"),
    "cut short": (png()[:-200], "broken or cut short"),
    "only a header": (png()[:40], "not a picture"),
    "a bomb": (png_header(60_000, 60_000), "decompression bomb"),
    "one pixel high": (png((40, 1)), "1 pixel high"),
    "a thread": (png((2000, 4)), "500:1"),
    "no such file": ("nowhere.png", "no such file 'nowhere.png'"),
    "a folder": ("/", "no such file"),
    "a long text": ("x" * 5000, "no such file"),
    "a line break": ("a\nb", "no such file"),
    "another data URL": ("data:text/html;base64,AAAA", "not a picture: 'data:text/html;base64'"),
    "a data URL without data": ("data:image/png;base64,", "empty"),
    "a damaged data URL": ("data:image/png;base64,AAA", "damaged"),
    "a data URL of text": ("data:image/png;base64,AAAA", "not a picture"),
    "NUL": ("a\0b", "no such file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_gets_one_sentence(loaded, name, monkeypatch):
    monkeypatch.setattr(widget, "predict", lambda *a: pytest.fail("read"))
    source, reason = BAD[name]
    html, plain = widget.answer(source, *loaded, SETTINGS)
    assert plain.startswith("✗ ") and reason in plain and "\n" not in plain and len(plain) < 300
    assert "<img" not in html and "<script" not in html and "Traceback" not in html
    assert "tmp" not in plain


def test_a_huge_upload_is_refused_unopened(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(widget, "MAX_BYTES", 100)
    monkeypatch.setattr(widget, "read_picture", lambda path: pytest.fail("opened"))
    (tmp_path / "huge.png").write_bytes(b"x" * 101)
    for source in (b"x" * 101, tmp_path / "huge.png", "data:image/png;base64," + "A" * 200):
        assert "over 100 ->" in widget.answer(source, *loaded, SETTINGS)[1]


def test_an_unknown_adapter_is_named(loaded, sample):
    assert "no adapter 'mine'; there are base, default" in widget.answer(sample.file, *loaded, SETTINGS, "mine")[1]


# --- the widget ---------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """What the widget displays, as if in a notebook."""
    things = []
    monkeypatch.setattr(widget, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda thing, **_: things.append(thing))
    return things


def parts(box):
    (row, choice, page) = box.children
    return *row.children, choice, page


def upload_of(data):
    facts = {"name": "x.png", "type": "image/png", "size": len(data), "last_modified": datetime.now(UTC)}
    return (facts | {"content": memoryview(data)},)


def test_an_upload_is_read_and_the_button_is_free_again(loaded, sample, shown):
    upload, _, choice, page = parts(widget.reader(*loaded, SETTINGS))
    choice.value = widget.BASE
    upload.value = upload_of(sample.file.read_bytes())
    assert page.value == widget.answer(sample.file, *loaded, SETTINGS, widget.BASE)[0] and upload.value == ()


def test_a_bad_upload_leaves_a_sentence_and_the_next_one_is_read(loaded, sample, shown):
    upload, paste, choice, page = parts(widget.reader(*loaded, SETTINGS))
    upload.value = upload_of(b"no picture")
    assert page.value.startswith("<p>✗ <code>picture: not a picture")
    paste.value = data_url(sample.file)
    assert "<img" in page.value and paste.value == ""


def test_another_choice_reads_the_last_picture_again(loaded, sample, shown):
    _, paste, choice, page = parts(widget.reader(*loaded, SETTINGS))
    assert choice.value == "default"
    choice.value = widget.BASE  # nothing to read yet
    assert page.value == ""
    paste.value = str(sample.file)
    base = page.value
    choice.value = "default"
    assert page.value == widget.answer(sample.file, *loaded, SETTINGS, "default")[0] != base


def test_the_script_finds_the_box_to_paste_into(loaded, shown):
    _, paste, _, _ = parts(widget.reader(*loaded, SETTINGS))
    box, script = shown
    assert isinstance(script, HTML) and ".ocr-paste textarea" in script.data and "ocr-paste" in paste._dom_classes


@pytest.mark.parametrize("missing", ["notebook", "ipywidgets"])
def test_without_widgets_it_names_the_plain_call(loaded, monkeypatch, capsys, missing):
    monkeypatch.setattr(widget, "in_notebook", lambda: missing != "notebook")
    monkeypatch.setattr(widget, "find_spec", lambda name: None)
    assert widget.reader(*loaded, SETTINGS) is None
    assert "show.recognise(" in capsys.readouterr().out


def test_the_plain_call_prints_outside_a_notebook(loaded, sample, capsys):
    widget.recognise(sample.file, *loaded, SETTINGS, widget.BASE)
    assert capsys.readouterr().out == sample.text + "\n"
