"""helpers.data.lookalikes: a missing file whose name another file nearly has is told of it."""

import unicodedata

import pytest

from helpers.data.lookalikes import find_lookalike, first_difference


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        (unicodedata.normalize("NFD", "é.png"), "é.png"),
        ("é.png", unicodedata.normalize("NFD", "é.png")),
        ("a.PNG", "a.png"),
        ("ａ１.png", "a1.png"),
        ("а.png", "a.png"),  # Cyrillic
        ("a b.png", "a\xa0b.png"),
        ("a.png", "a\u200b.png"),
    ],
)
def test_file_of_the_same_look_is_found(tmp_path, there, asked):
    (tmp_path / there).touch()
    assert find_lookalike(tmp_path / asked) == tmp_path / there


def test_folders_may_look_alike_too(tmp_path):
    (tmp_path / "Images").mkdir()
    (tmp_path / "Images" / "A.png").touch()
    assert find_lookalike(tmp_path / "images" / "a.png") == tmp_path / "Images" / "A.png"
    assert find_lookalike(tmp_path / "Images" / "b.png") is None
    assert find_lookalike(tmp_path / "Images" / "A.png" / "b.png") is None


def test_file_that_comes_later_is_found(tmp_path):
    assert find_lookalike(tmp_path / "a.png") is None
    (tmp_path / "A.png").touch()
    assert find_lookalike(tmp_path / "a.png") == tmp_path / "A.png"


def test_first_difference_is_given_by_its_codes():
    assert first_difference("xа.png", "xa.png") == "U+0430 / U+0061"
    assert first_difference("x\u200b", "x") == "U+200B / -" and first_difference("x", "xy") == "- / U+0079"
