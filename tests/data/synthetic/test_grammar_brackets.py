"""helpers.data.synthetic.grammar_brackets: a bracket that opens is closed, and holds more than one sign."""

import numpy as np

from helpers.data.synthetic.grammar import RULES, phrase

CLOSING = {"(": ")", "[": "]", "\\{": "\\}", "\\lbrack": "\\rbrack", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}


def test_groups_close_what_they_open():
    half_open = 0
    for option in RULES["group"].options:
        plain = [part for part in option.parts if isinstance(part, str)]
        opened = [part for part in plain if part in CLOSING]
        assert all(CLOSING[part] in plain for part in opened), plain
        half_open += any(part.startswith("\\left") for part in plain) and plain[0][5:] + plain[1][6:] in ("[)", "(]")
    assert half_open == 2


def test_sized_brackets_come_in_pairs():
    for name in ("group", "call"):
        for option in RULES[name].options:
            sizes = [part.rstrip("lr") for part in option.parts if str(part).lower().startswith("\\big")]
            assert len(sizes) in (0, 2) and len(set(sizes)) <= 1, sizes


def test_a_group_holds_more_than_one_sign():
    rng = np.random.default_rng(0)
    assert [
        text for text in (phrase(rng, "several", 9) for _ in range(300)) if not {"+", "-"} & set(text.split())
    ] == []
