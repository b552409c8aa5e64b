"""helpers.course.report: the figures of a tour reach the tables, and nothing else does."""

import json

import pytest
from nbformat import v4

from helpers.course import notebooks, report
from helpers.language import labels
from helpers.show.tables import RESULTS_MIME

ROW = {"task": "formulas", "metric": "cer", "before": 0.5, "after": 0.125, "n": 200}
RIGHT = ROW | {"metric": "exact_match", "before": 0.04, "after": 0.7}


def test_readmes_have_one_row_a_task_and_all_measures_below():
    rows = [
        {"lesson": "02_x", "seconds": 6.0, "results": []},
        {
            "lesson": "06_x",
            "seconds": 90.0,
            "results": [ROW, RIGHT],
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


def test_the_chinese_readme_has_chinese_heads_and_tasks():
    task, chinese = next(iter(labels().items()))
    rows = [{"lesson": "06_x", "seconds": 90.0, "results": [ROW | {"task": task}, RIGHT | {"task": task}]}]
    lines = report.readme_results(rows, report.HEADS["README_zh.md"]).splitlines()
    assert lines[0].startswith("| 课程 | 任务 |") and f"| `06_x` | {chinese} | 4.0 % → 70.0 % |" in lines[2]
    assert "| 任务 | 指标 | 微调前 | 微调后 | n |" in lines and f"| {chinese} | cer | 0.500 | 0.125 | 200 |" in lines


def kept(folder, name, *results, **metadata):
    """A notebook whose kept outputs hold these results."""
    shown = v4.new_output("display_data", {"text/plain": "table", RESULTS_MIME: list(results)})
    cell = v4.new_code_cell("show.results(comparison)", id="after", outputs=[shown])
    path = folder / "notebooks" / "en" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebooks.save(v4.new_notebook(cells=[cell], metadata=metadata), path)


SPEED = {"card": "X1", "torch": "2.0", "date": "2026-01-01", "matrix_tflops": 800.0}
RATES = {"samples_per_second": 4.0, "share_of_matrix_rate": 0.01, "peak_gb": 12.5}


def write_readmes(folder, end=report.README_END):
    rows = [RATES | {"way": "seed"}, RATES | {"way": "packed", "samples_per_second": 60.0}]
    (folder / "data" / "benchmarks").mkdir(parents=True)
    for name in report.SPEED:
        (folder / "data" / "benchmarks" / f"{name}.json").write_text(
            json.dumps(SPEED | {"rows": rows}), encoding="utf-8"
        )
    speed = f"{report.SPEED_START}\nold\n{report.SPEED_END}"
    for name in ("README.md", "README_zh.md"):
        (folder / name).write_text(f"top\n{report.README_START}\nold\n{end}\n{speed}\nend\n", encoding="utf-8")


def test_readmes_get_what_the_notebooks_show_between_the_marks(tmp_path):
    kept(tmp_path, "06_x", ROW, RIGHT, seconds=61)
    kept(tmp_path, "02_x", seconds=12)
    write_readmes(tmp_path)
    report.write_readmes(tmp_path)
    text = (tmp_path / "README_zh.md").read_text(encoding="utf-8")
    assert "old" not in text and text.startswith("top\n") and text.endswith("end\n")
    assert [line.split(" | ")[0] for line in text.splitlines()[4:6]] == ["| `02_x`", "| `06_x`"]
    assert "| `06_x` | formulas | 4.0 % → 70.0 % | 0.500 → 0.125 | 200 | 1.0 |" in text
    assert "| 60.0 | 1.0% | 12.5 | 15.0 |" in text and "X1" in text


def test_a_readme_without_its_marks_is_named(tmp_path):
    kept(tmp_path, "06_x", ROW, RIGHT, seconds=61)
    write_readmes(tmp_path, end="")
    with pytest.raises(ValueError, match="README.md: the marks .* are gone"):
        report.write_readmes(tmp_path)


def test_a_tour_in_real_mode_tells_what_it_took_of_the_gpu():
    row = {"lesson": "06_x", "seconds": 1.0, "results": [RIGHT], "vram_gb": 26.9, "samples_per_second": {"run": 19.6}}
    assert report.table([row]).splitlines()[-1] == "06_x  26.9 GB of GPU memory, run 19.6 samples/s"
