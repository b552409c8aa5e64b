"""helpers.course.report: the figures of a tour reach the tables, and nothing else does."""

import json

import pytest

from helpers.course import report

HEADS = report.HEADS["README.md"]
ROW = {"task": "formulas", "metric": "cer", "before": 0.5, "after": 0.125, "n": 200}
RIGHT = ROW | {"metric": "exact_match", "before": 0.04, "after": 0.7}


def test_readmes_have_one_row_a_task_and_all_measures_below():
    rows = [
        {"lesson": "02_x", "seconds": 6.0, "results": []},
        {
            "lesson": "06_x",
            "seconds": 90.0,
            "results": [ROW, ROW | {"metric": "exact_match", "before": 0.04, "after": 0.7}],
        },
    ]
    lines = report.readme_results(rows, report.HEADS["README.md"]).splitlines()
    assert lines[2:4] == [
        "| `02_x` |  |  |  |  | 0.1 |",
        "| `06_x` | formulas | 4.0 % → 70.0 % | 0.500 → 0.125 | 200 | 1.5 |",
    ]
    assert (
        "| formulas | exact_match | 0.040 | 0.700 | 200 |"
        in lines[lines.index("<details><summary>All measures</summary>") :]
    )


def test_readmes_are_written_between_the_marks(tmp_path):
    row = {"lesson": "06_x", "language": "en", "seconds": 61.4, "results": [ROW, ROW | {"metric": "exact_match"}]}
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "tour.json").write_text(json.dumps({"lessons": [row]}), encoding="utf-8")
    for name in ("README.md", "README_zh.md"):
        (tmp_path / name).write_text(f"top\n{report.README_START}\nold\n{report.README_END}\nend\n", encoding="utf-8")
    report.write_readmes(tmp_path)
    text = (tmp_path / "README_zh.md").read_text(encoding="utf-8")
    assert "old" not in text and "0.125" in text and text.startswith("top\n") and text.endswith("end\n")


def test_readmes_are_not_written_from_a_failed_tour():
    with pytest.raises(ValueError, match="lessons failed: 06_x"):
        report.readme_results([{"lesson": "06_x", "seconds": 1.0, "results": [], "error": "cell: X"}], HEADS)


def test_missing_tour_is_said(tmp_path):
    with pytest.raises(ValueError, match="run make tour"):
        report.write_readmes(tmp_path)
