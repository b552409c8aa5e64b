"""helpers.show.benchmarks: what was measured on a GPU, as a table in the reader's language."""

import json

import pytest

from helpers import jupyter
from helpers.paths import ROOT
from helpers.show import benchmarks

FILES = sorted((ROOT / "data" / "benchmarks").glob("*.json"))
FOUND = {
    "card": "NVIDIA X1",
    "torch": "2.11.0",
    "date": "2026-11-27",
    "matrix_tflops": 789.6,
    "rows": [
        {"way": "seed", "samples_per_second": 4.0, "share_of_matrix_rate": 0.006},
        {"way": "compiled", "samples_per_second": 1210.0, "peak_gb": 40.25},
    ],
}


def test_a_row_has_its_figures_and_how_many_times_as_fast_it_is():
    head, *rows = benchmarks.rows(FOUND)
    assert head[1:] == ["samples/s", "of the card's matrix rate", "peak memory (GB)", "times as fast"]
    assert [row[1:] for row in rows] == [["4.0", "0.6%", "", "1.0"], ["1,210.0", "", "40.2", "302.5"]]


def test_a_column_that_no_row_has_is_left_out():
    assert len(benchmarks.rows(FOUND | {"rows": FOUND["rows"][:1]})[0]) == 4


def test_card_torch_and_date_stand_below(monkeypatch):
    for language in ("en", "zh"):
        monkeypatch.setenv("LESSON_LANGUAGE", language)
        assert all(word in benchmarks.source(FOUND) for word in ("NVIDIA X1", "790", "2.11.0", "2026-11-27"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_of_the_lesson_is_shown(language, monkeypatch):
    shown = []
    monkeypatch.setattr(jupyter, "display", shown.append)
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    benchmarks.benchmark("training")
    lines, found = shown[0]["text/plain"].splitlines(), json.loads((FILES[0].parent / "training.json").read_bytes())
    assert len(lines) == len(found["rows"]) + 2
    assert lines[-1] in shown[0]["text/html"] and shown[0]["text/html"].count("<tr>") == len(lines) - 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_says_what_it_was_measured_on(path):
    found = json.loads(path.read_bytes())
    assert {"card", "torch", "date", "rows"} <= found.keys() and found["rows"]
