"""helpers.notation.signs: signs under other names and in pieces."""

import pytest

from helpers.notation import signs
from helpers.notation.boxes import flat


def glyphs_of(token, style=0, font=""):
    return sorted((round(x, 3), part.glyph.number) for x, _, part in flat(signs.sign(token, font, "cm", style)[1]))


@pytest.mark.parametrize(
    "one, other", [(r"\to", r"\rightarrow"), (r"\dots", r"\ldots"), (r"\vert", "|"), (r"\ne", r"\neq")]
)
def test_other_names_print_the_same(one, other):
    assert glyphs_of(one) == glyphs_of(other)


@pytest.mark.parametrize("token", list(signs.COMPOSED))
def test_pieces_make_a_sign(token):
    kind, box = signs.sign(token, "", "cm", 0)
    assert box.wide > 0.5 and len(flat(box)) >= 2 and kind in ("rel", "inner", "op")


def test_large_operators_are_larger_in_displays():
    assert signs.sign(r"\sum", "", "cm", 0)[1].up > signs.sign(r"\sum", "", "cm", 2)[1].up


def test_bold_signs_without_a_bold_font_are_printed_twice():
    assert len(glyphs_of(r"\alpha", font="bold")) == 2 * len(glyphs_of(r"\alpha"))
