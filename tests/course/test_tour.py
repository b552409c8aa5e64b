"""helpers.course.tour: lessons run in order, one failure stops nothing, outputs are kept tidy."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from nbformat import v4
from PIL import Image

from helpers.course import notebooks, runner, tour
from helpers.paths import ROOT
from helpers.show.tables import RESULTS_MIME

ROW = {"task": "formulas", "metric": "cer", "before": 0.5, "after": 0.125, "n": 200}
SHOW = f"""from IPython.display import display
display({{"text/plain": "ok", "{RESULTS_MIME}": [{ROW!r}]}}, raw=True)"""
NOISE = """import sys, os
print("to stderr", file=sys.stderr)
from IPython.display import display
display({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "bar"}, raw=True)
print(os.path.basename(os.getcwd()), os.environ["HF_HUB_OFFLINE"])"""


def write_lesson(folder, name, *sources):
    cells = [v4.new_markdown_cell("# Words", id="title")]
    cells += [v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources, start=1)]
    path = folder / "en" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebooks.save(v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    """(folder, exit status, printed text) of one tour over a good lesson, one that fails, and one after it."""
    folder = tmp_path_factory.mktemp("tour")
    write_lesson(folder, "01_good", NOISE, SHOW)
    write_lesson(folder, "02_fails", "x = 1", "raise ValueError('first line\\nlast line')", "x = 2")
    write_lesson(folder, "03_dies", "import os; os.write(2, b'out of luck'); os._exit(3)")
    write_lesson(folder, "04_after", SHOW)
    command = [sys.executable, "-m", "helpers.course", "tour", "--notebooks", folder, "--build", folder / "build"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return folder, ran.returncode, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def rows(toured):
    return json.loads((toured[0] / "build" / "tour.json").read_text(encoding="utf-8"))["lessons"]


def test_a_failed_lesson_fails_the_tour_but_stops_no_other(toured, rows):
    assert toured[1] == 1
    assert [(row["lesson"], "error" in row) for row in rows] == [
        ("01_good", False),
        ("02_fails", True),
        ("03_dies", True),
        ("04_after", False),
    ]


def test_failure_names_the_cell_and_the_last_line(toured, rows):
    assert rows[1]["error"] == "cell-2: ValueError: last line"
    assert "en/02_fails  3 cells" in toured[2] and "FAILED at cell-2: ValueError: last line" in toured[2]


def test_a_kernel_that_dies_is_named_with_its_last_words(rows):
    assert rows[2]["error"].startswith("cell-1: Kernel died") and rows[2]["error"].endswith("out of luck")


def test_rows_hold_language_seconds_and_results(rows):
    assert rows[0]["language"] == "en" and rows[0]["seconds"] > 0
    assert [row["results"] for row in rows] == [[ROW], [], [], [ROW]]


def test_pages_are_written_even_for_the_failed_lesson(toured):
    pages = sorted(path.name for path in (toured[0] / "build" / "en").iterdir())
    assert pages == ["01_good.html", "02_fails.html", "03_dies.html", "04_after.html"]


def test_lessons_run_offline_in_their_own_folder(toured):
    assert "en 1" in (toured[0] / "build" / "en" / "01_good.html").read_text(encoding="utf-8")


def test_source_notebooks_are_not_changed(toured):
    assert all(
        cell.execution_count is None for cell in notebooks.code_cells(notebooks.load(toured[0] / "en/01_good.ipynb"))
    )


def test_output_ends_with_one_table(toured):
    table = toured[2][toured[2].index("lesson   ") :].splitlines()
    assert table[0].split() == ["lesson", "seconds", "task", "metric", "before", "after", "n"]
    assert table[1].split()[0] == "01_good" and table[1].split()[2:] == ["formulas", "cer", "0.500", "0.125", "200"]


def test_plain_output_has_no_control_characters(toured):
    assert "\r" not in toured[2] and "\033" not in toured[2]


def test_interrupt_ends_the_kernel_and_says_so(tmp_path):
    write_lesson(
        tmp_path, "01_sleeps", "import os; open('pid', 'w').write(str(os.getpid()))", "import time; time.sleep(60)"
    )
    command = [
        sys.executable,
        "-m",
        "helpers.course",
        "tour",
        "--notebooks",
        tmp_path,
        "--build",
        tmp_path / "build",
    ]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    pid = tmp_path / "en" / "pid"
    while not (pid.exists() and pid.read_text()):
        assert running.poll() is None
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130 and "stopped" in said and "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_kept_outputs_are_tidy_and_marked(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    path = write_lesson(tmp_path, "01_good", NOISE, "1 + 1")
    assert "error" not in tour.keep_outputs(tmp_path, "en", [], tmp_path / "build")[0]
    notebook = notebooks.load(path)
    assert [output.get("text", "") for output in notebook.cells[1].outputs] == ["en 1\n"]
    assert [cell.execution_count for cell in notebooks.code_cells(notebook)] == [1, 2]
    assert notebook.metadata["executed"] == notebooks.code_fingerprint(notebook)
    assert "execution" not in notebook.cells[1].metadata and "widgets" not in notebook.metadata


def test_a_displayed_picture_is_kept_once():
    both = v4.new_output("display_data", {"image/png": "long", "image/jpeg": "short", "text/plain": "picture"})
    alone = v4.new_output("display_data", {"image/png": plot()})
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1", id="cell-1", outputs=[both, alone])])
    runner.tidy(notebook)
    kept = [sorted(output.data) for output in notebook.cells[0].outputs]
    assert kept == [["image/jpeg", "text/plain"], ["image/png"]]


def plot():
    """A matplotlib plot as a notebook keeps it."""
    from matplotlib.figure import Figure

    figure, raw = Figure(), io.BytesIO()
    figure.subplots().plot([3, 1, 2])
    figure.savefig(raw, format="png")
    return base64.b64encode(raw.getvalue()).decode()


def test_a_kept_plot_is_small():
    output = v4.new_output("display_data", {"image/png": plot()})
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1", id="cell-1", outputs=[output])])
    runner.tidy(notebook)
    kept = notebook.cells[0].outputs[0].data["image/png"]
    assert len(kept) < 0.6 * len(plot()) and Image.open(io.BytesIO(base64.b64decode(kept))).size == (640, 480)


def test_a_table_in_words_is_cut_where_html_says_the_rest():
    words = "\n".join(map(str, range(20)))
    table = v4.new_output("display_data", {"text/plain": words, "text/html": "<table>…</table>"})
    alone = v4.new_output("display_data", {"text/plain": words})
    notebook = v4.new_notebook(cells=[v4.new_code_cell("1", id="cell-1", outputs=[table, alone])])
    runner.tidy(notebook)
    kept = [output.data["text/plain"].splitlines() for output in notebook.cells[0].outputs]
    assert kept == [["0 …"], words.splitlines()]


def test_a_failed_lesson_keeps_its_old_outputs(tmp_path):
    path = write_lesson(tmp_path, "01_fails", "1 / 0")
    before = path.read_bytes()
    assert (
        tour.keep_outputs(tmp_path, "en", [], tmp_path / "build")[0]["error"]
        == "cell-1: ZeroDivisionError: division by zero"
    )
    assert path.read_bytes() == before


def test_results_kept_from_an_earlier_run_do_not_count(tmp_path):
    path = write_lesson(tmp_path, "01_fails", "1 / 0", SHOW)
    notebook = notebooks.load(path)
    notebook.cells[2].outputs = [v4.new_output("display_data", {RESULTS_MIME: [ROW]})]
    assert runner.collect_results(notebook) == [ROW]
    notebooks.save(notebook, path)
    assert runner.run_lesson(path)[1]["results"] == []


def test_unknown_lesson_is_refused_with_those_there_are(tmp_path):
    write_lesson(tmp_path, "01_good")
    with pytest.raises(ValueError, match="no lesson 09_none in en; there are: 01_good"):
        tour.lesson_paths(tmp_path, "en", ["09_none"])


def test_a_folder_without_lessons_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there are no lessons in zh/"):
        tour.lesson_paths(tmp_path, "zh", [])


def test_the_first_lesson_begins_then_one_that_another_waits_for_then_the_longest(tmp_path):
    paths = []
    for seconds, name in (
        (5, "02_short"),
        (9, "03_long"),
        (7, "06_qwen2_vl_lora"),
        (8, "07_inference"),
        (1, tour.FIRST),
    ):
        paths.append(write_lesson(tmp_path, name))
        notebook = notebooks.load(paths[-1])
        notebook.metadata["seconds"] = seconds
        notebooks.save(notebook, paths[-1])
    found = [path.stem for path in tour.in_order(paths)]
    assert found == [tour.FIRST, "06_qwen2_vl_lora", "03_long", "07_inference", "02_short"]


def test_lessons_write_into_an_empty_folder_that_is_shown_as_the_usual_one(tmp_path):
    where = "from helpers.paths import OUTPUT, short\nprint(short(OUTPUT / 'run'), (OUTPUT / 'old').exists())"
    where += "\nprint(f'{short(OUTPUT)}  next column')"
    path = write_lesson(tmp_path, "01_where", where)
    build = ROOT / "build" / "test_tour"
    (build / "lessons" / "en" / "old").mkdir(parents=True, exist_ok=True)
    tour.keep_outputs(tmp_path, "en", [], build)
    assert notebooks.load(path).cells[1].outputs[0].text.splitlines() == [
        "output/run False",
        "output".ljust(len("build/test_tour/lessons/en  ")) + "next column",
    ]


def test_training_rates_are_those_of_the_helper_and_of_a_run_by_hand(tmp_path):
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
    (tmp_path / "a" / "finished.json").write_text('{"run": {"metrics": {"train_samples_per_second": 20.04}}}')
    (tmp_path / "b" / "train_results.json").write_text('{"train_samples_per_second": 3.46}')
    assert tour.samples_per_second(tmp_path) == {"a": 20.0, "b": 3.5}
