"""helpers.data.synthetic.grammar_symbols: enough letters of each kind, and letters only."""

import re

from helpers.data.synthetic.grammar import FAMILIES, RULES


def test_a_line_names_each_letter_once():
    assert [line for lines in FAMILIES.values() for _, line in lines if len(line) != len(set(line))] == []


def test_letters_are_letters():
    words = {letter for lines in FAMILIES.values() for _, line in lines for letter in line}
    assert [word for word in words if not re.fullmatch(r"[A-Za-z0-9]|\\[A-Za-z]+", word)] == []


def test_each_line_has_as_many_letters_as_rules_ask_for():
    asked = {}
    for rule in RULES.values():
        for part in (part for option in rule.options for part in option.parts if isinstance(part, tuple)):
            if part[0] in FAMILIES and part[1] is not None:
                asked[part[0]] = max(asked.get(part[0], 0), part[1] + 1)
    assert asked["x"] == asked["i"] == asked["mu"] == 3
    short = {(kind, *line) for kind, count in asked.items() for _, line in FAMILIES[kind] if len(line) < count}
    assert short == set()
