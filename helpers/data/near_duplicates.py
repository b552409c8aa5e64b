"""Pictures that show the same without being equal: saved again as JPEG, resized a little, with another margin.

A picture becomes a small grey print of its ink, laid out by the ink's own centre and spread, so that neither margin nor
size matters. Prints are compared only where a part of their codes is equal: 100,000 pictures take seconds, not days.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

PIXELS = 2048  # of a print, about
LONGEST = 1024  # pixels: of a larger picture a reduced one is looked at
PAPER = 0.15  # of the strongest ink: weaker is noise
SPREAD = 2  # standard deviations of the ink to each side that a print shows; evenly spread ink ends at 1.73
CELLS = 16  # a side of the code: a bit for each cell, set where there is more ink than in half of the cells
BANDS = 8  # parts of a code, one of which has to be equal
BITS = 24  # of a code's 256 that may differ
LATEST = 8  # prints with an equal part of their codes that are compared
SIMILAR, SAME = 80, 3  # differences of ink, 0..255: saved again or resized; a margin and little else


@dataclass(frozen=True)
class Print:
    """The ink of a picture, ``rows`` rows of bytes, 0..255; and its code of 256 bits."""

    ink: bytes
    rows: int
    code: int

    @property
    def keys(self):
        """A number for each band of the code, from bits all over the picture, and for the print's shape."""
        raw, bands = self.code.to_bytes(CELLS * CELLS // 8, "big"), range(BANDS)
        return [int.from_bytes((band, self.rows, *raw[band::BANDS])) for band in bands]


def take_print(picture):
    """The ``Print`` of a picture, or None where there is no ink, which is what differs from most of it."""
    grey = picture.convert("L")
    grey = grey.reduce(max(1, max(grey.size) // LONGEST))
    paper = np.searchsorted(np.cumsum(grey.histogram()), grey.width * grey.height / 2)  # the median
    ink = np.abs(np.asarray(grey, np.float32) - np.float32(paper))
    if not (most := ink.max()):
        return None
    ink = np.clip(ink / most - PAPER, 0, None) / (1 - PAPER)
    (x, wide), (y, high) = _centre_and_spread(ink.sum(0)), _centre_and_spread(ink.sum(1))
    rows = _rows(wide / high)
    box = np.array([x - SPREAD * wide, y - SPREAD * high, x + SPREAD * wide, y + SPREAD * high])
    margin = int(max(0, *-box[:2], *(box[2:] - grey.size))) + 1
    page = Image.fromarray(np.pad((ink * 255).astype(np.uint8), margin))
    shown = page.resize((PIXELS // rows, rows), Image.Resampling.BILINEAR, box=tuple(box + margin))
    cells = np.asarray(shown.resize((CELLS, CELLS), Image.Resampling.BOX))
    code = int.from_bytes(np.packbits(cells > np.sort(cells, axis=None)[cells.size // 2]).tobytes())
    return Print(shown.tobytes(), rows, code)


def _centre_and_spread(mass):
    """(mean, standard deviation of at least a pixel) of ink along an axis."""
    places = np.arange(len(mass)) + 0.5
    share = mass / mass.sum(dtype=np.float64)
    centre = share @ places
    return centre, max(1.0, (share @ (places - centre) ** 2) ** 0.5)


def _rows(ratio):
    """Rows of a print for ink of that width to height, in steps of a square root of 2: near duplicates share them."""
    rows = 2 ** (round(2 * np.log2((PIXELS / ratio) ** 0.5)) / 2)
    return int(min(max(round(rows), CELLS), PIXELS // CELLS))


def difference(one, other):
    """The largest difference of two prints' ink in a square of 3 x 3 pixels, 0..255; 255 for other shapes."""
    if one.rows != other.rows:
        return 255
    ours, theirs = (np.frombuffer(each.ink, np.uint8).astype(np.float32) for each in (one, other))
    theirs *= ours.mean() / max(theirs.mean(), 1)
    apart = np.abs(ours - theirs).clip(0, 255).astype(np.uint8).reshape(one.rows, -1)
    return Image.fromarray(apart).filter(ImageFilter.BoxBlur(1)).getextrema()[1]


def find_near(prints, against=None):
    """(number, number of an earlier print or of one of ``against``, ``difference``) for prints that are ``SIMILAR``.

    Args:
        prints, against: lists of ``Print`` or None.
    """
    latest = {}
    for number, one in enumerate(against or []):
        _enter(latest, number, one)
    earlier = prints if against is None else against
    for number, one in enumerate(prints):
        keys = one.keys if one else []
        for found in sorted({found for key in keys for found in latest.get(key, ())}):
            near = (one.code ^ earlier[found].code).bit_count() <= BITS
            if near and (apart := difference(one, earlier[found])) <= SIMILAR:
                yield number, found, apart
        if against is None:
            _enter(latest, number, one)


def _enter(latest, number, one):
    for key in one.keys if one else []:
        latest[key] = (*latest.get(key, ()), number)[-LATEST:]
