"""How well predictions match the truth: four measures, each with a 95 % bootstrap interval, and before/after together.

Texts are compared after every run of white space has become one space. All values are fractions, not per cent.
"""

from dataclasses import dataclass, field

RESAMPLES = 1000
LOWER_IS_BETTER = {"cer": True, "ned": True, "bleu": False, "exact_match": False}
"""The measures in the order in which they are shown."""


@dataclass(frozen=True)
class Interval:
    """A measured value and the ends of its 95 % interval, all in the same unit."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, repr=False)
class Comparison:
    """The scores of one model before and after training on the same ``n`` held-out samples.

    ``change`` is after minus before; its interval resamples both sides together (paired), so an interval that
    leaves out zero means a change that these samples can show, even where the two single intervals overlap.
    """

    task: str
    n: int
    before: dict[str, Interval]
    after: dict[str, Interval]
    change: dict[str, Interval] = field(default_factory=dict)

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
        lines += [f"  {name:<12} {self.before[name]}  ->  {self.after[name]}" for name in self.before]
        return "\n".join(lines)


def normalise(text: str) -> str:
    """``text`` with every run of white space (line breaks too) as one space, and none at the ends."""
    return " ".join(text.split())


def score(predictions: list[str], truths: list[str], seed: int = 0) -> dict[str, Interval]:
    """Measure ``predictions`` against ``truths`` (the same length and order).

    - ``cer``: edit distance summed over all samples / characters in all truths (spaces count). Added text is an
      error too, so a model that runs on can exceed 1; the value is not clipped.
    - ``ned``: mean over samples of edit distance / length of the longer text; between 0 and 1.
    - ``bleu``: corpus BLEU-4 over space-separated tokens (Papineni et al. 2002, computed by sacrebleu), between 0
      and 1. Where no sample has as many as four tokens, the longest order there is counts.
    - ``exact_match``: the fraction of samples without any difference.

    The intervals are percentile bootstrap intervals (Efron 1979) over samples: 1000 resamples drawn with ``seed``.
    They tell how much the value depends on which samples were drawn. Where all samples score alike (say, every one
    right) they shrink to a point, which is no promise for samples not seen.
    Raises ValueError when the lengths differ, there are no samples, or a truth is empty (the row is named).
    An empty prediction is allowed and counts as all wrong.
    """
    _check(predictions, truths)
    values = _resampled(_counts(predictions, truths), seed)
    return {name: _interval(values[name]) for name in LOWER_IS_BETTER}


def compare(task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0) -> Comparison:
    """Score the predictions made ``before`` and ``after`` training on the same samples; see ``score`` for errors."""
    _check(before, truths)
    _check(after, truths)
    old = _resampled(_counts(before, truths), seed)
    new = _resampled(_counts(after, truths), seed)  # the same seed: the same resamples, so differences are paired
    return Comparison(
        task,
        len(truths),
        before={name: _interval(old[name]) for name in LOWER_IS_BETTER},
        after={name: _interval(new[name]) for name in LOWER_IS_BETTER},
        change={name: _interval(new[name] - old[name]) for name in LOWER_IS_BETTER},
    )


def _check(predictions, truths) -> None:
    if len(predictions) != len(truths):
        raise ValueError(f"{len(predictions)} predictions for {len(truths)} truths: give one prediction a truth")
    if not truths:
        raise ValueError("nothing to score: the list of truths is empty")
    empty = [row for row, truth in enumerate(truths) if not normalise(truth)]
    if empty:
        raise ValueError(f"empty truth in row {', '.join(map(str, empty))} (counted from 0): remove or fill it")


def _counts(predictions, truths):
    """Per sample, as float arrays: cer (n, 2) distance and truth length; ned (n,); exact_match (n,); bleu (n, 10)."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from sacrebleu.metrics import BLEU

    pairs = [(normalise(prediction), normalise(truth)) for prediction, truth in zip(predictions, truths, strict=True)]
    bleu = BLEU(tokenize="none", effective_order=True)
    parts = [bleu.corpus_score([prediction], [[truth]]) for prediction, truth in pairs]
    return {
        "cer": np.array([[Levenshtein.distance(*pair), len(pair[1])] for pair in pairs], float),
        "ned": np.array([Levenshtein.normalized_distance(*pair) for pair in pairs], float),
        "bleu": np.array([[*part.counts, *part.totals, part.sys_len, part.ref_len] for part in parts], float),
        "exact_match": np.array([prediction == truth for prediction, truth in pairs], float),
    }


def _resampled(counts, seed):
    """Each measure as an array (1 + RESAMPLES,): first its value on the samples as they are, then on each resample.

    A resample is a row of weights: how often each sample was drawn. So every measure is one matrix product.
    """
    import numpy as np

    n = len(counts["ned"])
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.vstack([np.ones(n), draws])
    edits = weights @ counts["cer"]
    return {
        "cer": edits[:, 0] / edits[:, 1],
        "ned": weights @ counts["ned"] / n,
        "bleu": np.array([_bleu(row) for row in np.rint(weights @ counts["bleu"]).astype(int).tolist()]),
        "exact_match": weights @ counts["exact_match"] / n,
    }


def _bleu(sums: list[int]) -> float:
    from sacrebleu.metrics import BLEU

    result = BLEU.compute_bleu(sums[:4], sums[4:8], sums[8], sums[9], smooth_method="exp", effective_order=True)
    return min(result.score / 100, 1.0)  # a perfect score comes out as 1.0000000000000004


def _interval(values) -> Interval:
    import numpy as np

    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Interval(float(values[0]), float(low), float(high))
