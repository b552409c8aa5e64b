"""helpers.data.synthetic.formulas: short ones on pages, in one spelling, long ones on sheets; test ones stay unseen."""

import numpy as np
import pytest

from helpers.data.synthetic import formulas, handwriting, papers
from helpers.data.synthetic.formulas import SHEET, SIZED, STYLES, UNSEEN, draw_sample, readable
from helpers.data.synthetic.grammar import FAMILIES, FULL, SHORT, formula
from helpers.data.synthetic.held_out import PARTS, reserved
from helpers.notation import mathtext
from helpers.notation.latex import normalise_latex

SUMS = [f"x = 1 {digit} {other}" for digit in "0123" for other in "0123456789"]
RESERVED, FREE = (next(text for text in SUMS if reserved(text) is wanted) for wanted in (True, False))


@pytest.fixture(scope="module")
def drawn():
    """{style: samples}, some hundred in all: each of them could be drawn."""
    return {style: [draw_sample(index, 4, style) for index in range(100)] for style in STYLES}


def texts_of(samples):
    return [latex for _, latex in samples]


def test_pages_are_whole_image_tokens_and_not_too_large(drawn):
    for style in papers.STYLES:
        for image, _ in drawn[style]:
            assert image.mode == "L" and image.width % papers.GRID == image.height % papers.GRID == 0
            assert image.width <= papers.LARGEST[0] and image.height <= papers.LARGEST[1]


def test_sheets_have_the_sizes_of_latex_ocr(drawn):
    sizes = {image.size for image, _ in drawn[SHEET]}
    assert sizes <= set(papers.SHEETS) and len(sizes) > 5


def test_formulas_on_pages_are_short_and_on_sheets_long(drawn):
    lengths = {style: [len(latex.split()) for latex in texts_of(drawn[style])] for style in STYLES}
    assert all(max(lengths[style]) <= SHORT for style in papers.STYLES)
    assert SHORT < np.median(lengths[SHEET]) and max(lengths[SHEET]) <= FULL


def test_formulas_on_pages_are_in_one_spelling_and_readable(drawn):
    for style in papers.STYLES:
        texts = texts_of(drawn[style])
        assert [latex for latex in texts if SIZED.sub(r"\1", normalise_latex(latex)) != latex] == []
        assert all(readable(latex, style) for latex in texts)


def test_formulas_on_sheets_are_spelt_freely(drawn):
    texts = texts_of(drawn[SHEET])
    assert any(SIZED.sub(r"\1", normalise_latex(latex)) != latex for latex in texts)
    assert not all(map(readable, texts))


def test_tokens_are_separated_by_single_spaces(drawn):
    assert all(latex == " ".join(latex.split()) for samples in drawn.values() for latex in texts_of(samples))


def test_a_sized_bracket_is_one_token(monkeypatch):
    monkeypatch.setattr(formulas, "formula", lambda rng, longest: r"\left( \frac { a } { b } \right)")
    part = "test" if reserved(r"\left( \frac { a } { b } \right)") else "train"
    assert draw_sample(0, 0, part=part)[1] == r"\left( \frac { a } { b } \right)"


@pytest.mark.parametrize("latex", ["x ^ { 2 }", r"\sum _ { i } x _ { i }", r"\mathrm { d } x", r"\left( x \right)"])
def test_plain_print_is_readable(latex):
    assert readable(latex)


@pytest.mark.parametrize(
    "latex", [r"\displaystyle x", r"x \dots", "{ } ^ { 2 } x", r"\begin{array} { c } { x } \\ \end{array}", r"\surd x"]
)
def test_what_the_print_does_not_tell_is_not_readable(latex):
    assert not readable(latex)


@pytest.mark.parametrize("latex", [r"\mathsf { T }", r"\mathtt { x }"])
def test_what_a_hand_writes_as_roman_is_not_readable_in_it(latex):
    assert readable(latex) and not readable(latex, "handwritten")


def test_a_hand_is_not_asked_to_write_what_it_cannot(monkeypatch):
    written = iter([r"\mathsf { T } = 1", FREE])
    monkeypatch.setattr(formulas, "belongs", lambda latex, part: True)
    monkeypatch.setattr(formulas, "formula", lambda rng, longest: next(written))
    assert draw_sample(0, 0, "handwritten")[1] == FREE


def test_every_letter_can_be_drawn_in_every_font():
    letters = {letter for lines in FAMILIES.values() for _, found in lines for letter in found} - UNSEEN
    for font in {font for fonts in papers.FONTS.values() for font in fonts}:
        assert [letter for letter in sorted(letters) if mathtext.ink(letter, font, 18).max() <= 127] == []


def test_every_letter_can_be_written_by_hand():
    letters = {letter for lines in FAMILIES.values() for _, found in lines for letter in found} - UNSEEN
    for seed, letter in enumerate(sorted(letters)):
        assert handwriting.written(letter, 18, np.random.default_rng(seed)).max() > 127, letter


@pytest.mark.parametrize("style", STYLES)
def test_train_skips_what_is_reserved_and_test_all_else(style, monkeypatch):
    for part, wanted, other in (("train", FREE, RESERVED), ("test", RESERVED, FREE)):
        written = iter([other, other, wanted])
        monkeypatch.setattr(formulas, "formula", lambda rng, longest, written=written: next(written))
        assert draw_sample(0, 0, style, part)[1] == wanted


def test_train_and_test_never_meet_in_any_style():
    made = {
        part: {draw_sample(index, 3, style, part, 9)[1] for style in STYLES for index in range(25)} for part in PARTS
    }
    assert not made["train"] & made["test"]
    assert all(map(reserved, made["test"])) and not any(map(reserved, made["train"]))


@pytest.mark.parametrize("longest", [SHORT, FULL])
def test_one_formula_in_ten_is_reserved(longest):
    rng = np.random.default_rng(0)
    made = {formula(rng, longest) for _ in range(1000)}
    assert 0.07 < sum(map(reserved, made)) / len(made) < 0.13


@pytest.mark.parametrize("style", STYLES)
def test_same_seed_same_pixels_other_seed_others(style):
    (first, text), (again, same), (_, other) = (draw_sample(5, seed, style) for seed in (1, 1, 2))
    assert text == same != other and first.size == again.size and first.tobytes() == again.tobytes()
    assert draw_sample(6, 1, style)[1] != text


def test_pages_too_large_are_left_out(monkeypatch):
    assert {draw_sample(index, 4)[0].width for index in range(40)} > {papers.SMALLEST[0]}
    monkeypatch.setattr(papers, "LARGEST", papers.SMALLEST)
    assert {draw_sample(index, 4)[0].size for index in range(40)} == {papers.SMALLEST}


def test_pages_too_high_are_left_out(monkeypatch):
    high = "x"
    for letter in "abcdef":
        high = rf"\frac {{ {high} }} {{ {letter} }}"
    size = papers.picture(high).size
    assert size[0] <= papers.LARGEST[0] and size[1] > papers.LARGEST[1]
    written = iter([high, RESERVED if reserved(high) else FREE])
    monkeypatch.setattr(formulas, "formula", lambda rng, longest: next(written))
    assert draw_sample(0, 0, part="test" if reserved(high) else "train", longest=40)[1] in (RESERVED, FREE)


def test_formulas_that_fit_on_no_sheet_are_left_out(monkeypatch):
    monkeypatch.setattr(papers, "SHEETS", ((160, 40),))
    assert {draw_sample(index, 4, SHEET, longest=SHORT)[0].size for index in range(10)} == {(160, 40)}


@pytest.mark.parametrize("style", STYLES)
def test_longest_bounds_the_formula(style):
    assert all(len(draw_sample(index, 4, style, longest=6)[1].split()) <= 6 for index in range(20))


def test_unknown_style_or_part_lists_the_known_ones():
    with pytest.raises(
        ValueError, match="unknown style 'photo'; choose one of printed, traced, scan, chalkboard, handwritten, sheet"
    ):
        draw_sample(0, 0, "photo")
    with pytest.raises(ValueError, match="unknown part 'tset'; choose one of train, test"):
        draw_sample(0, 0, part="tset")
