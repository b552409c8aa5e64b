"""Tables written as HTML, compared as trees: TEDS (Zhong et al. 2020, arXiv:1911.10683), by the package apted.

A table is a tree: table, thead or tbody, rows, cells. TEDS = 1 - edit distance of the trees / nodes of the larger one.
Inserting, deleting or renaming a node costs 1; a cell with other text costs the edit distance of the texts / length of
the longer one, where every character and every tag inside the cell is one sign.
As in the authors' own program, nodes are counted without the table itself and with tags inside cells, so values can be
compared with published ones. Beyond it: th counts as td, runs of white space in a cell as one space and none at its
ends, and a table need not stand inside html and body.
"""

from dataclasses import dataclass, field

from helpers.evaluation import bootstrap
from helpers.evaluation.bootstrap import Comparison, Interval
from helpers.evaluation.pairs import text_pairs
from helpers.language import message


@dataclass
class Node:
    """A tag of a table with its spans (columns, rows); ``signs`` is the text of a cell."""

    tag: str
    spans: tuple[int, int] = (1, 1)
    signs: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


def score_tables(predictions: list[str], truths: list[str], seed: int = 0) -> dict[str, Interval]:
    """Measure predicted tables (HTML) against true ones (the same length and order).

    ``teds`` and ``teds_structure`` (see ``teds``) are means over samples, between 0 and 1.

    ``helpers.evaluation.bootstrap.score`` says what the intervals mean. A prediction without a table counts 0.
    Raises ValueError when a truth holds no table (the row is named), and as ``pairs.text_pairs``.
    """
    return bootstrap.score(_measure(predictions, truths), seed)


def compare_tables(task: str, before: list[str], after: list[str], truths: list[str], seed: int = 0) -> Comparison:
    """Both scores and their change, from predictions made before and after training; errors as ``score_tables``."""
    return bootstrap.compare(task, _measure(before, truths), _measure(after, truths), seed)


def teds(prediction: str, truth: str, structure_only: bool = False) -> float:
    """Similarity of the first table in each of two HTML texts: 1 for equal ones, 0 where one holds no table.

    ``structure_only=True`` leaves the text of cells out (TEDS-Struct). Time grows quickly with size: two tables of 100
    cells take about a third of a second.
    """
    from apted import APTED

    found, right = (_table(text) for text in (prediction, truth))
    if found is None or right is None:
        return 0.0
    nodes = max(len(table.xpath(".//*")) for table in (found, right))
    distance = APTED(_node(found), _node(right), _costs(structure_only)).compute_edit_distance()
    return 1 - distance / nodes if nodes else 1.0


def _table(text):
    """The first table of an HTML text as an lxml element, or None."""
    from lxml import etree, html

    parser = html.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")  # whatever the text declares
    try:
        found = html.document_fromstring(text.encode("utf-8", "replace"), parser).xpath("//table")
    except etree.ParserError:  # nothing in it
        return None
    return found[0] if found else None


def _node(element) -> Node:
    """An lxml element and what is below it; a cell is a leaf."""
    if element.tag in ("td", "th"):
        return Node("td", (_span(element, "colspan"), _span(element, "rowspan")), _trimmed(_signs(element)[1:-1]))
    return Node(str(element.tag), children=[_node(child) for child in element])


def _span(element, name: str) -> int:
    value = element.get(name, "1").strip()
    return int(value) if value.isascii() and value.isdigit() else 1


def _signs(element) -> list[str]:
    """Tags and characters of an element, with those of the element itself around them."""
    inside = [sign for child in element for sign in (*_signs(child), *(child.tail or ""))]
    return [f"<{element.tag}>", *(element.text or ""), *inside, f"</{element.tag}>"]


def _trimmed(signs: list[str]) -> list[str]:
    """Runs of white space as one space, none at the ends."""
    kept = []
    for sign in signs:
        if not sign.isspace():
            kept.append(sign)
        elif kept and kept[-1] != " ":
            kept.append(" ")
    return kept[:-1] if kept and kept[-1] == " " else kept


def _costs(structure_only: bool):
    from apted import Config
    from rapidfuzz.distance import Levenshtein

    class Costs(Config):
        def rename(self, first, second):
            if (first.tag, first.spans) != (second.tag, second.spans):
                return 1
            return 0 if structure_only else Levenshtein.normalized_distance(first.signs, second.signs)

    return Costs()


def _measure(predictions, truths):
    """Both measures of each sample, as float arrays (n,)."""
    import numpy as np

    predictions, truths = text_pairs(predictions, truths)
    bad = [str(row) for row, text in enumerate(truths) if _table(text) is None]
    if bad:
        raise ValueError(message("results.no_table", rows=", ".join(bad)))
    pairs = list(zip(predictions, truths, strict=True))
    return {
        "teds": np.array([teds(*pair) for pair in pairs]),
        "teds_structure": np.array([teds(*pair, structure_only=True) for pair in pairs]),
    }
