"""helpers.data.synthetic.papers: pages of whole image tokens, sheets as LaTeX_OCR's, same seed, same pixels."""

import numpy as np
import pytest
from PIL import Image

from helpers.data.synthetic import papers
from helpers.data.synthetic.papers import DEGRADED, SHEETS, SMALLEST, STYLES, degraded, picture, sheet
from helpers.notation import mathtext

LONG = " + ".join("a _ { 1 }" for _ in range(14))


@pytest.mark.parametrize("style", STYLES)
def test_pages_are_whole_image_tokens_and_not_too_small(style):
    small, large = picture("x", style), picture(LONG, style)
    assert small.mode == "L" and small.size == SMALLEST
    assert large.width % 28 == large.height % 28 == 0 and large.width > SMALLEST[0]


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_drawn_outside_the_page(style, monkeypatch):
    monkeypatch.setitem(papers.PAPERS, style, lambda page, rng: page)
    for seed in range(20):
        page = np.asarray(picture(r"\frac { a } { b }", style, np.random.default_rng(seed)))
        assert page[[0, -1]].max() == page[:, [0, -1]].max() == 0 and page.max() > 127


def test_the_formula_may_stand_anywhere(monkeypatch):
    monkeypatch.setitem(papers.PAPERS, "printed", lambda page, rng: page)
    pages = [np.asarray(picture("x", "printed", np.random.default_rng(seed))) for seed in range(60)]
    lefts = [page.any(0).argmax() for page in pages]
    assert min(lefts) < 40 and max(lefts) > 140


def test_a_hand_writes_dark_on_light():
    page = np.asarray(picture("x + y", "handwritten"), float)
    assert np.median(page) > 230 and page.min() < 120


def test_printed_is_black_on_white_and_chalkboard_light_on_dark():
    printed, board = (np.asarray(picture("x + y", style), float) for style in ("printed", "chalkboard"))
    assert np.median(printed) == 255 and printed.min() < 30
    assert np.median(board) < 100 and board.max() > 150


@pytest.mark.parametrize("style", STYLES)
def test_same_seed_same_pixels_other_seed_others(style):
    first, again, other = (np.asarray(picture("x + y", style, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert (first == again).all() and not np.array_equal(first, other)


@pytest.mark.parametrize("latex", [r"\nosuchthing", r"\frac { a }", "x ^ {", "x } y", "", r"\quad", "a $ b"])
def test_what_cannot_be_drawn_is_a_value_error(latex):
    for draw in (picture, sheet):
        with pytest.raises(ValueError):
            draw(latex)


def test_a_sheet_is_the_first_that_holds_the_formula():
    assert sheet("x").size == (120, 50) and sheet(LONG).size in SHEETS
    drawn = mathtext.ink(LONG, "cm", papers.PRINT)
    fitting = [size for size in SHEETS if size[0] >= drawn.shape[1] + 8 and size[1] >= drawn.shape[0] + 8]
    assert sheet(LONG).size == fitting[0] != SHEETS[0]


def test_sheets_are_no_higher_than_they_must_be():
    low = " + ".join("xxxxxxxx")
    assert sheet(low).size == (200, 40) and sheet(rf"\frac {{ {low} }} {{ \frac {{ a }} {{ b }} }}").size == (200, 50)


def test_a_sheet_has_its_formula_at_the_top_left():
    ink = 255 - np.asarray(sheet(r"x = \frac { 1 } { 2 }"))
    assert ink.any(1).argmax() == ink.any(0).argmax() == 4


def test_what_is_larger_than_all_sheets_is_none():
    assert sheet(" + ".join(["x"] * 60)) is None


def test_sheets_vary_with_the_seed_only():
    first, again = (np.asarray(sheet("x + y", np.random.default_rng(3))) for _ in range(2))
    others = {np.asarray(sheet("x + y", np.random.default_rng(seed))).tobytes() for seed in range(30)}
    assert (first == again).all() and len(others) > 15


def print_of(size, mode="L"):
    """A picture with print in its four corners, as somebody may have cut it."""
    page = np.full(size[::-1], 255, np.uint8)
    page[:3, :3] = page[:3, -3:] = page[-3:, :3] = page[-3:, -3:] = 0
    return Image.fromarray(page).convert(mode)


@pytest.mark.parametrize("style", DEGRADED)
def test_print_of_any_size_is_degraded_as_pages_are(style):
    """On a picture without an edge to keep, it is the very same function."""
    page = 255 - np.asarray(picture("x + y", "printed"))
    mine = np.asarray(degraded(Image.fromarray(255 - page), style, np.random.default_rng(4)))
    edges = (mine.shape[0] - page.shape[0]) // 2, (mine.shape[1] - page.shape[1]) // 2
    same = papers.PAPERS[style](np.pad(page, [(edge, edge) for edge in edges]), np.random.default_rng(4))
    assert (mine == same).all() and max(edges) < 5


@pytest.mark.parametrize("size", [(33, 17), (400, 50), (60, 500)])
@pytest.mark.parametrize("style", DEGRADED)
def test_no_print_is_lost_at_the_edges(style, size, monkeypatch):
    monkeypatch.setitem(papers.PAPERS, style, lambda page, turn: np.asarray(Image.fromarray(page).rotate(turn)))
    for turn in (-papers.TILT, papers.TILT):
        ink = np.asarray(degraded(print_of(size), style, turn))
        assert 30 <= (ink > 0).sum() <= 42


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_degraded_print_is_grey_whatever_it_was(mode):
    first, again = (degraded(print_of((90, 30), mode), "scan", np.random.default_rng(1)) for _ in range(2))
    assert first.mode == "L" and first.tobytes() == again.tobytes()
    assert first.tobytes() == degraded(print_of((90, 30)), "scan", np.random.default_rng(1)).tobytes()


def test_only_what_can_be_made_of_print_is_made_of_it():
    with pytest.raises(ValueError, match="unknown style 'handwritten'; choose one of scan, chalkboard"):
        degraded(print_of((30, 30)), "handwritten", np.random.default_rng(0))
