"""helpers.evaluation.error_analysis: confusions, accuracy against a property, and calibration, by hand."""

import jiwer
import pytest

from helpers.evaluation.error_analysis import accuracy_by, calibration_error, confusions, reliability


def counts(predictions, truths):
    return {(row["truth"], row["prediction"]): row["count"] for row in confusions(predictions, truths)}


def test_a_token_read_as_another():
    assert counts(["a x c", "x"], ["a b c", "b"]) == {("b", "x"): 2}


def test_missing_and_added_tokens():
    assert counts(["a c", "a b c d"], ["a b c", "a b c"]) == {("b", ""): 1, ("", "d"): 1}


def test_alignment_is_not_by_place():
    assert counts(["z a b c d"], ["a b c d e"]) == {("", "z"): 1, ("e", ""): 1}


def test_rows_say_how_often_the_token_occurs_and_where_it_was_first_confused():
    rows = confusions(["a", "b x", "b b +"], ["a", "b c", "c b"])
    found = {(row["truth"], row["prediction"]): row for row in rows}
    assert (found["c", "x"]["of"], found["c", "x"]["example"]) == (2, 1)
    assert (found["", "+"]["of"], found["", "+"]["example"]) == (1, 2)


def test_the_most_frequent_confusion_comes_first():
    assert [row["count"] for row in confusions(["x", "x", "y"], ["a", "a", "b"])] == [2, 1]


def test_sum_of_confusions_is_the_word_errors_of_jiwer():
    truths, predictions = ["a b c d", "e f", "g"], ["a x d", "e f g h", "i"]
    found = jiwer.process_words(truths, predictions)
    assert sum(counts(predictions, truths).values()) == found.substitutions + found.deletions + found.insertions


def test_other_tokens_on_request():
    assert confusions(["CN"], ["CO"], tokens=list)[0]["prediction"] == "N"


def test_right_answers_have_no_confusions():
    assert confusions(["a b"], ["a  b"]) == []


# --- accuracy against a property --------------------------------------------------------------


def test_groups_are_of_like_size_in_the_order_of_values():
    rows = accuracy_by([4, 1, 3, 2], [False, True, False, True], bins=2)
    assert [(row["low"], row["high"], row["n"], row["accuracy"]) for row in rows] == [(1, 2, 2, 1.0), (3, 4, 2, 0.0)]


def test_equal_values_stay_together():
    rows = accuracy_by([1, 1, 1, 1, 2], [1, 1, 1, 0, 0], bins=5)
    assert [(row["low"], row["n"], row["accuracy"]) for row in rows] == [(1, 4, 0.75), (2, 1, 0.0)]


@pytest.mark.parametrize("n, bins", [(1, 6), (7, 3), (100, 6), (5, 9)])
def test_every_sample_is_in_one_group(n, bins):
    rows = accuracy_by(list(range(n)), [True] * n, bins)
    assert sum(row["n"] for row in rows) == n and len(rows) == min(n, bins)


def test_interval_is_that_of_wilson():
    # Wilson's interval for 8 of 10: 0.4902 to 0.9433 (Newcombe 1998's formula, method 3)
    (row,) = accuracy_by([1] * 10, [True] * 8 + [False] * 2)
    assert row["interval95"] == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))


@pytest.mark.parametrize("right, n", [(0, 1), (1, 1), (3, 7), (0, 5), (19, 20), (321, 1000)])
def test_interval_solves_the_equation_of_wilson(right, n):
    # Wilson's ends are the chances p from which right / n is 1.96 of their standard errors away; 0 and 1 are ends too
    (row,) = accuracy_by([1] * n, [True] * right + [False] * (n - right))
    for p in set(row["interval95"]) - {0.0, 1.0}:
        assert (right / n - p) ** 2 == pytest.approx(1.959963985**2 * p * (1 - p) / n, rel=1e-8)


def test_interval_stays_inside_zero_and_one():
    (row,) = accuracy_by([1] * 5, [True] * 5)
    assert row["interval95"][1] == 1 and 0.5 < row["interval95"][0] < 0.6


# --- calibration ------------------------------------------------------------------------------


def test_reliability_by_hand():
    rows = reliability([0.95, 0.85, 0.81, 0.1], [1, 1, 0, 0], bins=10)
    found = [(row["low"], row["n"], row["confidence"], row["accuracy"]) for row in rows]
    assert found == [(0.0, 1, 0.1, 0.0), (0.8, 2, pytest.approx(0.83), 0.5), (0.9, 1, 0.95, 1.0)]


def test_calibration_error_by_hand():
    # 1/4 * 0.1 + 2/4 * |0.5 - 0.83| + 1/4 * 0.05
    assert calibration_error([0.95, 0.85, 0.81, 0.1], [1, 1, 0, 0]) == pytest.approx(0.025 + 0.165 + 0.0125)


def test_a_model_that_knows_has_no_calibration_error():
    assert calibration_error([0.75] * 4 + [1.0] * 3, [1, 1, 1, 0] + [1] * 3) == 0


def test_a_model_sure_of_wrong_answers_has_calibration_error_one():
    assert calibration_error([1.0] * 5, [False] * 5) == 1


def test_the_upper_end_belongs_to_a_bin_and_zero_to_the_first():
    rows = reliability([0.0, 0.5, 0.500001, 1.0], [0, 0, 1, 1], bins=2)
    assert [(row["low"], row["n"]) for row in rows] == [(0.0, 2), (0.5, 2)]


@pytest.mark.parametrize("confidences", [[], [1.2], [-0.1], [float("nan")]])
def test_what_is_no_probability_is_refused(confidences):
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability(confidences, [True] * len(confidences))


def test_lists_that_differ_are_refused():
    for use in (reliability, accuracy_by):
        with pytest.raises(ValueError):
            use([0.5], [True, False])
    with pytest.raises(ValueError):
        confusions(["a"], [])
