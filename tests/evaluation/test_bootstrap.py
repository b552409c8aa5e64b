import math

import numpy as np
import pytest

from helpers.evaluation import bootstrap


def mean_of(values):
    """A measure that is the mean of one number a sample."""
    return {"mean": np.array(values, float)}


def test_value_is_that_of_the_samples_as_they_are():
    assert bootstrap.score(mean_of([1, 2, 6]))["mean"].value == pytest.approx(3)


def test_every_resample_draws_as_many_samples():
    drawn = []
    bootstrap.score({"n": np.eye(7)}, from_sums={"n": lambda sums: drawn.append(sums) or sums.sum(1)})
    assert drawn[0].sum(1).tolist() == [7.0] * (1 + bootstrap.RESAMPLES) and drawn[0][0].tolist() == [1.0] * 7


def test_interval_is_that_of_the_normal_approximation():
    # 400 numbers of variance 1: the mean varies by 1 / 20, so 95 % lie within 1.96 / 20
    numbers = np.random.default_rng(0).permutation(np.repeat([-1.0, 1.0], 200))
    interval = bootstrap.score(mean_of(numbers))["mean"]
    assert (interval.low, interval.high) == (pytest.approx(-0.098, abs=0.012), pytest.approx(0.098, abs=0.012))


def test_both_sides_are_measured_on_the_same_resamples():
    drawn = []
    values, from_sums = {"first": np.eye(5)}, {"first": lambda sums: drawn.append(sums) or sums[:, 0]}
    comparison = bootstrap.compare("t", values, values, from_sums=from_sums)
    assert (drawn[0] == drawn[1]).all() and comparison.n == 5


def test_a_measure_may_be_made_from_sums():
    # 3 errors in 12 characters: 1 / 4, though the mean of the rates 0 and 3 / 4 is 3 / 8
    rows = np.array([[0.0, 8], [3, 4]])
    found = bootstrap.score({"rate": rows}, from_sums={"rate": lambda sums: sums[:, 0] / sums[:, 1]})["rate"]
    assert (found.value, found.low, found.high) == pytest.approx((3 / 12, 0, 3 / 4))


def test_change_is_after_minus_before():
    change = bootstrap.compare("t", mean_of([1, 2, 6]), mean_of([0, 1, 5])).change["mean"]
    assert (change.value, change.low, change.high) == pytest.approx((-1, -1, -1))


def test_seed_chooses_the_resamples():
    first, again, other = (bootstrap.score(mean_of(range(50)), seed)["mean"].low for seed in (1, 1, 2))
    assert first == again != other


# --- shares -----------------------------------------------------------------------------------


@pytest.mark.parametrize("right, low, high", [(0, 0.0, 0.1072), (32, 0.8928, 1.0), (16, 0.3361, 0.6639)])
def test_share_has_wilsons_interval(right, low, high):
    # by hand: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.96
    found = bootstrap.score({"share": np.arange(32) < right})["share"]
    assert (found.value, found.low, found.high) == pytest.approx((right / 32, low, high), abs=1e-3)


def test_comparison_of_shares_has_wilsons_intervals_and_a_bootstrapped_change():
    comparison = bootstrap.compare("t", {"share": np.zeros(32, bool)}, {"share": np.ones(32, bool)})
    before, after, change = (getattr(comparison, side)["share"] for side in ("before", "after", "change"))
    assert before.high == pytest.approx(0.107, abs=1e-3) and after.low == pytest.approx(0.893, abs=1e-3)
    assert (change.value, change.low, change.high) == (1, 1, 1)


def test_numbers_that_happen_to_be_0_or_1_are_no_shares():
    assert str(bootstrap.score(mean_of([0, 0, 0]))["mean"]) == "0.000 [0.000, 0.000]"


# --- McNemar's exact test ---------------------------------------------------------------------


def switched(gained, lost, kept=7):
    before = [False] * gained + [True] * lost + [True, False] * kept
    return before, [True] * gained + [False] * lost + [True, False] * kept


@pytest.mark.parametrize(
    "gained, lost, p",
    [
        (11, 1, 26 / 4096),  # 2 * (1 + 12) / 2 ** 12
        (1, 11, 26 / 4096),
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_by_hand(gained, lost, p):
    found = bootstrap.mcnemar(*switched(gained, lost))
    assert (found.became_right, found.became_wrong, found.p) == (gained, lost, pytest.approx(p))


def test_mcnemar_is_the_sum_of_binomial_tails():
    expected = 2 * sum(math.comb(40, k) for k in range(13)) / 2**40
    assert bootstrap.mcnemar(*switched(28, 12)).p == pytest.approx(expected)


def test_samples_that_did_not_switch_say_nothing():
    assert bootstrap.mcnemar(*switched(8, 2, kept=0)) == bootstrap.mcnemar(*switched(8, 2, kept=500))


def test_mcnemar_refuses_lists_that_differ():
    with pytest.raises(ValueError):
        bootstrap.mcnemar([1], [1, 0])


def test_small_p_is_not_printed_as_zero():
    assert str(bootstrap.mcnemar(*switched(30, 0))) == "+30 -0, p < 0.001"
    assert str(bootstrap.mcnemar(*switched(11, 1))) == "+11 -1, p = 0.006"
