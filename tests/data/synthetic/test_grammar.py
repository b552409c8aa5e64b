"""helpers.data.synthetic.grammar: formulas of bounded length, in sense and in LaTeX, of the tokens it names."""

import statistics

import numpy as np
import pytest

from helpers.data.synthetic.grammar import FULL, RULES, SHORT, TOKENS, formula, phrase, read_rules
from helpers.notation.latex import normalise_latex
from helpers.notation.mathtext import draw

PAIRS = {"}": "{", "\\right": "\\left", "\\end": "\\begin"}
NOT_FOR_MATHTEXT = ("\\begin", "\\big", "\\Big", "style", "\\under", "\\over", "\\mbox", "\\stackrel", "\\left")


def drawn(count, longest, seed=0):
    rng = np.random.default_rng(seed)
    return [formula(rng, longest) for _ in range(count)]


def balanced(tokens):
    """Whether braces, \\left .. \\right and \\begin .. \\end close what was opened last."""
    opened = []
    for token in tokens:
        kind = next((name for name in ("\\left", "\\right", "\\begin", "\\end") if opens(token, name)), token)
        if kind in PAIRS.values():
            opened.append(kind)
        elif kind in PAIRS and (not opened or opened.pop() != PAIRS[kind]):
            return False
    return not opened


def opens(token, name):
    return token.startswith(name) and not token[len(name) :][:1].isalpha()


def parsed(text):
    """Whether ``normalise_latex`` understands it: only then it rewrites the prime in front."""
    return normalise_latex("a ' " + text).startswith("a ^ { \\prime }")


@pytest.mark.parametrize("longest", [4, 5, 9, SHORT, 60, FULL])
def test_no_formula_is_longer_than_asked(longest):
    lengths = [len(text.split(" ")) for text in drawn(300, longest)]
    assert 4 <= min(lengths) and max(lengths) <= longest


def test_too_short_a_limit_is_refused():
    with pytest.raises(ValueError, match="longest is 3, but a formula takes 4 tokens at least"):
        formula(np.random.default_rng(0), 3)


def test_same_seed_same_formulas():
    assert drawn(20, FULL, seed=3) == drawn(20, FULL, seed=3) != drawn(20, FULL, seed=4)


def test_tokens_are_separated_by_single_spaces():
    assert all(text == " ".join(text.split()) for text in drawn(300, FULL))


def test_short_formulas_spread_and_seldom_repeat():
    texts = drawn(20000, SHORT)
    lengths = [len(text.split()) for text in texts]
    assert 12 <= statistics.mean(lengths) <= 16
    assert len(set(lengths)) >= 18
    assert len(set(texts)) > 0.95 * len(texts)


def test_full_formulas_are_as_long_as_real_ones():
    lengths = sorted(len(text.split()) for text in drawn(2000, FULL))
    assert 45 <= statistics.median(lengths) <= 65
    assert lengths[200] < 35 and lengths[1800] > 80 and lengths[-1] > 125


def test_every_token_is_drawn_and_none_else():
    found, rng = set(), np.random.default_rng(1)
    for _ in range(60):
        found.update(token for _ in range(1000) for token in formula(rng, 80).split())
        if len(found) >= len(TOKENS):
            break
    assert found == set(TOKENS)


@pytest.mark.parametrize("longest", [SHORT, FULL])
def test_every_formula_is_latex(longest):
    wrong = [text for text in drawn(700, longest, seed=7) if not balanced(text.split()) or not parsed(text)]
    assert wrong == []


@pytest.mark.parametrize(
    "text", ["x } {", "\\left( x", "x \\right)", "{ \\left( } \\right)", "\\begin{array} { c } { x }"]
)
def test_unbalanced_ones_would_be_found(text):
    assert not balanced(text.split())


def test_double_scripts_would_be_found():
    assert parsed("x _ { 1 } ^ { 2 }") and not parsed("x ^ { 1 } ^ { 2 }")


def test_plain_ones_are_drawn():
    texts = [text for text in drawn(150, SHORT, seed=9) if not any(part in text for part in NOT_FOR_MATHTEXT)]
    assert len(texts) > 80
    assert [text for text in texts if draw(text, "cm", 18) is None] == []


def test_letters_of_a_formula_come_back():
    """A formula has a small cast: half as many different letters as in formulas put together from all of ours."""
    letters = [[t for t in text.split() if len(t) == 1 and t.isalpha()] for text in drawn(400, FULL)]
    letters = [found for found in letters if len(found) >= 15]
    mixed = np.random.default_rng(0).permutation([letter for found in letters for letter in found])
    own = statistics.mean(len(set(found)) / len(found) for found in letters)
    others = statistics.mean(len(set(mixed[k : k + 20])) / 20 for k in range(0, len(mixed) - 20, 20))
    assert own < 0.8 * others


def test_every_rule_is_used():
    used = {part[0] for rule in RULES.values() for option in rule.options for part in option.parts if part[0] != "\\"}
    assert set(RULES) - used == {"formula"}


def test_each_rule_keeps_to_its_room():
    rng = np.random.default_rng(2)
    for name, rule in RULES.items():
        for room in (rule.least, rule.least + 7, 60):
            assert len(phrase(rng, name, room).split()) <= max(room, rule.least), name


def test_a_rule_that_stands_there_twice_is_refused():
    with pytest.raises(ValueError, match="rule sum of the grammar stands there twice"):
        read_rules("sum\n  1 a\nsum\n  1 b\n")


def test_reading_of_a_rule():
    rule = read_rules("sum once\n  2 a + @x2\n  .5 @sum\n")["sum"]
    assert rule.once and [option.weight for option in rule.options] == [2, 0.5]
    assert [option.parts for option in rule.options] == [["a", "+", ("x", 1)], [("sum", None)]]
