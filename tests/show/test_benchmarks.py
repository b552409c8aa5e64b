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


def test_each_model_is_compared_with_its_own_first_row():
    rates = [
        ("glm_ocr", "seed", 4.0),
        ("glm_ocr", "plain", 36.0),
        ("qwen2_vl", "seed", 2.0),
        ("qwen2_vl", "plain", 30.0),
    ]
    every = [{"family": family, "way": way, "samples_per_second": rate} for family, way, rate in rates]
    head, *rows = benchmarks.rows(FOUND | {"rows": every})
    assert head[0] == "model" and [row[0] for row in rows] == ["GLM-OCR"] * 2 + ["Qwen2-VL-2B-Instruct"] * 2
    assert [row[-1] for row in rows] == ["1.0", "9.0", "1.0", "15.0"]


def test_several_gpus_are_compared_with_one():
    rates = [("packed", 2, 30.0), ("packed", 1, 20.0), ("compiled", 2, 300.0), ("compiled", 1, 100.0)]
    every = [{"way": way, "gpus": gpus, "samples_per_second": rate} for way, gpus, rate in rates]
    found = {key: value for key, value in FOUND.items() if key != "matrix_tflops"} | {"rows": every}
    assert [row[-1] for row in benchmarks.rows(found)[1:]] == ["1.5", "1.0", "3.0", "1.0"]
    assert "NVIDIA X1" in benchmarks.source(found)


def test_whole_runs_are_in_the_order_of_their_lengths_and_show_their_seconds():
    every = [{"way": "train", "samples": count, "seconds": 99.6, "samples_per_second": 50.0} for count in (20000, 2000)]
    head, *rows = benchmarks.rows(FOUND | {"rows": every})
    assert head[1:] == ["samples", "seconds, start to end", "samples/s"]
    assert [row[1:] for row in rows] == [["2,000", "100", "50.0"], ["20,000", "100", "50.0"]]


def test_of_a_card_the_fastest_with_each_method_are_shown_and_what_failed_is_not():
    less = {"share_of_matrix_rate": 0.1, "gradient_checkpointing": True, "family": "minicpm_o", "way": "plain"}
    kept = less | {"gradient_checkpointing": False}
    every = [
        less | {"gb": 16, "four_bit": True, "batch_size": 4, "samples_per_second": 4.8},
        less | {"gb": 24, "four_bit": True, "batch_size": 4, "samples_per_second": 5.0},
        less | {"gb": 24, "four_bit": True, "batch_size": 16, "samples_per_second": 14.8},
        kept | {"gb": 24, "four_bit": False, "batch_size": 4, "samples_per_second": 4.1},
        less | {"gb": 8, "four_bit": True, "batch_size": 1, "failed": "out of memory"},
        less | {"gb": 40, "four_bit": True, "batch_size": 16, "samples_per_second": 12.0},
        less | {"gb": 40, "four_bit": False, "batch_size": 16, "samples_per_second": 15.0},
        less | {"gb": 8, "four_bit": False, "batch_size": 1, "samples_per_second": 1.1, "family": "qwen2_vl"},
    ]
    head, *rows = benchmarks.rows(FOUND | {"rows": every})
    assert head[2:] == ["memory (GB)", "method", "samples at once", "gradient checkpointing", "samples/s"]
    assert [row[2:] for row in rows] == [
        ["40", "LoRA", "16", "yes", "15.0"],
        ["40", "QLoRA", "16", "yes", "14.8"],  # as on 24 GB
        ["24", "LoRA", "4", "no", "4.1"],
        ["24", "QLoRA", "16", "yes", "14.8"],
        ["16", "QLoRA", "4", "yes", "4.8"],
        ["8", "LoRA", "1", "yes", "1.1"],
    ]


def test_other_programs_are_named_with_their_version():
    peer = {"way": "llamafactory", "samples_per_second": 8.0, "version": "0.9.5"}
    rows = benchmarks.rows(FOUND | {"rows": [FOUND["rows"][0], peer]})[1:]
    assert rows[1][0].startswith("LLaMA-Factory 0.9.5") and rows[1][-1] == "2.0"


def test_a_column_that_no_row_has_is_left_out():
    assert len(benchmarks.rows(FOUND | {"rows": FOUND["rows"][:1]})[0]) == 4


def test_card_torch_and_date_stand_below(monkeypatch):
    for language in ("en", "zh"):
        monkeypatch.setenv("LESSON_LANGUAGE", language)
        assert all(word in benchmarks.source(FOUND) for word in ("NVIDIA X1", "790", "2.11.0", "2026-11-27"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["training", "families", "whole_runs", "scaling"])
def test_the_tables_of_the_lesson_are_shown(name, language, monkeypatch):
    shown = []
    monkeypatch.setattr(jupyter, "display", shown.append)
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    benchmarks.benchmark(name)
    lines, found = shown[0]["text/plain"].splitlines(), json.loads((FILES[0].parent / f"{name}.json").read_bytes())
    assert len(lines) == len(found["rows"]) + 2
    assert lines[-1] in shown[0]["text/html"] and shown[0]["text/html"].count("<tr>") == len(lines) - 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_says_what_it_was_measured_on(path):
    found = json.loads(path.read_bytes())
    assert {"card", "torch", "date", "rows"} <= found.keys() and found["rows"]
