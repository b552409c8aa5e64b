"""helpers.data.depth: deep greys come as a person would see them, whatever their scale."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers.data.depth import is_deep, to_8_bits
from helpers.data.images import flatten

RAMP = np.linspace(0, 1, 256, dtype=np.float32).reshape(8, 32)  # from black to white
SEEN = np.arange(256).reshape(8, 32)


def through_tiff(values):
    """A picture of such values, written and read again."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "TIFF")
    return Image.open(out)


@pytest.mark.parametrize(
    "values",
    [
        *((RAMP * white).round().astype(np.uint16) for white in (255, 1023, 4095, 16383, 65535)),
        (RAMP * 65535).round().astype(">u2"),
        (RAMP * 4095).round().astype(np.int32),
        (RAMP * 900_000).round().astype(np.int32),
        ((RAMP - 0.5) * 30_000).round().astype(np.int32),
        ((RAMP - 0.5) * 30_000).round().astype(np.int16).astype(np.int32),
        RAMP,
        RAMP * 255,
        RAMP * 2 - 1,
        RAMP * 1e9,
    ],
    ids=lambda values: f"{values.dtype}, {values.min():g} to {values.max():g}",
)
def test_black_is_black_white_is_white_and_all_between_keeps_its_place(values):
    image = through_tiff(values)
    assert is_deep(image)
    assert np.abs(np.asarray(to_8_bits(image), int) - SEEN).max() <= 1


def test_a_dark_page_of_16_bits_stays_as_dark_as_it_is():
    page = np.full((8, 32), 60_000, np.uint16)
    page[2:4] = 15_000
    assert set(np.unique(to_8_bits(through_tiff(page)))) == {58, 233}


def test_what_is_no_number_is_as_dark_or_light_as_the_numbers_go():
    odd = RAMP.copy()
    odd[0, :3] = np.nan, -np.inf, np.inf
    seen = np.asarray(to_8_bits(through_tiff(odd)))
    assert seen[0, :3].tolist() == [3, 3, 255] and seen[0, 3] == 3
    assert np.asarray(to_8_bits(Image.fromarray(np.full((4, 4), np.nan, np.float32)))).max() == 0


def test_a_tiff_whose_zero_is_white_is_turned_round():
    out = io.BytesIO()
    Image.fromarray((RAMP * 65535).round().astype(np.uint16)).save(out, "TIFF", tiffinfo={262: 0})
    image = Image.open(out)
    assert image.mode == "I;16" and image.tag_v2[262] == 0
    assert (np.asarray(flatten(image)) == 255 - SEEN).all()


def test_see_through_grey_of_16_bits_lies_on_white():
    page = np.full((8, 32), 500, np.uint16)
    page[2:4] = 65_535
    out = io.BytesIO()
    Image.fromarray(page).save(out, "PNG", transparency=500)
    image = Image.open(out)
    image.load()
    assert image.info["transparency"] == 500 and np.asarray(flatten(image)).min() == 255
