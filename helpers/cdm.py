"""How many printed characters of a formula were read right: Character Detection Matching, drawn by mathtext.

After Wang et al. 2024 (arXiv:2409.03643): both formulas are printed, each character of one is matched with one of the
other by what it is, where it stands and when it comes, matches of different characters or of displaced ones are taken
away, and the score is the F1 of what is left. Weights and steps are those of the paper's program.

Two things differ, so the values are NOT those that papers report as CDM. The authors colour each token, let pdflatex
print it and find the colours in a picture; here mathtext, which knows where it puts each glyph, prints it. So "sin" is
three characters here and one token there, and formulas that mathtext cannot draw are not judged (``score`` can let
pdflatex print them). And displaced characters are found by trying every shift, instead of by RANSAC with random trials,
so results do not depend on luck.
As in the authors' program, a shift below 0.6 em and matches of two characters or fewer pass: x_2 against x^2 scores 1.
``helpers.rendered`` tells them apart.
"""

from functools import lru_cache, partial

from helpers import bootstrap, latex, tex
from helpers.bootstrap import Interval
from helpers.drawing import check_choice
from helpers.formulas import joined

WEIGHTS = {"sign": 1.0, "place": 0.05, "order": 0.15}
REACH = 0.6  # em by which a character may be off the shift of its group: 20 pixels at 200 dpi and 12 point
ROUNDS, FEWEST = 5, 2  # groups that may be shifted each by its own way; so many characters or fewer are no group
SIZE = 100.0


def score(
    predictions: list[str], truths: list[str], seed: int = 0, by: str = "mathtext"
) -> tuple[dict[str, Interval], list[int]]:
    """``{"cdm": mean F1}`` over the samples whose truth can be drawn, and the rows (from 0) of the others.

    ``by="tex"`` lets pdflatex print them, see ``helpers.tex``: arrays, too, but it must be installed.
    Raises ValueError when the lengths differ, there are no samples, no truth can be drawn, or ``by`` is unknown.
    """
    import numpy as np

    bootstrap.check_pairs(predictions, truths)
    check_choice("by", by, ("mathtext", "tex"))
    pairs = [tuple(map(latex.normalise, pair)) for pair in zip(predictions, truths, strict=True)]
    texts = list(dict.fromkeys(text for pair in pairs for text in pair if text))
    drawn = tex.characters(texts) if by == "tex" else map(characters, texts)
    printed = {"": None} | dict(zip(texts, drawn, strict=True))
    values = [_f1(printed[prediction], printed[truth]) for prediction, truth in pairs]
    judged = np.array([value for value in values if value is not None], float)
    if not len(judged):
        raise ValueError("no truth can be drawn: compare the texts with helpers.evaluate")
    measures = partial(_mean, judged)
    return bootstrap.score(measures, len(judged), seed), [row for row, value in enumerate(values) if value is None]


def f1(prediction: str, truth: str) -> float | None:
    """2 * matched / (characters of both): 1 for equal prints, 0 where the prediction cannot be drawn; None where the
    truth cannot."""
    return _f1(*(characters(latex.normalise(text)) for text in (prediction, truth)))


def _f1(found, right):
    if right is None:
        return None
    return 2 * len(matched(found, right)) / (len(found) + len(right)) if found else 0.0


@lru_cache(maxsize=4096)
def characters(formula: str):
    """What mathtext prints, in its order: tuple of (sign, (left, bottom, right, top) in em); None if it cannot.

    A sign is a font's name with a code in it; lines (of fractions, roots) are "line".
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser

    if not formula or not formula.isascii() or "$" in formula.replace("\\$", ""):
        return None
    properties = FontProperties(size=SIZE, math_fontfamily="cm")
    try:
        drawn = MathTextParser("path").parse(f"${joined(formula)}$", dpi=72, prop=properties)
    except (ValueError, RecursionError):  # mathtext reports what it cannot parse as a ValueError
        return None
    found = []
    for font, size, code, index, x, y in drawn.glyphs:
        font.set_size(size, 72)
        left, bottom, right, top = (edge / 64 for edge in font.load_glyph(index).bbox)
        if right > left:  # not a space
            box = (x + left, y + bottom, x + right, y + top)
            found.append((f"{font.postscript_name} {code}", tuple(float(edge) / SIZE for edge in box)))
    for x, y, width, height in drawn.rects:
        found.append(("line", tuple(float(edge) / SIZE for edge in (x, y, x + width, y + height))))
    return tuple(found) or None


def matched(found, right) -> list[tuple[int, int]]:
    """Pairs (place in ``found``, place in ``right``) of characters that are the same and stand in the same place."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    signs, boxes = zip(*((np.array(part) for part in zip(*side, strict=True)) for side in (found, right)), strict=True)
    other = (signs[0][:, None] != signs[1]).astype(float)
    scaled = [(box - box.min(0)[[0, 1, 0, 1]]) / _extent(box) for box in boxes]
    place = abs(scaled[0][:, None] - scaled[1]).mean(-1)
    longest = max(map(len, boxes))
    order = abs(np.arange(len(boxes[0]))[:, None] - np.arange(len(boxes[1]))) / longest
    cost = WEIGHTS["sign"] * other + WEIGHTS["place"] * place + WEIGHTS["order"] * order
    first, second = linear_sum_assignment(cost)
    middles = [(box[:, :2] + box[:, 2:]) / 2 for box in boxes]
    kept = _in_place(middles[0][first] - middles[1][second]) & (other[first, second] == 0)
    return list(zip(first[kept].tolist(), second[kept].tolist(), strict=True))


def _extent(box):
    """(width, height, width, height) of everything printed."""
    sides = box[:, 2:].max(0) - box[:, :2].min(0)
    return sides[[0, 1, 0, 1]]


def _in_place(shifts):
    """Which of the matches, each with its shift (n, 2) in em, belong to a group that is shifted as one."""
    import numpy as np

    kept = np.zeros(len(shifts), bool)
    if len(shifts) <= FEWEST:
        return ~kept
    for _ in range(ROUNDS):
        left = (~kept).nonzero()[0]
        if len(left) <= FEWEST:
            break
        near = np.linalg.norm(shifts[left, None] - shifts[left], axis=-1) <= REACH
        kept[left[near[near.sum(1).argmax()]]] = True
    return kept


def _mean(values, weights):
    return {"cdm": weights @ values / weights.shape[1]}
