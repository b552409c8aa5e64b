"""helpers.notation.latex_commands: how a formula splits, and tables that do not contradict each other."""

import pytest

from helpers.notation import latex_commands


@pytest.mark.parametrize(
    "latex, tokens",
    [
        (r"\frac12 x", [r"\frac", "1", "2", "x"]),
        (r"$$ a\,b $$", ["a", r"\,", "b"]),
        (r"\[x\]", ["x"]),
        (r"\operatorname * {m}", [r"\operatorname*", "{", "m", "}"]),
        (r"a \kern -1.5 pt b", ["a", "b"]),
        ("a\\\nb", ["a", "\\ ", "b"]),
        (r"\\ \{ 中", [r"\\", r"\{", "中"]),
        ("$", ["$"]),
        ("", []),
    ],
)
def test_a_formula_splits_into_commands_and_signs(latex, tokens):
    assert latex_commands.split_tokens(latex) == tokens


@pytest.mark.parametrize(
    "latex, there",
    [
        (r"a \over b", True),
        (r"{ a \over b }", False),
        (r"a } \over b", False),
        (r"a } { \over b", False),
        (r"\left( a \over b \right)", False),
        ("a", False),
    ],
)
def test_an_infix_fraction_counts_in_its_own_group_only(latex, there):
    assert latex_commands.has_infix(latex_commands.split_tokens(latex)[::-1]) is there


@pytest.mark.parametrize(
    "latex, low",
    [("x _ { i } + 1", True), ("", True), ("x ^ { 2 }", False), (r"\log _ { i }", False), (r"\sum", False)],
)
def test_low_formulas_need_no_larger_bracket(latex, low):
    assert latex_commands.is_low(latex.split()) is low


def test_a_synonym_leads_to_no_other_synonym():
    assert not set(latex_commands.SYNONYMS) & set(latex_commands.SYNONYMS.values())


def test_a_command_prints_nothing_or_takes_an_argument_but_not_both():
    spaces = latex_commands.SPACES | latex_commands.SPACES_WITH_ARGUMENT | latex_commands.CLASSES
    others = {*latex_commands.ARGUMENTS, *latex_commands.TEXTS, *latex_commands.SYNONYMS, *latex_commands.LOW}
    assert not spaces & others


@pytest.mark.parametrize(
    "name", ["SYNONYMS", "OLD_FONTS", "INFIX", "TEXTS", "ARGUMENTS", "SUMS", "INTEGRALS", "LOW_BARE"]
)
def test_every_name_in_the_tables_is_one_token(name):
    for command in getattr(latex_commands, name):
        assert latex_commands.split_tokens(command) == [command]
