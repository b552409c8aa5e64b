"""How well predicted texts match the truth: four measures, each with a 95 % bootstrap interval, before and after.

Texts are compared after every run of white space has become one space. All values are fractions, not per cent.
"""

from functools import partial

from helpers import bootstrap
from helpers.bootstrap import Comparison, Interval


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

    ``helpers.bootstrap.score`` says what the intervals mean.
    Raises ValueError when the lengths differ, there are no samples, or a truth is empty (the row is named).
    An empty prediction is allowed and counts as all wrong.
    """
    return bootstrap.score(_measures(predictions, truths), len(truths), seed)


def compare(task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0) -> Comparison:
    """Score the predictions made ``before`` and ``after`` training on the same samples; see ``score`` for errors."""
    return bootstrap.compare(task, _measures(before, truths), _measures(after, truths), len(truths), seed)


def edits(predictions: list[str], truths: list[str]):
    """Edit distance and length of the truth in characters, one row a sample: float array (n, 2)."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein

    pairs = zip(predictions, truths, strict=True)
    return np.array([[Levenshtein.distance(prediction, truth), len(truth)] for prediction, truth in pairs], float)


def error_rate(weights, edits):
    """The character error rate on each resample, (resamples,), from ``edits`` of the single samples."""
    distance, length = (weights @ edits).T
    return distance / length


def _measures(predictions, truths):
    """The four measures as a function of the weights of the samples."""
    bootstrap.check_pairs(predictions, truths)
    empty = [row for row, truth in enumerate(truths) if not normalise(truth)]
    if empty:
        raise ValueError(f"empty truth in row {', '.join(map(str, empty))} (counted from 0): remove or fill it")
    return partial(_weighted, _counts(predictions, truths))


def _counts(predictions, truths):
    """Per sample, as float arrays: cer (n, 2) distance and truth length; ned (n,); exact_match (n,); bleu (n, 10)."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from sacrebleu.metrics import BLEU

    predictions, truths = ([normalise(text) for text in texts] for texts in (predictions, truths))
    pairs = list(zip(predictions, truths, strict=True))
    bleu = BLEU(tokenize="none", effective_order=True)
    parts = [bleu.corpus_score([prediction], [[truth]]) for prediction, truth in pairs]
    return {
        "cer": edits(predictions, truths),
        "ned": np.array([Levenshtein.normalized_distance(*pair) for pair in pairs], float),
        "bleu": np.array([[*part.counts, *part.totals, part.sys_len, part.ref_len] for part in parts], float),
        "exact_match": np.array([prediction == truth for prediction, truth in pairs], float),
    }


def _weighted(counts, weights):
    """Each measure, (resamples,), on samples drawn as often as ``weights`` (resamples, n) says."""
    import numpy as np

    n = weights.shape[1]
    return {
        "cer": error_rate(weights, counts["cer"]),
        "ned": weights @ counts["ned"] / n,
        "bleu": np.array([_bleu(row) for row in np.rint(weights @ counts["bleu"]).astype(int).tolist()]),
        "exact_match": weights @ counts["exact_match"] / n,
    }


def _bleu(sums: list[int]) -> float:
    from sacrebleu.metrics import BLEU

    result = BLEU.compute_bleu(sums[:4], sums[4:8], sums[8], sums[9], smooth_method="exp", effective_order=True)
    return min(result.score / 100, 1.0)  # a perfect score comes out as 1.0000000000000004
