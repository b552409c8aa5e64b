"""Intervals for any measure: resample the samples, measure each resample; before and after on the same resamples."""

from dataclasses import dataclass, field

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
        lines = [f"{self.task}, n = {self.n}, 95 % intervals"]
        width = max(12, *map(len, self.before))
        lines += [f"  {name:<{width}} {self.before[name]}  ->  {self.after[name]}" for name in self.before]
        lines += [f"  {name}: {switches} (McNemar)" for name, switches in self.switches.items()]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)


def score(values: dict, seed: int = 0, from_sums: dict | None = None) -> dict[str, Interval]:
    """The intervals of one side.

    Args:
        values: for each measure a float array with one row a sample: (n,), whose mean is the measure, or (n, k).
        from_sums: for each measure with (n, k): sums over samples (resamples, k) -> the measure (resamples,).

    The intervals are percentile bootstrap intervals (Efron 1979) over samples: 1000 resamples drawn with ``seed``.
    They tell how much a value depends on which samples were drawn. Where all samples score alike (say, every one
    right) they shrink to a point, which is no promise for samples not seen.
    """
    return {name: _interval(found) for name, found in _resampled(values, seed, from_sums or {}).items()}


def compare(task: str, before: dict, after: dict, seed: int = 0, from_sums: dict | None = None) -> Comparison:
    """Both sides and their difference, each on the same resamples; ``before`` and ``after`` are as in ``score``."""
    old, new = (_resampled(values, seed, from_sums or {}) for values in (before, after))
    return Comparison(
        task,
        n=_count(before),
        before={name: _interval(found) for name, found in old.items()},
        after={name: _interval(found) for name, found in new.items()},
        change={name: _interval(new[name] - found) for name, found in old.items()},
    )


def mcnemar(before, after) -> Switches:
    """McNemar's exact test on two sequences of right (true) or wrong, one entry a sample, in the same order.

    Raises ValueError when the lengths differ.
    """
    from scipy.stats import binomtest

    pairs = [(bool(old), bool(new)) for old, new in zip(before, after, strict=True)]
    gained, lost = pairs.count((False, True)), pairs.count((True, False))
    p = float(binomtest(min(gained, lost), gained + lost).pvalue) if gained + lost else 1.0
    return Switches(gained, lost, p)


def check_pairs(predictions: list[str], truths: list[str]) -> None:
    """Raise ValueError when the lengths differ or there are no samples."""
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions for {len(truths)} truths: give one prediction a truth")
    if not truths:
        raise ValueError("nothing to score: the list of truths is empty")


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


def _interval(values) -> Interval:
    import numpy as np

    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Interval(float(values[0]), float(low), float(high))
