"""How well predicted texts match the truth: four measures, each with a 95 % interval, before and after.

Formulas have two more, and each sample its own row. Texts are compared after every run of white space has become one
space. All values are fractions, not per cent.
"""

from dataclasses import replace

from helpers.evaluation import bootstrap, rendered
from helpers.evaluation.bootstrap import Comparison, Interval
from helpers.evaluation.pairs import text_pairs
from helpers.language import message
from helpers.notation.latex import normalise_latex
from helpers.notation.latex_answer import extract_latex

EXACT = ("exact_match", "exact_match_normalised", "rendered_match")  # right or wrong for each sample


def collapse_spaces(text: str) -> str:
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

    With ``formulas=True`` also, for LaTeX, what another spelling of the right formula does not lower, nor what
    ``helpers.notation.latex_answer.extract_latex`` takes off around it: a fence, delimiters, an environment, a thought.
    The four measures above take answers as they are written, so there a fence is an error.

    - ``exact_match_normalised``: the fraction equal after ``helpers.notation.latex.normalise_latex``.
    - ``rendered_match``: the fraction that prints the same, see ``helpers.evaluation.rendered``. Where the truth
      cannot be drawn, only an equal normal form counts, so this is a lower bound; ``compare`` notes how many there are.

    ``helpers.evaluation.bootstrap.score`` says what the intervals mean.
    Raises ValueError when a truth is empty (the row is named), and as ``helpers.evaluation.pairs.text_pairs``.
    An empty prediction is allowed and counts as all wrong; so does a missing one (None), and a line says so.
    """
    return bootstrap.score(_measure(predictions, truths, formulas), seed, FROM_SUMS)


def compare(
    task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0, formulas: bool = False
) -> Comparison:
    """Score the predictions made ``before`` and ``after`` training on the same samples; see ``score`` for errors.

    With ``formulas=True`` the two measures of ``score`` are added, McNemar's test for each kind of exact match
    (``Comparison.switches``), and a note on truths that could not be drawn.
    """
    old, new = (_measure(texts, truths, formulas) for texts in (before, after))
    comparison = bootstrap.compare(task, old, new, seed, FROM_SUMS)
    if not formulas:
        return comparison
    switches = {name: bootstrap.mcnemar(old[name], new[name]) for name in EXACT}
    return replace(comparison, switches=switches, notes=_undrawable(truths))


def rows(predictions: list[str], truths: list[str], formulas: bool = True) -> list[dict]:
    """One row a sample, the worst first: index (from 0), truth, prediction, cer, exact, and for formulas normalised and
    rendered (None where it cannot be told, see ``rendered.same``).

    Sorted by character errors / characters of the truth, then by index. Raises ValueError as ``score``.
    """
    predictions, truths = _checked(predictions, truths)
    found = []
    for index, pair in enumerate(zip(predictions, truths, strict=True)):
        prediction, truth = map(collapse_spaces, pair)
        distance, length = edits([prediction], [truth])[0]
        row = {"index": index, "truth": truth, "prediction": prediction, "cer": distance / length}
        row["exact"] = prediction == truth
        if formulas:
            formula, right = map(extract_latex, pair)
            row["normalised"] = normalise_latex(formula) == normalise_latex(right)
            row["rendered"] = rendered.same(formula, right)
        found.append(row)
    return sorted(found, key=lambda row: (-row["cer"], row["index"]))


def edits(predictions: list[str], truths: list[str]):
    """Edit distance and length of the truth in characters, one row a sample: float array (n, 2)."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein

    pairs = zip(predictions, truths, strict=True)
    return np.array([[Levenshtein.distance(prediction, truth), len(truth)] for prediction, truth in pairs], float)


def error_rate(sums):
    """The character error rate of each resample, (resamples,), from the sums of ``edits``, (resamples, 2)."""
    distance, length = sums.T
    return distance / length


def bleu(sums):
    """Corpus BLEU of each resample, (resamples,), from the sums of what sacrebleu counts, (resamples, 10): matching
    and all n-grams of orders 1 to 4, the lengths of prediction and truth."""
    import numpy as np
    from sacrebleu.metrics import BLEU

    options = {"smooth_method": "exp", "effective_order": True}
    counts = np.rint(sums).astype(int).tolist()
    scores = [BLEU.compute_bleu(row[:4], row[4:8], row[8], row[9], **options).score for row in counts]
    return np.minimum(np.array(scores) / 100, 1.0)  # a perfect score comes out as 1.0000000000000004


FROM_SUMS = {"cer": error_rate, "bleu": bleu}


def _checked(predictions, truths):
    """Both as lists of texts; ValueError as ``score``."""
    predictions, truths = text_pairs(predictions, truths)
    empty = [row for row, truth in enumerate(truths) if not collapse_spaces(truth)]
    if empty:
        raise ValueError(message("results.empty_truth", rows=", ".join(map(str, empty))))
    return predictions, truths


def _measure(predictions, truths, formulas):
    """Per sample: cer (n, 2), see ``edits``; bleu (n, 10), see ``bleu``; ned (n,); the matches bool (n,)."""
    import numpy as np
    from rapidfuzz.distance import Levenshtein
    from sacrebleu.metrics import BLEU

    given = _checked(predictions, truths)
    predictions, truths = ([collapse_spaces(text) for text in texts] for texts in given)
    pairs = list(zip(predictions, truths, strict=True))
    scorer = BLEU(tokenize="none", effective_order=True)
    parts = [scorer.corpus_score([prediction], [[truth]]) for prediction, truth in pairs]
    values = {
        "cer": edits(predictions, truths),
        "ned": np.array([Levenshtein.normalized_distance(*pair) for pair in pairs], float),
        "bleu": np.array([[*part.counts, *part.totals, part.sys_len, part.ref_len] for part in parts], float),
        "exact_match": np.array([prediction == truth for prediction, truth in pairs]),
    }
    if formulas:
        extracted = list(zip(map(extract_latex, given[0]), map(extract_latex, given[1]), strict=True))
        equal = [normalise_latex(prediction) == normalise_latex(truth) for prediction, truth in extracted]
        values["exact_match_normalised"] = np.array(equal)
        values["rendered_match"] = np.array([rendered.same(*pair) is True for pair in extracted])
    return values


def _undrawable(truths):
    """A note on the truths that cannot be drawn."""
    rows = [
        str(row) for row, truth in enumerate(truths) if rendered.drawn(normalise_latex(extract_latex(truth))) is None
    ]
    named = ", ".join(rows[:10]) + (" ..." if len(rows) > 10 else "")
    note = message("results.not_drawn", count=len(rows), total=len(truths), rows=named)
    return (note,) if rows else ()
