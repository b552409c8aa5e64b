"""helpers.data.synthetic.grammar_statements: each rule of formulas, conditions and words writes LaTeX."""

import numpy as np
import pytest

from helpers.data.synthetic.grammar import phrase, read_rules
from helpers.data.synthetic.grammar_statements import STATEMENTS
from helpers.notation.latex import normalise_latex


@pytest.mark.parametrize("name", sorted(set(read_rules(STATEMENTS)) - {"font"}))
def test_rule_writes_latex(name):
    rng = np.random.default_rng(0)
    texts = [phrase(rng, name, 30) for _ in range(60)]
    assert [text for text in texts if not normalise_latex("a ' { " + text + " }").startswith("a ^ { \\prime }")] == []
