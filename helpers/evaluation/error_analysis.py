"""Where a model errs: which tokens it takes for which, how that depends on length or size, and whether it knows.

All results are plain rows (lists of dicts); ``helpers.show.errors`` draws them.
"""

import math
from collections import Counter

from helpers.evaluation.bootstrap import check_lengths, wilson
from helpers.evaluation.pairs import text_pairs
from helpers.language import message


def confusions(predictions: list[str], truths: list[str], tokens=str.split) -> list[dict]:
    """How often a token was read as another: rows truth, prediction, count, of (how often the truth has that token, or
    for an added token how often the predictions have it), example (row of the first case); the most frequent first.

    Tokens are aligned by the fewest edits (rapidfuzz); truth "" is an added token, prediction "" a missing one.
    Where several alignments have as few edits, the one that rapidfuzz finds counts.

    Args:
        tokens: text -> list of tokens; the default splits at white space, as LaTeX_OCR is written.

    Raises ValueError as ``pairs.text_pairs``.
    """
    from rapidfuzz.distance import Levenshtein

    predictions, truths = text_pairs(predictions, truths)
    found, first, seen, made = Counter(), {}, Counter(), Counter()
    for row, pair in enumerate(zip(predictions, truths, strict=True)):
        prediction, truth = map(tokens, pair)
        seen.update(truth)
        made.update(prediction)
        for kind, source, target in Levenshtein.editops(truth, prediction):
            old = "" if kind == "insert" else truth[source]
            new = "" if kind == "delete" else prediction[target]
            found[old, new] += 1
            first.setdefault((old, new), row)
    return [
        {
            "truth": old,
            "prediction": new,
            "count": count,
            "of": seen[old] if old else made[new],
            "example": first[old, new],
        }
        for (old, new), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def accuracy_by(values: list[float], right: list[bool], bins: int = 6) -> list[dict]:
    """Accuracy against a property of the samples, such as tokens in the truth or pixels of the picture.

    Samples are sorted by ``values`` and cut into up to ``bins`` groups of like size; equal values stay together.
    Rows: low, high (smallest and largest value), n, accuracy, and the ends of its 95 % Wilson interval (Wilson 1927).
    """
    check_lengths(values, right)
    pairs = sorted(zip(values, map(bool, right), strict=True))
    rows, start = [], 0
    for place in range(1, bins + 1):
        end = max(start, round(place * len(pairs) / bins))
        while 0 < end < len(pairs) and pairs[end][0] == pairs[end - 1][0]:
            end += 1
        if end > start:
            group = pairs[start:end]
            rows.append({"low": group[0][0], "high": group[-1][0], **_fraction([hit for _, hit in group])})
            start = end
    return rows


def reliability(confidences: list[float], right: list[bool], bins: int = 10) -> list[dict]:
    """Does 0.8 mean right in 8 of 10? Rows of equal width: low, high, n, confidence (mean), accuracy, interval95.

    A confidence lies in (low, high], 0 in the first row; empty rows are left out.

    Raises:
        ValueError: a confidence outside 0..1, nothing to measure, or lists that differ in length.
    """
    check_lengths(confidences, right)
    pairs = list(zip(confidences, map(bool, right), strict=True))
    if not pairs or not all(0 <= confidence <= 1 for confidence, _ in pairs):
        raise ValueError(message("results.no_confidences"))
    groups = {}
    for confidence, hit in pairs:
        groups.setdefault(max(0, math.ceil(confidence * bins) - 1), []).append((confidence, hit))
    return [
        {
            "low": place / bins,
            "high": (place + 1) / bins,
            "confidence": sum(confidence for confidence, _ in group) / len(group),
            **_fraction([hit for _, hit in group]),
        }
        for place, group in sorted(groups.items())
    ]


def calibration_error(confidences: list[float], right: list[bool], bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017, arXiv:1706.04599): |accuracy - mean confidence| in each row of
    ``reliability``, weighted by its samples. 0 for a model that knows how often it is right; at most 1."""
    rows = reliability(confidences, right, bins)
    return sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in rows) / len(confidences)


def _fraction(hits: list[bool]) -> dict:
    """n, accuracy and its 95 % Wilson interval."""
    found = wilson(sum(hits), len(hits))
    return {"n": len(hits), "accuracy": found.value, "interval95": (found.low, found.high)}
