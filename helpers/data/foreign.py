"""Rows in the forms that other projects write, told apart by their keys."""

from collections import Counter

FORMS = {  # name inside: name for readers
    "llava": "LLaVA (from, value)",
    "openai": "OpenAI (content: [{type, ...}])",
    "alpaca": "Alpaca (instruction, output)",
    "swift": "ms-swift (query, response)",
}


def foreign_form(values):
    """The name of the form that most of the rows have; "" if that is none of ``FORMS``."""
    found = Counter(map(_form, values)).most_common(1)
    return FORMS.get(found[0][0], "") if found else ""


def _form(value):
    if not isinstance(value, dict):
        return ""
    talks = [value.get("conversations"), value.get("messages")]
    turns = [turn for talk in talks if isinstance(talk, list) for turn in talk if isinstance(turn, dict)]
    if turns and {"from", "value"} <= turns[0].keys():
        return "llava"
    if any(_is_parts(turn.get("content")) for turn in turns):
        return "openai"
    if {"instruction", "output"} <= value.keys():
        return "alpaca"
    return "swift" if {"query", "response"} <= value.keys() else ""


def _is_parts(content):
    """Whether this is a list of parts, each with its type."""
    return isinstance(content, list) and any(isinstance(part, dict) and "type" in part for part in content)
