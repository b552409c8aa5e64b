"""Any texts: scores stay within their bounds, a right answer is perfect, and no table breaks a score."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from properties import examples

from helpers.evaluation import bootstrap, error_analysis, tables, text

ANSWERS = st.text(max_size=20) | st.lists(st.sampled_from(r"\frac { } a b x ^ _ 1 + \alpha".split())).map(" ".join)
PAIRS = st.lists(st.tuples(ANSWERS, ANSWERS.filter(str.strip)), min_size=1, max_size=4)
TAGS = st.lists(st.sampled_from("<table> <tr> <td> </td> <td colspan= 9 > </tr> & <!-- x".split())).map("".join)
CELLS = st.lists(st.lists(st.text("ab<>&1 \n", max_size=4), min_size=1, max_size=3), min_size=1, max_size=3)


@examples(40)
@given(PAIRS)
@example([("\x1c\x85", "a"), ("\ud800", "\ud800")])
def test_scores_stay_within_their_bounds(pairs):
    predictions, truths = zip(*pairs, strict=True)
    found = text.score(list(predictions), list(truths), formulas=True)
    for name, interval in found.items():
        assert 0 <= interval.low <= interval.high and (name == "cer" or interval.high <= 1), name
        assert interval.low - 1e-9 <= interval.value <= interval.high + 1e-9 or len(pairs) < 4, name
    for row in text.rows(list(predictions), list(truths)):
        assert row["cer"] >= 0 and (not row["exact"] or row["cer"] == 0)
        assert not row["normalised"] or row["rendered"] in (True, None)


@examples(40)
@given(st.lists(ANSWERS.filter(str.strip), min_size=1, max_size=4))
def test_a_right_answer_is_perfect(truths):
    found = text.score(truths, [f" {truth}\n" for truth in truths], formulas=True)
    perfect = {"cer": 0, "ned": 0}
    assert {name: interval.value for name, interval in found.items()} == {name: perfect.get(name, 1) for name in found}


@examples(40)
@given(st.lists(st.tuples(ANSWERS.filter(str.strip), ANSWERS.filter(str.strip)), min_size=1, max_size=3))
def test_the_edit_distance_of_both_ways_is_one(pairs):
    one, other = map(list, zip(*pairs, strict=True))
    assert text.score(one, other)["ned"].value == pytest.approx(text.score(other, one)["ned"].value)


def table_of(rows):
    from html import escape

    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


@examples(40)
@given(CELLS, CELLS)
def test_tables_are_as_like_one_way_as_the_other(one, other):
    one, other = table_of(one), table_of(other)
    assert tables.teds(one, one) == tables.teds(other, other) == 1
    assert 0 <= tables.teds(one, other) <= tables.teds(one, other, structure_only=True) <= 1
    assert tables.teds(one, other) == pytest.approx(tables.teds(other, one))


@examples(150)
@given(st.text() | TAGS)
@example("\0")
@example("<table>\ud800</table>")
@example("<?xml version='1.0' encoding='utf-16'?><table>")
def test_no_answer_breaks_the_score_of_tables(answer):
    assert 0 <= tables.teds(answer, "<table><tr><td>a</td></tr></table>") <= 1


@examples(40)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=9))
def test_confidences_stay_within_their_groups(pairs):
    confidences, right = zip(*pairs, strict=True)
    groups = error_analysis.reliability(list(confidences), list(right))
    assert sum(row["n"] for row in groups) == len(pairs)
    assert all(row["low"] - 1e-12 <= row["confidence"] <= row["high"] + 1e-12 for row in groups)
    assert 0 <= error_analysis.calibration_error(list(confidences), list(right)) <= 1
    assert sum(row["n"] for row in error_analysis.accuracy_by(list(confidences), list(right))) == len(pairs)


@examples(40)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_mcnemar_counts_the_switches(pairs):
    before, after = [old for old, _ in pairs], [new for _, new in pairs]
    there, back = bootstrap.mcnemar(before, after), bootstrap.mcnemar(after, before)
    assert (there.became_right, there.became_wrong, there.p) == (back.became_wrong, back.became_right, back.p)
    assert 0 < there.p <= 1 and there.became_right - there.became_wrong == sum(after) - sum(before)
