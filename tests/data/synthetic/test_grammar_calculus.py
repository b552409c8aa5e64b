"""helpers.data.synthetic.grammar_calculus: each rule of sums, integrals and derivatives writes LaTeX."""

import numpy as np
import pytest

from helpers.data.synthetic.grammar import phrase, read_rules
from helpers.data.synthetic.grammar_calculus import CALCULUS
from helpers.notation.latex import normalise_latex


@pytest.mark.parametrize("name", read_rules(CALCULUS))
def test_rule_writes_latex(name):
    rng = np.random.default_rng(0)
    texts = [phrase(rng, name, 30) for _ in range(60)]
    assert [text for text in texts if not normalise_latex("a ' { " + text + " }").startswith("a ^ { \\prime }")] == []
