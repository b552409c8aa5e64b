"""Predictions and truths as every measure takes them: two lists of texts, as long as each other."""

from helpers.language import message

SHOWN = 10  # rows that a line names


def text_pairs(predictions: list, truths: list) -> tuple[list[str], list[str]]:
    """Both lists, with an empty answer where a prediction is missing: None, as a server's empty reply, or pandas' NaN.

    A line says which rows are missing. A missing truth becomes an empty one, which the measures refuse.

    Raises:
        ValueError: the lengths differ, there are no samples, or an entry is anything else that is no text; the rows
            are named, counted from 0.
    """
    predictions, truths = list(predictions), list(truths)
    if len(predictions) != len(truths):
        raise ValueError(message("results.unequal", predictions=len(predictions), truths=len(truths)))
    if not truths:
        raise ValueError(message("results.nothing"))
    wrong = [_named("prediction", row, value) for row, value in enumerate(predictions) if not _is_text(value)]
    wrong += [_named("truth", row, value) for row, value in enumerate(truths) if not _is_text(value)]
    if wrong:
        rest = f" ... ({len(wrong)})" if len(wrong) > SHOWN else ""
        raise ValueError(message("results.no_text", rows=", ".join(wrong[:SHOWN]) + rest))
    missing = [str(row) for row, value in enumerate(predictions) if is_missing(value)]
    if missing:
        rows = ", ".join(missing[:SHOWN]) + (" ..." if len(missing) > SHOWN else "")
        print(message("results.missing_answers", count=len(missing), total=len(truths), rows=rows))
    return [_text(value) for value in predictions], [_text(value) for value in truths]


def is_missing(value) -> bool:
    """Whether ``value`` stands for no answer at all: None, or NaN, the number that does not equal itself."""
    return value is None or (isinstance(value, float) and value != value)


def _is_text(value):
    return isinstance(value, str) or is_missing(value)


def _text(value):
    return "" if is_missing(value) else value


def _named(side, row, value):
    return f"{side} {row}: {type(value).__name__}"
