"""helpers.data.synthetic.held_out: which texts only tests may hold, for all time."""

import pytest

from helpers.data.synthetic.held_out import belongs, check_choice, reserved


def test_reserved_texts_stay_the_same():
    """The shipped models were trained on all others: another choice would put test texts into their training data."""
    assert [text for text in map(str, range(60)) if reserved(text)] == ["6", "29", "37", "40", "48"]


def test_a_text_belongs_to_one_part():
    texts = [f"x _ {{ {number} }}" for number in range(500)]
    assert all(belongs(text, "test") != belongs(text, "train") for text in texts)
    assert 30 < sum(belongs(text, "test") for text in texts) < 70


def test_unknown_part_or_choice_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown part 'dev'; choose one of train, test"):
        belongs("x", "dev")
    with pytest.raises(ValueError, match="unknown colour 'red'; choose one of blue, green"):
        check_choice("colour", "red", ("blue", "green"))
    check_choice("colour", "blue", ("blue", "green"))
