"""helpers.evaluation.pairs: a server's empty reply counts as an empty answer in every measure, all else is refused."""

import pytest

from helpers import evaluation
from helpers.evaluation.pairs import text_pairs

NAN = float("nan")
TABLE = "<table><tr><td>a</td></tr></table>"
MEASURES = [  # each with a truth that it takes
    (evaluation.score, "x"),
    (evaluation.rows, "x"),
    (evaluation.score_molecules, "CCO"),
    (evaluation.score_tables, TABLE),
    (evaluation.confusions, "x"),
]
COMPARISONS = [(evaluation.compare, "x"), (evaluation.compare_molecules, "CCO"), (evaluation.compare_tables, TABLE)]


def test_texts_come_back_as_they_are(capsys):
    assert text_pairs(("a", ""), ["b", "c"]) == (["a", ""], ["b", "c"])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("nothing", [None, NAN])
def test_a_missing_answer_is_an_empty_one_and_is_said(nothing, capsys):
    assert text_pairs(["a", nothing], ["a", "b"]) == (["a", ""], ["a", "b"])
    assert capsys.readouterr().out.startswith("1 of 2 answers are missing (rows 1, counted from 0): ")


def test_the_first_rows_are_named_where_many_are_missing(capsys):
    text_pairs([None] * 20, ["a"] * 20)
    assert "20 of 20 answers are missing (rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 ..., " in capsys.readouterr().out


@pytest.mark.parametrize("value", [["a"], b"a", 1, 1.5, True, {"content": "a"}], ids=str)
def test_what_is_no_text_is_refused_by_its_row(value):
    for measure, truth in MEASURES:
        with pytest.raises(ValueError, match=f"no text in prediction 1: {type(value).__name__} .*message.content"):
            measure([truth, value], [truth, truth])
        with pytest.raises(ValueError, match=f"no text in truth 1: {type(value).__name__} "):
            measure([truth, truth], [truth, value])


def test_many_that_are_no_text_make_one_line():
    with pytest.raises(ValueError, match=r"prediction 9: int \.\.\. \(30\) ") as caught:
        text_pairs([1] * 30, ["a"] * 30)
    assert "\n" not in str(caught.value)


def test_every_measure_takes_a_missing_answer_as_an_empty_one():
    for measure, truth in MEASURES:
        assert measure([truth, None], [truth, truth]) == measure([truth, ""], [truth, truth])
    for compare, truth in COMPARISONS:
        found, wanted = (compare("t", [answer], [truth], [truth]) for answer in (None, ""))
        assert found.before == wanted.before and found.change == wanted.change


@pytest.mark.parametrize("nothing", [None, NAN])
def test_a_missing_truth_is_an_empty_one(nothing):
    with pytest.raises(ValueError, match="empty truth in row 1 "):
        evaluation.score(["a", "b"], ["a", nothing])
    with pytest.raises(ValueError, match="no HTML table in truth of row 0 "):
        evaluation.score_tables([TABLE], [nothing])


def test_lengths_and_empty_lists():
    with pytest.raises(ValueError, match="1 predictions for 2 truths"):
        text_pairs(["a"], ["a", "b"])
    with pytest.raises(ValueError, match="empty"):
        text_pairs([], [])
