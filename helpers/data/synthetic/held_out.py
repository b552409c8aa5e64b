"""What drawn formulas and drawn molecules share: which of them are reserved for tests."""

import zlib

PARTS = ("train", "test")


def reserved(text):
    """True for the one text in ten that only test sets may hold, so that no model of this project trained on it."""
    return zlib.crc32(text.encode("utf-8")) % 10 == 0


def check_choice(name, value, allowed):
    """Raise ValueError, naming the choices, if ``value`` is none of them."""
    if value not in allowed:
        raise ValueError(f"unknown {name} {value!r}; choose one of {', '.join(allowed)}")


def belongs(text, part):
    """True if ``text`` may be drawn for ``part``: "test" for the reserved ones, "train" for all others."""
    check_choice("part", part, PARTS)
    return reserved(text) == (part == "test")
