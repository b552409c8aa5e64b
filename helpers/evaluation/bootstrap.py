"""Intervals for any measure: resample the samples, measure each resample; before and after on the same resamples.

Shares, such as exact match, get Wilson's interval instead: a bootstrap of samples that all score alike has no width.
"""

from dataclasses import dataclass, field

from helpers.language import label, message

RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """A measured value and the ends of its 95 % interval, all in the same unit."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Switches:
    """How many samples became right and how many became wrong, and McNemar's exact two-sided p-value for that.

    Where training changes nothing, either way is as likely: ``p`` is the chance of a split at least as uneven. The
    samples that stayed right or wrong say nothing about the change and do not enter (McNemar 1947; exact form: the
    sign test of the switches).
    """

    became_right: int
    became_wrong: int
    p: float

    def __str__(self) -> str:
        p = f"p = {self.p:.3f}" if self.p >= 0.001 else "p < 0.001"
        return f"+{self.became_right} -{self.became_wrong}, {p}"


@dataclass(frozen=True, repr=False)
class Comparison:
    """The scores of one model before and after training on the same ``n`` held-out samples.

    ``change`` is after minus before; its interval resamples both sides together (paired), so an interval that
    leaves out zero means a change that these samples can show, even where the two single intervals overlap.
    ``switches`` holds McNemar's test for measures that are right or wrong for each sample, ``notes`` what a reader of
    the table must know.
    """

    task: str
    n: int
    before: dict[str, Interval]
    after: dict[str, Interval]
    change: dict[str, Interval] = field(default_factory=dict)
    switches: dict[str, Switches] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def rows(self) -> list[dict]:
        """One plain row a measure: task, metric, before, after (fractions), n."""
        return [
            {
                "task": self.task,
                "metric": name,
                "before": self.before[name].value,
                "after": self.after[name].value,
                "n": self.n,
            }
            for name in self.before
        ]

    def __repr__(self) -> str:
        lines = [message("results.head", task=label(self.task), n=self.n)]
        width = max(12, *map(len, self.before))
        lines += [f"  {name:<{width}} {self.before[name]}  ->  {self.after[name]}" for name in self.before]
        lines += [f"  {name}: {switches} (McNemar)" for name, switches in self.switches.items()]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)


def score(values: dict, seed: int = 0, from_sums: dict | None = None) -> dict[str, Interval]:
    """The intervals of one side.

    Args:
        values: for each measure an array with one row a sample: bool (n,), right or wrong, whose share of right ones is
            the measure; float (n,), whose mean is the measure; or float (n, k).
        from_sums: for each measure with (n, k): sums over samples (resamples, k) -> the measure (resamples,).

    Shares have Wilson's interval (see ``wilson``), all others percentile bootstrap intervals (Efron 1979) over samples:
    1000 resamples drawn with ``seed``. Where all samples score alike (say, no character is wrong in any) those shrink
    to a point, which is no promise for samples not seen.
    """
    return _intervals(values, _resampled(values, seed, from_sums or {}))


def compare(task: str, before: dict, after: dict, seed: int = 0, from_sums: dict | None = None) -> Comparison:
    """Both sides and their difference; ``before`` and ``after`` are as in ``score``.

    The interval of the difference is a bootstrap interval for all measures, shares too: both sides on the same
    resamples.
    """
    old, new = (_resampled(values, seed, from_sums or {}) for values in (before, after))
    return Comparison(
        task,
        n=_count(before),
        before=_intervals(before, old),
        after=_intervals(after, new),
        change={name: _interval(new[name] - found) for name, found in old.items()},
    )


def wilson(right: int, n: int) -> Interval:
    """The share ``right`` / ``n`` with Wilson's 95 % interval (Wilson 1927): 0 of 32 is 0.000 [0.000, 0.107]."""
    from scipy.stats import binomtest

    found = binomtest(right, n).proportion_ci(method="wilson")
    return Interval(right / n, float(found.low), float(found.high))


def mcnemar(before, after) -> Switches:
    """McNemar's exact test on two sequences of right (true) or wrong, one entry a sample, in the same order.

    Raises ValueError when the lengths differ.
    """
    from scipy.stats import binomtest

    check_lengths(before, after)
    pairs = [(bool(old), bool(new)) for old, new in zip(before, after, strict=True)]
    gained, lost = pairs.count((False, True)), pairs.count((True, False))
    p = float(binomtest(min(gained, lost), gained + lost).pvalue) if gained + lost else 1.0
    return Switches(gained, lost, p)


def check_lengths(first, second) -> None:
    """Raise ValueError when two lists that belong together differ in length."""
    if len(first) != len(second):
        raise ValueError(message("results.lengths", first=len(first), second=len(second)))


def _resampled(values, seed, from_sums):
    """Each measure, (1 + RESAMPLES,): first of the samples as they are, then of the resamples."""
    import numpy as np

    n = _count(values)
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.vstack([np.ones(n), draws])  # how often each sample was drawn, so that a sum is a matrix product
    sums = {name: weights @ found for name, found in values.items()}
    return {name: from_sums[name](found) if name in from_sums else found / n for name, found in sums.items()}


def _count(values):
    return len(next(iter(values.values())))


def _intervals(values, found) -> dict[str, Interval]:
    """The interval of each measure: Wilson's for a share, else from what ``_resampled`` found."""
    return {
        name: wilson(int(values[name].sum()), len(values[name])) if values[name].dtype == bool else _interval(measured)
        for name, measured in found.items()
    }


def _interval(values) -> Interval:
    import numpy as np

    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Interval(float(values[0]), float(low), float(high))
