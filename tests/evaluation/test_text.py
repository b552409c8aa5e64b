import jiwer
import pytest
from sacrebleu.metrics import BLEU

from helpers.evaluation.bootstrap import Comparison, Interval
from helpers.evaluation.text import compare, rows, score

TRUTHS = [r"\frac { a } { b }", "x + y", "e ^ { x }", r"\sqrt { 2 } + 1", "a _ { 1 } = 0"]
WRONG = [r"\frac { a } { c }", "x - y", "e ^ { x }", "", "a _ { 1 } = 0 0 0 0 0 0 0"]


def test_cer_is_distance_over_truth_characters():
    # abcd -> abxd: 1 edit; ef -> efgh: 2 edits; 6 characters of truth
    assert score(["abxd", "efgh"], ["abcd", "ef"])["cer"].value == pytest.approx(3 / 6)


def test_cer_weighs_samples_by_length_and_ned_does_not():
    # 1 of 2 characters wrong, and 0 of 8
    result = score(["ax", "abcdefgh"], ["ab", "abcdefgh"])
    assert (result["cer"].value, result["ned"].value) == (pytest.approx(1 / 10), pytest.approx(1 / 4))


def test_cer_agrees_with_jiwer():
    assert score(WRONG, TRUTHS)["cer"].value == pytest.approx(jiwer.cer(TRUTHS, WRONG))


def test_cer_above_one_is_not_clipped():
    assert score(["a" * 30], ["aaa"])["cer"].value == pytest.approx(9.0)


def test_ned_divides_by_the_longer_text():
    assert score(["abcdef"], ["ab"])["ned"].value == pytest.approx(4 / 6)


def test_bleu_by_hand():
    # 5 tokens, one wrong at the end: precisions 4/5, 3/4, 2/3, 1/2, no brevity penalty
    expected = (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert score(["a b c d x"], ["a b c d e"])["bleu"].value == pytest.approx(expected)


def test_bleu_is_the_corpus_value_of_sacrebleu():
    expected = BLEU(tokenize="none").corpus_score(WRONG, [TRUTHS]).score / 100
    assert score(WRONG, TRUTHS)["bleu"].value == pytest.approx(expected)


def test_bleu_without_a_common_4_gram_is_smoothed_as_in_sacrebleu():
    expected = BLEU(tokenize="none").corpus_score(["a b x d e"], [["a b c d e"]]).score / 100
    assert 0 < score(["a b x d e"], ["a b c d e"])["bleu"].value == pytest.approx(expected)


def test_bleu_of_right_short_answers_is_one():
    assert score(["x + 1", "y"], ["x + 1", "y"])["bleu"] == Interval(1.0, 1.0, 1.0)


def test_exact_match_counts_whole_answers():
    assert score(WRONG, TRUTHS)["exact_match"].value == pytest.approx(1 / 5)


def test_white_space_does_not_count():
    result = score([" x  +\n1 "], ["x + 1"])
    assert (result["cer"].value, result["exact_match"].value) == (0.0, 1.0)


def test_a_missing_space_counts():
    assert score(["x+ 1"], ["x + 1"])["exact_match"].value == 0.0


def test_empty_prediction_is_all_wrong():
    result = {name: interval.value for name, interval in score([""], ["x + 1"]).items()}
    assert result == {"cer": 1.0, "ned": 1.0, "bleu": 0.0, "exact_match": 0.0}


def test_interval_of_a_fraction_is_that_of_the_binomial():
    # 50 right of 200: the normal approximation gives 0.25 +- 1.96 * sqrt(0.25 * 0.75 / 200) = +- 0.060
    exact = score(["a"] * 50 + ["b"] * 150, ["a"] * 200)["exact_match"]
    assert (exact.low, exact.high) == (pytest.approx(0.19, abs=0.01), pytest.approx(0.31, abs=0.01))


def test_interval_holds_the_value():
    for interval in score(WRONG * 20, TRUTHS * 20).values():
        assert interval.low < interval.value < interval.high


def test_same_seed_same_interval():
    assert score(WRONG, TRUTHS, seed=3) == score(WRONG, TRUTHS, seed=3)


def test_other_seed_other_interval():
    assert score(WRONG * 20, TRUTHS * 20, seed=3)["cer"].low != score(WRONG * 20, TRUTHS * 20, seed=4)["cer"].low


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="1 predictions for 2 truths"):
        score(["a"], ["a", "b"])


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="empty"):
        score([], [])


def test_empty_truths_are_named():
    with pytest.raises(ValueError, match="row 1, 3 "):
        score(["a"] * 4, ["a", " \n", "b", ""])


def test_compare_refuses_an_after_of_another_length():
    with pytest.raises(ValueError, match="1 predictions for 5 truths"):
        compare("t", WRONG, ["a"], TRUTHS)


def test_rows_are_plain_fractions():
    rows = compare("lesson", WRONG, TRUTHS, TRUTHS).rows()
    assert rows[3] == {"task": "lesson", "metric": "exact_match", "before": 0.2, "after": 1.0, "n": 5}
    assert [row["metric"] for row in rows] == ["cer", "ned", "bleu", "exact_match"]
    assert {type(row["before"]) for row in rows} == {float}


def test_change_is_paired():
    # every sample improves by the same amount, so the change is certain though each side alone is not
    before = ["aaaa", "bbbb", "abcd"] * 10
    change = compare("t", ["x" + text[1:] for text in before], before, before).change["cer"]
    assert change == Interval(-0.25, -0.25, -0.25)


def test_repr_shows_n_and_each_measure():
    text = repr(Comparison("lesson", 7, {"cer": Interval(0.5, 0.4, 0.6)}, {"cer": Interval(0.1, 0.05, 0.2)}))
    assert text == "lesson, n = 7, 95 % intervals\n  cer          0.500 [0.400, 0.600]  ->  0.100 [0.050, 0.200]"


# --- formulas ---------------------------------------------------------------------------------

UNKNOWN = r"\begin{picture} a \end{picture}"


def formula_values(predictions, truths):
    found = score(predictions, truths, formulas=True)
    return [found[name].value for name in ("exact_match", "exact_match_normalised", "rendered_match")]


def test_measures_of_formulas_are_added_on_request():
    assert [*score(WRONG, TRUTHS), "exact_match_normalised", "rendered_match"] == [*score(WRONG, TRUTHS, formulas=True)]


def test_each_kind_of_exact_match_forgives_more():
    # equal; other braces; other font command for a digit: printed alike; wrong
    predictions, truths = ["x ^ { 2 }", "x^2", r"\mathrm { 2 } x", "y"], ["x ^ { 2 }", "x ^ { 2 }", "2 x", "x"]
    assert formula_values(predictions, truths) == [1 / 4, 2 / 4, 3 / 4]


def test_a_truth_that_cannot_be_drawn_counts_where_the_texts_are_equal_and_is_noted():
    truths = [UNKNOWN, UNKNOWN, "x"]
    comparison = compare("t", [UNKNOWN, "a", "x"], [UNKNOWN, "b", "x"], truths, formulas=True)
    assert comparison.after["rendered_match"].value == 2 / 3
    note = "rendered_match: 2 of 3 truths cannot be drawn (rows 0, 1): compared as text"
    assert comparison.notes == (note,) and repr(comparison).endswith(note)


def test_an_unparsable_prediction_is_wrong():
    assert formula_values(["x ^ {"], ["x"]) == [0, 0, 0]


def test_compare_counts_switches_of_each_exact_match():
    before, after, truths = ["x^2", "b", "q"] * 3, ["x ^ { 2 }", "c", "q"] * 3, ["x ^ { 2 }", "b", "c"] * 3
    switches = compare("t", before, after, truths, formulas=True).switches
    found = {name: (one.became_right, one.became_wrong) for name, one in switches.items()}
    assert found == {"exact_match": (3, 3), "exact_match_normalised": (0, 3), "rendered_match": (0, 3)}
    assert switches["rendered_match"].p == pytest.approx(2 * 0.5**3)


def test_without_formulas_nothing_is_added():
    comparison = compare("t", WRONG, TRUTHS, TRUTHS)
    assert comparison.switches == {} and comparison.notes == ()


def test_rows_hold_the_worst_first():
    found = rows(["x", "", "x^2", "a", "b"], ["x", "y + z", "x ^ { 2 }", UNKNOWN, "a b"])
    assert [row["index"] for row in found] == [1, 3, 2, 4, 0]
    assert found[0] == {
        "index": 1, "truth": "y + z", "prediction": "", "cer": 1.0, "exact": False, "normalised": False,
        "rendered": False,
    }  # fmt: skip
    assert (found[2]["exact"], found[2]["normalised"], found[2]["rendered"]) == (False, True, True)
    assert found[1]["rendered"] is None and found[-1]["exact"] is True


def test_rows_sum_to_the_score():
    found = rows(WRONG, TRUTHS, formulas=False)
    distance = sum(row["cer"] * len(row["truth"]) for row in found)
    assert distance / sum(map(len, TRUTHS)) == pytest.approx(score(WRONG, TRUTHS)["cer"].value)
    assert set(found[0]) == {"index", "truth", "prediction", "cer", "exact"}


def test_rows_refuse_an_empty_truth():
    with pytest.raises(ValueError, match="empty truth in row 1 "):
        rows(["a", "b"], ["a", " "])


# --- a right formula in another coat -------------------------------------------------------------

COATS = [
    "```latex\n{}\n```", "${}$", "$$\n{}\n$$", r"\[{}\]", r"\({}\)", r"\begin{{equation}}{}\end{{equation}}",
    r"\begin{{align*}} {} \end{{align*}}", "<think></think>\n{}", "LaTeX: {}",
]  # fmt: skip


@pytest.mark.parametrize("coat", COATS)
def test_a_coat_hides_no_right_formula_and_makes_no_wrong_one_right(coat):
    right, wrong = (coat.format(text) for text in (TRUTHS[0], WRONG[0]))
    assert formula_values([right, wrong], [TRUTHS[0]] * 2) == [0, 0.5, 0.5]
    assert formula_values([TRUTHS[0], WRONG[0]], [right] * 2) == [0, 0.5, 0.5]
    (found,) = rows([right], TRUTHS[:1])
    assert (found["exact"], found["normalised"], found["rendered"]) == (False, True, True)
    assert found["prediction"].replace(" ", "") == "".join(right.split())


def test_the_measures_of_what_is_written_see_the_coat():
    written = score(["```latex\nx\n```"], ["x"], formulas=True)
    assert written["cer"].value == 13 and written["exact_match"].value == 0


def test_a_truth_in_a_coat_is_drawn():
    assert compare("t", ["y"], ["y"], [r"\begin{equation} x \end{equation}"], formulas=True).notes == ()
