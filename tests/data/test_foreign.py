"""helpers.data.foreign: other projects' forms are told apart by their keys, and this project's own are none of them."""

import pytest

from helpers.data.foreign import foreign_form

USER = {"role": "user", "content": "<image>Q"}
ROWS = {
    "LLaVA": {
        "image": "a.png",
        "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "x"}],
    },
    "OpenAI": {
        "messages": [USER | {"content": [{"type": "text", "text": "Q"}]}, {"role": "assistant", "content": "x"}]
    },
    "Alpaca": {"instruction": "Q", "input": "", "output": "x"},
    "ms-swift": {"query": "Q", "response": "x", "images": ["a.png"]},
}
OWN = [
    {"image": "a.png", "text": "x"},
    {"conversations": [{"role": "user", "value": "a.png"}, {"role": "assistant", "value": "x"}]},
    {"image": "a.png", "conversations": [USER, {"role": "assistant", "content": "x"}]},
    {"messages": [USER, {"role": "assistant", "content": "x"}], "images": ["a.png"]},
    {"messages": [], "conversations": 5},
    {"messages": [None, 3, {}]},
    None,
]


@pytest.mark.parametrize("name", ROWS)
def test_form_is_known(name):
    assert foreign_form([ROWS[name]] * 2 + OWN[:1]).startswith(name)


@pytest.mark.parametrize("row", OWN)
def test_own_rows_and_broken_ones_are_no_foreign_form(row):
    assert foreign_form([row]) == ""


def test_most_rows_decide():
    assert foreign_form([*OWN[:2], ROWS["Alpaca"]]) == "" and foreign_form([]) == ""
