"""helpers.course.report: the figures of a tour reach the tables, and nothing else does."""

import json

import pytest

from helpers.course import report

ROW = {"task": "formulas", "metric": "cer", "before": 0.5, "after": 0.125, "n": 200}


def test_readme_table_has_a_row_for_each_result():
    row = {"lesson": "06_x", "language": "en", "seconds": 61.4, "results": [ROW, ROW | {"metric": "exact_match"}]}
    assert report.readme_table([row]).splitlines()[2:] == [
        "| `06_x` | 61 | formulas | cer | 0.500 | 0.125 | 200 |",
        "|  |  | formulas | exact_match | 0.500 | 0.125 | 200 |",
    ]


def test_readmes_are_written_between_the_marks(tmp_path):
    row = {"lesson": "06_x", "language": "en", "seconds": 61.4, "results": [ROW]}
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "tour.json").write_text(json.dumps([row]), encoding="utf-8")
    for name in ("README.md", "README_zh.md"):
        (tmp_path / name).write_text(f"top\n{report.README_START}\nold\n{report.README_END}\nend\n", encoding="utf-8")
    report.write_readmes(tmp_path)
    text = (tmp_path / "README_zh.md").read_text(encoding="utf-8")
    assert "old" not in text and "0.125" in text and text.startswith("top\n") and text.endswith("end\n")


def test_readmes_are_not_written_from_a_failed_tour():
    with pytest.raises(ValueError, match="lessons failed: 06_x"):
        report.readme_table([{"lesson": "06_x", "seconds": 1.0, "results": [], "error": "cell: X"}])


def test_missing_tour_is_said(tmp_path):
    with pytest.raises(ValueError, match="run make tour"):
        report.write_readmes(tmp_path)
