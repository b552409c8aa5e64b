"""helpers.notation.glyphs: every named glyph is there, and its pixels lie where its measures say."""

import pytest

from helpers.notation import glyphs


def test_every_name_is_in_its_font():
    named = list(glyphs.CM.values()) + [
        ("cmex10", name) for pieces in glyphs.PIECES.values() for name in pieces if name
    ]
    assert [name for name in named if glyphs.named(*name).number == 0] == []


@pytest.mark.parametrize("family", ["cm", "stix"])
@pytest.mark.parametrize("token", list(glyphs.BRACKETS))
def test_brackets_grow(token, family):
    heights = [one.up + one.down for one in glyphs.bracket(token, family)]
    assert heights == sorted(heights) and len(heights) >= 4 and heights[0] > 0.5


@pytest.mark.parametrize("token, font", [("x", "cmmi10"), ("1", "cmr10"), (r"\alpha", "cmmi10"), (r"\sum", "cmex10")])
def test_signs_are_of_computer_modern(token, font):
    assert glyphs.sign(token, "", "cm")[0][0][2].font == font


def test_alphabets_are_for_letters_only():
    fonts = {name: glyphs.sign("A", name, "cm")[0][0][2].font for name in ("rm", "bf", "cal", "mit")}
    assert fonts == {"rm": "cmr10", "bf": "cmb10", "cal": "cmsy10", "mit": "cmmi10"}
    assert glyphs.sign("+", "bf", "cm") == glyphs.sign("+", "", "cm")


def test_an_unknown_sign_is_named():
    with pytest.raises(ValueError, match="nosuch cannot be drawn"):
        glyphs.sign(r"\nosuch", "", "cm")


@pytest.mark.parametrize("stretch", [1.0, 1.34])
def test_pixels_lie_where_the_measures_say(stretch):
    one = glyphs.sign("g", "", "cm")[0][0][2]
    ink, left, top = glyphs.pixels(one.font, one.number, 100.0, stretch)
    assert left == pytest.approx(100 * stretch * one.left, abs=1.5) and top == pytest.approx(100 * one.up, abs=1.5)
    assert ink.shape[0] == pytest.approx(100 * (one.up + one.down), abs=3)
    assert ink.shape[1] == pytest.approx(100 * stretch * (one.right - one.left), abs=3) and ink.max() == 255
