"""helpers.data.synthetic.strokes: what is thick becomes lines and dots, nothing of it is lost, nothing is added."""

import numpy as np
import pytest
from scipy.ndimage import label

from helpers.data.synthetic.strokes import EM, centre_lines, thinned
from helpers.notation import glyphs


def page_of(*boxes, side=40):
    """Ink where ``boxes`` are: rows and columns from, to."""
    page = np.zeros((side, side), np.uint8)
    for top, bottom, left, right in boxes:
        page[top:bottom, left:right] = 255
    return page


def lines_of(sign):
    one = glyphs.sign(sign, "", "cm")[0][0][2]
    return centre_lines(*glyphs.pixels(one.font, one.number, EM))


def test_a_thick_bar_is_one_line_along_its_middle():
    ((points, radius),) = centre_lines(page_of((10, 17, 5, 35)), 0, 40)
    assert radius == 0 and np.allclose(points[:, 1] * EM, 40 - 13.5)
    assert 7 <= points[:, 0].min() * EM + 2 <= 12 and 31 <= points[:, 0].max() * EM + 2 <= 36


def test_places_are_counted_from_the_origin_of_the_glyph():
    page = page_of((10, 13, 5, 35))
    near, far = (centre_lines(page, *corner)[0][0] for corner in ((0, 40), (36, 4)))
    assert np.allclose(far - near, (36 / EM, -36 / EM))


def test_a_disc_is_a_dot_with_its_radius():
    rows, columns = np.indices((40, 40))
    ((points, radius),) = centre_lines((np.hypot(rows - 20, columns - 15) < 8).astype(np.uint8) * 255, 0, 40)
    assert points.shape == (1, 2) and 6.5 < radius * EM < 9
    assert np.abs(points[0] * EM - (15.5, 19.5)).max() < 1.5


def test_a_ring_is_one_closed_line():
    rows, columns = np.indices((60, 60))
    away = np.hypot(rows - 30, columns - 30)
    ((points, radius),) = centre_lines(((away > 15) & (away < 21)).astype(np.uint8) * 255, 0, 60)
    assert radius == 0 and np.hypot(*(points[0] - points[-1])) < 4 / EM
    assert np.abs(np.hypot(*(points * EM - (30.5, 29.5)).T) - 18).max() < 2


def test_a_cross_is_four_lines_from_one_place():
    lines = [points for points, _ in centre_lines(page_of((5, 35, 18, 22), (18, 22, 5, 35)), 0, 40)]
    assert len(lines) >= 4
    ends = np.concatenate([points[[0, -1]] for points in lines]) * EM
    assert (np.hypot(*(ends - (20, 20)).T) < 4).sum() >= 4


def test_a_notch_of_the_outline_is_no_line_but_a_bar_as_long_as_it_is_thick_is():
    bar, notch, arm = (5, 35, 15, 22), (18, 20, 22, 24), (18, 21, 22, 34)
    assert len(centre_lines(page_of(bar), 0, 40)) == len(centre_lines(page_of(bar, notch), 0, 40)) == 1
    assert len(centre_lines(page_of(bar, arm), 0, 40)) == 3


@pytest.mark.parametrize("sign", [*"aegijkBEFHQ01248=?", r"\%", r"\phi", r"\infty", r"\equiv", r"\otimes", r"\hbar"])
def test_thinning_keeps_every_piece_and_every_hole(sign):
    one = glyphs.sign(sign, "", "cm")[0][0][2]
    ink = np.pad(glyphs.pixels(one.font, one.number, EM)[0] > 127, 1)
    thin = thinned(ink.astype(np.uint8)) > 0
    assert thin.sum() < ink.sum() / 2 and not (thin & ~ink).any()
    assert label(thin, np.ones((3, 3)))[1] == label(ink, np.ones((3, 3)))[1]
    assert label(~thin)[1] == label(~ink)[1]


@pytest.mark.parametrize(("sign", "dots"), [("i", 1), ("j", 1), (":", 2), (".", 1), (r"\cdot", 1), ("o", 0), ("x", 0)])
def test_dots_of_signs_are_dots(sign, dots):
    assert sum(radius > 0 for _, radius in lines_of(sign)) == dots


def test_lines_lie_where_the_ink_is():
    for sign in (*"agkRS5", r"\xi", r"\sum"):
        one = glyphs.sign(sign, "", "cm")[0][0][2]
        ink, left, up = glyphs.pixels(one.font, one.number, EM)
        for points, _ in centre_lines(ink, left, up):
            columns, rows = (points * (EM, -EM) + (-left, up)).astype(int).T
            assert ink[rows.clip(0, ink.shape[0] - 1), columns.clip(0, ink.shape[1] - 1)].mean() > 128, sign
