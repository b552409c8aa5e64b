"""helpers.data.synthetic.grammar_arrays: every row has as many cells as its array has columns."""

import numpy as np
import pytest

from helpers.data.synthetic.grammar import phrase


def misfits(text):
    """Rows that have not as many cells as there are columns, of a text that holds one array."""
    columns, _, inside = text.partition("\\begin{array} { ")[2].partition(" }")
    rows = inside.partition("\\end{array}")[0].replace("\\hline", "").split("\\\\")
    return [row for row in rows if row.strip() and row.count("&") != len(columns.replace("|", "").split()) - 1]


@pytest.mark.parametrize("name", ["matrix", "cases"])
def test_rows_fit_their_array(name):
    rng = np.random.default_rng(0)
    texts = [text for text in (phrase(rng, name, 70) for _ in range(400)) if text.count("\\begin{array}") == 1]
    assert len(texts) > 200
    assert [text for text in texts if misfits(text)] == []


def test_a_short_row_would_be_found():
    assert misfits("\\begin{array} { c c } { a } & { b } \\\\ { c } \\\\ \\end{array}") == [" { c } "]
