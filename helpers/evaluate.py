"""How well predicted texts match the truth: four measures, each with a 95 % bootstrap interval, before and after.

Formulas have two more, and each sample its own row. Texts are compared after every run of white space has become one
space. All values are fractions, not per cent.
"""

from dataclasses import replace
from functools import partial

from helpers import bootstrap
from helpers.bootstrap import Comparison, Interval

EXACT = ("exact_match", "exact_match_normalised", "rendered_match")  # right or wrong for each sample


def normalise(text: str) -> str:
    """``text`` with every run of white space (line breaks too) as one space, and none at the ends."""
    return " ".join(text.split())


def score(predictions: list[str], truths: list[str], seed: int = 0, formulas: bool = False) -> dict[str, Interval]:
    """Measure ``predictions`` against ``truths`` (the same length and order).

    - ``cer``: edit distance summed over all samples / characters in all truths (spaces count). Added text is an
      error too, so a model that runs on can exceed 1; the value is not clipped.
    - ``ned``: mean over samples of edit distance / length of the longer text; between 0 and 1.
    - ``bleu``: corpus BLEU-4 over space-separated tokens (Papineni et al. 2002, computed by sacrebleu), between 0
      and 1. Where no sample has as many as four tokens, the longest order there is counts.
    - ``exact_match``: the fraction of samples without any difference.

    With ``formulas=True`` also, for LaTeX, what another spelling of the right formula does not lower:

    - ``exact_match_normalised``: the fraction equal after ``helpers.latex.normalise``.
    - ``rendered_match``: the fraction that prints the same, see ``helpers.rendered``. Where the truth cannot be drawn,
      only an equal normal form counts, so this is a lower bound; ``compare`` notes how many there are.

    ``helpers.bootstrap.score`` says what the intervals mean.
    Raises ValueError when the lengths differ, there are no samples, or a truth is empty (the row is named).
    An empty prediction is allowed and counts as all wrong.
    """
    return bootstrap.score(_measures(predictions, truths, formulas), len(truths), seed)


def compare(
    task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0, formulas: bool = False
) -> Comparison:
    """Score the predictions made ``before`` and ``after`` training on the same samples; see ``score`` for errors.

    With ``formulas=True`` the two measures of ``score`` are added, McNemar's test for each kind of exact match
    (``Comparison.switches``), and a note on truths that could not be drawn.
    """
    sides = [_measures(texts, truths, formulas) for texts in (before, after)]
    comparison = bootstrap.compare(task, *sides, len(truths), seed)
    if not formulas:
        return comparison
    old, new = (side.args[0] for side in sides)
    switches = {name: bootstrap.mcnemar(old[name], new[name]) for name in EXACT}
    return replace(comparison, switches=switches, notes=_undrawable(truths))


def rows(predictions: list[str], truths: list[str], formulas: bool = True) -> list[dict]:
    """One row a sample, the worst first: index (from 0), truth, prediction, cer, exact, and for formulas normalised and
    rendered (None where it cannot be told, see ``rendered.same``).

    Sorted by character errors / characters of the truth, then by index. Raises ValueError as ``score``.
    """
    from helpers import latex, rendered

    _check(predictions, truths)
    found = []
    for index, pair in enumerate(zip(predictions, truths, strict=True)):
        prediction, truth = map(normalise, pair)
        distance, length = edits([prediction], [truth])[0]
        row = {"index": index, "truth": truth, "prediction": prediction, "cer": distance / length}
        row["exact"] = prediction == truth
        if formulas:
            row["normalised"] = latex.normalise(prediction) == latex.normalise(truth)
            row["rendered"] = rendered.same(prediction, truth)
        found.append(row)
    return sorted(found, key=lambda row: (-row["cer"], row["index"]))


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


def _check(predictions, truths):
    bootstrap.check_pairs(predictions, truths)
    empty = [row for row, truth in enumerate(truths) if not normalise(truth)]
    if empty:
        raise ValueError(f"empty truth in row {', '.join(map(str, empty))} (counted from 0): remove or fill it")


def _measures(predictions, truths, formulas):
    """The measures as a function of the weights of the samples."""
    _check(predictions, truths)
    counts = _counts(predictions, truths)
    return partial(_weighted, counts | _formula_counts(predictions, truths) if formulas else counts)


def _formula_counts(predictions, truths):
    """Per sample, as float arrays (n,): exact_match_normalised and rendered_match."""
    import numpy as np

    from helpers import latex, rendered

    equal = [latex.normalise(a) == latex.normalise(b) for a, b in zip(predictions, truths, strict=True)]
    right = rendered.match(predictions, truths).right
    return {"exact_match_normalised": np.array(equal, float), "rendered_match": np.array(right, float)}


def _undrawable(truths):
    """A note on the truths that mathtext cannot draw."""
    from helpers import latex, rendered

    rows = [str(row) for row, truth in enumerate(truths) if rendered.drawn(latex.normalise(truth)) is None]
    named = ", ".join(rows[:10]) + (" ..." if len(rows) > 10 else "")
    note = f"rendered_match: {len(rows)} of {len(truths)} truths cannot be drawn (rows {named}): compared as text"
    return (note,) if rows else ()


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
    } | {name: weights @ counts[name] / n for name in EXACT if name in counts}


def _bleu(sums: list[int]) -> float:
    from sacrebleu.metrics import BLEU

    result = BLEU.compute_bleu(sums[:4], sums[4:8], sums[8], sums[9], smooth_method="exp", effective_order=True)
    return min(result.score / 100, 1.0)  # a perfect score comes out as 1.0000000000000004
