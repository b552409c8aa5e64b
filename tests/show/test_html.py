"""helpers.show.html: pictures shrunk and on white, drawings of few colours, tokens marked, all text escaped."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from helpers.data.samples import Sample
from helpers.show import html
from helpers.show.kinds import KINDS


def images(page, kind):
    return [base64.b64decode(data) for data in re.findall(rf"data:image/{kind};base64,([^\"]+)", page)]


def test_pictures_are_shrunk(tmp_path):
    Image.effect_noise((224, 56), 50).save(tmp_path / "a.png")
    (data,) = images(html.sample_tag(Sample(tmp_path / "a.png", "x"), 180), "webp")
    assert Image.open(io.BytesIO(data)).size == (180, 45)


def test_a_transparent_picture_lies_on_white(tmp_path):
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    (data,) = images(html.picture_tag(tmp_path / "clear.png", 180), "webp")
    assert Image.open(io.BytesIO(data)).convert("L").getextrema() == (255, 255)


def test_formulas_have_few_colours_and_say_what_they_are():
    page = html.drawing(r"\frac { a } { b < c }", KINDS["formula"])
    (data,) = images(page, "png")
    assert len(Image.open(io.BytesIO(data)).getcolors()) <= 8 and r'alt="\frac { a } { b &lt; c }"' in page


def test_what_cannot_be_drawn_has_no_drawing():
    assert html.drawing("x ^ {", KINDS["formula"]) == html.drawing("x", KINDS["text"]) == ""


def test_wrong_tokens_are_underlined():
    assert html.marked_tokens("a x c", "a b c", KINDS["formula"]) == "a <u>x</u> c"


def test_a_missing_token_leaves_an_underlined_gap():
    assert html.marked_tokens("a c", "a b c", KINDS["formula"]) == "a <u>&nbsp;&nbsp;</u> c"


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_escapes_its_text(kind):
    text = '<script>"x"</script>'
    for cell in (html.prediction_cell(text, "y", KINDS[kind]), html.truth_cell(text, KINDS[kind])):
        assert "<script" not in cell and "&lt;" in cell


def test_short_code_needs_no_box_and_long_code_or_a_long_word_gets_one():
    assert html.code_box("x ^ { 2 }") == "<code>x ^ { 2 }</code>"
    assert "overflow:auto" in html.code_box("x " * 60) and "overflow-wrap:anywhere" in html.code_box("C" * 30)


def test_the_head_names_what_is_below_it():
    samples = [Sample("a", "", modality) for modality in ("image", "image", "audio")]
    assert html.sample_head(samples) == "picture, sound" and html.sample_head([]) == ""


@pytest.mark.parametrize("right, sign", [(True, "✓"), (np.False_, "✗"), (None, "?")])
def test_ticks(right, sign):
    assert html.tick(right) == sign
