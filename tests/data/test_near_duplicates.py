"""helpers.data.near_duplicates: a picture saved again is found, another formula is not."""

import io
import re

import numpy as np
import pytest
from PIL import Image, ImageOps

from helpers.data import near_duplicates
from helpers.data.near_duplicates import SAME, SIMILAR, difference, find_near, take_print
from helpers.data.synthetic import formulas, papers

DRAWN = [formulas.draw_sample(number, 3, style) for style in ("printed", "sheet") for number in range(25)]
PRINTS = [take_print(picture) for picture, _ in DRAWN]


def jpeg(picture, quality):
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(out)


def scaled(picture, factor):
    return picture.resize([round(side * factor) for side in picture.size], Image.Resampling.BICUBIC)


def with_margin(picture):
    return ImageOps.expand(picture, (9, 3, 30, 12), fill=int(np.median(np.asarray(picture))))


AGAIN = {  # what was done to a picture, and the share of them that are found at least, as measured less a little
    "JPEG": (lambda picture: jpeg(picture, 75), 0.95),
    "larger": (lambda picture: scaled(picture, 1.2), 0.9),
    "smaller": (lambda picture: scaled(picture, 0.9), 0.75),
    "margin": (with_margin, 1),
    "all": (lambda picture: jpeg(scaled(with_margin(picture), 0.9), 80), 0.7),
}


@pytest.mark.parametrize("way", AGAIN)
def test_a_picture_saved_again_is_found(way):
    change, share = AGAIN[way]
    again = [take_print(change(picture.convert("L"))) for picture, _ in DRAWN]
    found = [(here, there) for here, there, _ in find_near(again, PRINTS)]
    assert sum((number, number) in found for number in range(len(DRAWN))) >= share * len(DRAWN)


def test_a_margin_changes_nothing():
    assert (
        max(difference(take_print(with_margin(p.convert("L"))), q) for (p, _), q in zip(DRAWN, PRINTS, strict=True))
        == 0
    )


def test_different_formulas_are_not_alike():
    prints = [take_print(formulas.draw_sample(number, 4, "printed")[0]) for number in range(150)]
    assert list(find_near(PRINTS + prints)) == []


def test_a_formula_that_differs_in_one_digit_is_not_the_same():
    apart = []
    for number, (_, latex) in enumerate(DRAWN):
        if digit := re.search(r"(?<= )[0-9](?= )", latex):
            other = latex[: digit.start()] + str((int(digit[0]) + 5) % 10) + latex[digit.end() :]
            pair = [papers.sheet(text, np.random.default_rng(number)) for text in (latex, other)]
            if None not in pair:
                apart.append(difference(*map(take_print, pair)))
    assert len(apart) > 10 and min(apart) > SAME


def test_no_ink_no_print():
    assert take_print(Image.new("RGB", (30, 20), "white")) is None and list(find_near([None, None], [None])) == []


def test_many_prints_of_a_kind_are_compared_with_a_few_each(monkeypatch):
    compared = []
    monkeypatch.setattr(near_duplicates, "difference", lambda *pair: compared.append(pair) or 0)
    found = list(find_near([PRINTS[0]] * 200))
    assert len(found) == len(compared) < 200 * near_duplicates.LATEST and SAME < SIMILAR
