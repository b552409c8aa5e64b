"""helpers.data.texts: what cannot be seen in a text, what is no text to a model, and what only looks the same."""

import unicodedata

import pytest

from helpers.data.texts import (
    KNOWN_TOKENS,
    can_be_seen,
    same_look,
    same_name,
    special_tokens_in,
    text_faults,
    text_warnings,
)

NOTHING = (
    *("", " \n\t", "\u200b", "\ufeff", "\u3000\xa0\u2003", "\x00\x1f", "\u0301\u20d7", "\u2028\u2029"),
    *("\u202e\u200d", "\u3164", "\u2800", "\xad", "\u00a0\u200b\r\n"),
)


@pytest.mark.parametrize("text", NOTHING)
def test_text_that_prints_nothing_cannot_be_seen(text):
    assert not can_be_seen(text)


@pytest.mark.parametrize("text", ["x", ".", "\u200bx", "公", "e\u0301", "👍🏽", "\ufffd", "\ud800", "\ue000", "−", "م"])
def test_text_that_prints_something_can_be_seen(text):
    assert can_be_seen(text)


@pytest.mark.parametrize(("text", "word"), [("\ud800", "half a character"), ("a\ufffd", "U+FFFD")])
def test_text_that_no_tokenizer_takes_is_a_fault(text, word):
    ((reason, cure),) = text_faults(text)
    assert word in reason and cure


WARNED = {
    "space behind": ("x ", "spaces or line breaks"),
    "line break": ("x \r\n", "spaces or line breaks"),
    "wide space in front": ("\u3000x", "spaces or line breaks"),
    "mark of byte order": ("a\ufeffb", "(U+FEFF)"),
    "zero width": ("a\u200bb", "(U+200B)"),
    "hyphen nobody sees": ("a\xadb", "(U+00AD)"),
    "two": ("\x00a\x1bb", "(U+0000, U+001B)"),
    "carriage return": ("a\r\nb", "(U+000D)"),
    "joiner between Latin letters": ("a\u200db", "(U+200D)"),
    "direction": ("a\u202eb", "direction of writing (U+202E)"),
    "isolate": ("a\u2066b\u2069", "(U+2066, U+2069)"),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_nobody_sees_is_a_warning(case):
    text, word = WARNED[case]
    ((reason, cure),) = text_warnings(text, answer=True)
    assert word in reason and cure and "\n" not in reason


@pytest.mark.parametrize(
    "text", ["a b\n\tc", "公\u3000式", "می\u200cخواهم", "👩\u200d🔬", "क्\u200dष", "e\u0301", "5\xa0kg"]
)
def test_what_people_write_is_no_warning(text):
    assert text_warnings(text, answer=True) == text_faults(text) == []


def test_only_in_an_answer_do_spaces_at_the_ends_matter():
    assert text_warnings("Read: ") == []


def test_special_tokens_are_found_and_words_are_not():
    assert special_tokens_in("a <|image|> <|user|>", KNOWN_TOKENS) == ["<|user|>", "<|image|>"]
    assert special_tokens_in("<unk></image>", KNOWN_TOKENS) == ["</image>", "<unk>"]
    assert special_tokens_in("a < b | c > <table><td>x</td> \\langle | x |", KNOWN_TOKENS) == []


@pytest.mark.parametrize(
    ("text", "other"),
    [("é", "e\u0301"), ("Ａ１：", "A1:"), ("a\xa0b", "a b"), ("a\u200bb", "ab"), ("ｶ", "カ"), ("a\r\nb", "a\nb")],
)
def test_texts_that_look_the_same(text, other):
    assert text != other and same_look(text) == same_look(other)


@pytest.mark.parametrize(
    ("text", "other"), [("x²", "x2"), ("ﬁ", "fi"), ("a", "A"), ("а", "a"), ("½", "1/2"), ("。", ".")]
)
def test_texts_that_mean_something_else(text, other):
    assert same_look(text) != same_look(other)


@pytest.mark.parametrize(
    "other", ["Café 1.PNG", "ＣＡＦÉ\xa01.png", "Сafé 1.png", unicodedata.normalize("NFD", "café 1.png")]
)
def test_names_that_look_the_same(other):
    assert same_name("café 1.png") == same_name(other) != same_name("cafe 1.png")
