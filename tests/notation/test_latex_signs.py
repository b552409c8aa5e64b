"""helpers.notation.latex_signs: the tables agree with one another."""

import pytest

from helpers.notation import latex_signs


def test_every_pair_of_kinds_has_its_space():
    kinds = set(latex_signs.CLASSES.values()) | {"ord"}
    assert {(left, right) for left in kinds for right in kinds} <= set(latex_signs.SPACING)


@pytest.mark.parametrize(
    "token, kind", [("=", "rel"), (r"\times", "bin"), (",", "punct"), (";", "punct"), (r"\{", "open"), ("]", "close")]
)
def test_signs_have_their_kinds(token, kind):
    assert latex_signs.CLASSES[token] == kind


def test_letters_and_braces_have_none():
    assert not {"x", "{", "}", "\\alpha"} & set(latex_signs.CLASSES)


def test_no_command_is_in_two_tables():
    tables = (
        "OLD_FONTS",
        "FONTS",
        "TEXTS",
        "ACCENTS",
        "LINES",
        "STACKS",
        "CLASS_COMMANDS",
        "PHANTOMS",
        "FRACTIONS",
        "BIG",
    )
    names = [
        name
        for table in (*tables, "STYLES", "SPACES", "LAPS", "SIMPLE", "NOTHING")
        for name in getattr(latex_signs, table)
    ]
    assert len(names) == len(set(names))
