"""helpers.data.synthetic.grammar_scripts: what may carry scripts has none yet, what hangs on it is one script."""

import numpy as np
import pytest

from helpers.data.synthetic.grammar import phrase
from helpers.notation.latex import normalise_latex


def understood(text):
    return normalise_latex("a ' " + text).startswith("a ^ { \\prime }")


@pytest.mark.parametrize("name", ["sym", "main", "accented", "vector", "script"])
def test_signs_take_both_scripts(name):
    rng = np.random.default_rng(0)
    assert [
        text for text in (phrase(rng, name, 12) for _ in range(200)) if not understood(f"{text} _ {{ 1 }} ^ {{ 2 }}")
    ] == []


@pytest.mark.parametrize("name", ["low", "high", "lows", "highs"])
def test_scripts_fit_below_and_above(name):
    rng = np.random.default_rng(0)
    assert [text for text in (phrase(rng, name, 12) for _ in range(200)) if not understood(f"x _ {{ {text} }}")] == []


def test_indices_of_a_tensor_come_from_one_line():
    rng = np.random.default_rng(0)
    texts = [phrase(rng, "tensor", 12) for _ in range(400)]
    assert not [text for text in texts if "\\mu" in text.split() and "M" in text.split()[3:]]
