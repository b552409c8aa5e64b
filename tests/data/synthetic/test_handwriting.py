"""helpers.data.synthetic.handwriting: one hand, never twice the same; each sign can be told from the others."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from helpers.data.synthetic import handwriting
from helpers.data.synthetic.handwriting import FORMS, HANDS, PRINT, traced, written
from helpers.notation import mathtext

FORMULA = r"\alpha _ { 1 } + \frac { B ^ { 2 } } { \sqrt { k } } = \mathrm { T r } x \int d \mu"


def drawn(latex, seed=0, size=16.0):
    return written(latex, size, np.random.default_rng(seed))


def steady(monkeypatch):
    """Writers who set every sign where print has it."""
    monkeypatch.setattr(handwriting, "_unsteady", lambda points, *_: points)


def test_same_seed_same_pixels_other_seed_other_strokes():
    first, again = drawn(FORMULA, 1), drawn(FORMULA, 1)
    assert first.dtype == np.uint8 and (first == again).all()
    assert len({drawn(FORMULA, seed).tobytes() for seed in range(20)}) == 20


def test_the_ink_is_cropped_and_dark():
    for seed in range(10):
        ink = drawn(FORMULA, seed)
        assert ink[[0, -1]].max(1).all() and ink[:, [0, -1]].max(0).all() and ink.max() > 150


def test_a_hand_is_as_large_as_asked_and_about_as_print():
    sizes = [np.array([drawn(FORMULA, seed, size).shape for seed in range(20)]).mean(0) for size in (14, 28)]
    assert np.abs(sizes[1] / sizes[0] - 2).max() < 0.2
    assert (np.abs(sizes[0] / mathtext.ink(FORMULA, PRINT, 14).shape - 1) < 0.2).all()


def test_a_letter_comes_back_a_little_different():
    page = drawn("x " * 6, 3)
    letters = np.split(page, np.flatnonzero(np.diff((page.max(0) > 0).astype(int)) == 1) + 1, 1)
    assert len({letter.tobytes() for letter in letters}) == len(letters) > 1


@pytest.mark.parametrize("row", range(len(FORMS)))
def test_every_form_of_a_sign_is_as_high_as_print_and_in_its_place(row):
    signs, alphabet, form = FORMS[row]
    for sign in signs:
        mine, own = (
            np.concatenate([points for points, _ in lines])
            for lines in (
                handwriting._other(sign, alphabet, form),
                handwriting._glyph(*handwriting._printed(sign, alphabet, PRINT)),
            )
        )
        assert np.allclose([mine[:, 1].min(), mine[:, 1].max()], [own[:, 1].min(), own[:, 1].max()]), (sign, form)
        assert np.isclose(*((side[:, 0].min() + side[:, 0].max()) / 2 for side in (mine, own))), (sign, form)
        assert 0.89 < np.ptp(mine[:, 0]) / np.ptp(own[:, 0]) < 1.16 or sign == "i", (sign, form)


def test_the_writer_has_letters_of_its_own_and_traced_print_has_not(monkeypatch):
    asked, other = set(), handwriting._other
    monkeypatch.setattr(handwriting, "_other", lambda *sign: asked.add(sign[-1]) or other(*sign))
    latex = r"a B 2 \alpha \mathrm { d }"
    traced(latex, 16.0, np.random.default_rng(0))
    assert not asked
    drawn(latex)
    assert asked == {form for _, _, form in FORMS} >= set(HANDS)


@pytest.mark.parametrize(
    ("one", "other"),
    [("E", "F"), ("E", r"\subset"), ("C", "c"), ("l", "1"), ("I", "|"), ("v", r"\nu"), ("x", r"\times"), ("i", "r"),
     ("-", r"\sim"), ("0", "O"), ("d", r"\mathrm { d }"), ("A", r"\mathcal { A }"), (r"\langle", r"\{"),
     ("w", r"\omega"), (r"\epsilon", r"\varepsilon"), (r"\epsilon", r"\in"), (r"\phi", r"\varphi"), ("u", r"\cup"),
     (r"\cdot", r"\bullet")],
)  # fmt: skip
def test_signs_that_are_alike_can_be_told_apart(one, other, monkeypatch):
    r"""Written by the same steady hand; print's own a and \alpha differ by 0.09."""
    steady(monkeypatch)
    monkeypatch.setattr(handwriting, "_touches", _even_pen)
    assert min(_difference(drawn(one, seed, 40), drawn(other, seed, 40)) for seed in range(14)) > 0.07


def _even_pen(points, counts, rng, touches=handwriting._touches):
    at, line, radius = touches(points, counts, np.random.default_rng(0))
    return at, line, np.full_like(radius, 1.5)


def _difference(a, b):
    """The share of ink of two pictures, laid corner to corner, that lies more than a pixel from ink of the other."""
    shape = np.maximum(a.shape, b.shape)
    a, b = (np.pad(page, [(0, more) for more in shape - page.shape]) > 99 for page in (a, b))
    lost = (a & ~binary_dilation(b)).sum() + (b & ~binary_dilation(a)).sum()
    return lost / (a.sum() + b.sum())


def test_bold_letters_are_thicker():
    thin, thick = (np.mean([(drawn(text, seed) > 99).sum() for seed in range(40)]) for text in ("B", r"\mathbf { B }"))
    assert thick > 1.4 * thin


def test_rules_are_drawn_too():
    for latex, bare in ((r"\frac { a } { b }", r"\binom { a } { b }"), (r"\overline { a b c }", "a b c")):
        assert any((drawn(latex, seed) > 99).sum(1).max() > (drawn(bare, seed) > 99).sum(1).max() for seed in range(5))


@pytest.mark.parametrize("latex", [r"\nosuchthing", r"\frac { a }", "", r"\quad"])
def test_what_cannot_be_drawn_is_a_value_error(latex):
    with pytest.raises(ValueError):
        drawn(latex)
