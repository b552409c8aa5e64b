"""Greys of more than 8 bits, whole numbers or floats, as a person would see them: as 8-bit greys."""

import numpy as np
from PIL import Image

# What white is where values take 1, 8, 10, 12, 14 or 16 bits; in floats it often is 1, too.
WHITE = (1, 255, 1023, 4095, 16383, 65535)
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a TIFF's tag


def is_deep(image):
    """True for a picture whose values 8 bits do not hold: modes I, F, I;16 and the like."""
    return image.mode[0] in "IF"


def is_inverted(image):
    """True for a deep TIFF whose 0 is white: Pillow turns 1 and 8 bits round, and no others."""
    return is_deep(image) and getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO


def to_8_bits(image, inverted=False):
    """8-bit grey ("L") from a deep picture; ``inverted``: its 0 is white.

    White is the first of ``WHITE`` that no value lies over: files do not say how many of their bits are used. Values
    below 0, or over 16 bits, have no white of their own: the smallest turns black, the largest white. What is no number
    is black; what a PNG names see-through turns white.
    """
    values = np.asarray(image, dtype=np.float32)
    numbers = values[np.isfinite(values)]
    low, high = (numbers.min(), numbers.max()) if numbers.size else (0, 0)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    white = next((white for white in WHITE if 0 <= low and high <= white), None)
    base, span = (low, high - low) if white is None else (0, white)
    greys = np.rint(np.clip((values - base) * np.float32(255 / span), 0, 255)).astype(np.uint8)
    greys = 255 - greys if inverted else greys
    if isinstance(clear := image.info.get("transparency"), int):
        greys[values == clear] = 255
    return Image.fromarray(greys)
