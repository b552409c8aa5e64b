"""Run the lessons one after another, each in a kernel of its own: for results, or to keep their outputs.

Whatever they write goes into an empty folder below `build/`, so that everything is trained anew and the reader's
`output/` stays as it is.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from helpers.course.notebooks import code_cells, code_fingerprint, load, save
from helpers.files import write_text
from helpers.paths import OUTPUT, ROOT, short
from helpers.show.tables import RESULTS_MIME

WIDGET = "application/vnd.jupyter.widget-view+json"
CELL_SECONDS = 900
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def run_lesson(path: Path, progress=None) -> tuple[object, dict]:
    """Run one notebook in its own kernel, in its own folder; the file itself is not changed.

    progress is called at the start and before each code cell, as progress(number of the cell, number of cells).
    Returns (the executed notebook, its row for build/tour.json); a failed one has "error" in its row: cell id and the
    last line of the message.
    """
    from nbclient import NotebookClient

    notebook, start = load(path), time.monotonic()
    _forget_outputs(notebook)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=folder)
    row = {"lesson": path.stem, "language": path.parent.name, "seconds": 0.0, "results": [], "cores": _cores()}
    if progress:
        progress(0, len(code_cells(notebook)))
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as kernel_log:
        with client.setup_kernel(stderr=kernel_log):
            error = _run_cells(client, progress)
        kernel_log.seek(0)
        last_words = (kernel_log.read().strip().splitlines() or [""])[-1]
    if error:
        row["error"] = f"{error}; {last_words}" if "Kernel died" in error else error
    row["seconds"] = round(time.monotonic() - start, 1)
    row["results"] = collect_results(notebook)
    return notebook, row


def _run_cells(client, progress) -> str:
    """Run the cells in order up to the first that fails; returns "" or what failed."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    numbers = {cell.id: number for number, cell in enumerate(code_cells(client.nb), start=1)}
    for index, cell in enumerate(client.nb.cells):
        if progress and cell.id in numbers:
            progress(numbers[cell.id], len(numbers))
        try:
            client.execute_cell(cell, index, store_history=True)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return f"{cell.id}: {_last_line(error)}"
    client.set_widgets_metadata()
    return ""


def collect_results(notebook) -> list[dict]:
    """The results that `show.results` left in the outputs: dictionaries with task, metric, before, after and n."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [result for output in outputs for result in output.get("data", {}).get(RESULTS_MIME, [])]


def tour(notebooks: Path, language: str, chosen: list[str], build: Path) -> list[dict]:
    """Run the lessons of one language; write HTML and tour.json under `build`; return the rows of the table."""
    empty_output(build, language)
    rows = []
    for path, notebook, row in _run_each(lesson_paths(notebooks, language, chosen)):
        rows.append(row)
        _write_page(notebook, build / language / f"{path.stem}.html")
        write_text(build / "tour.json", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    return rows


def keep_outputs(notebooks: Path, language: str, chosen: list[str], build: Path) -> list[dict]:
    """Run lessons and keep their outputs in the notebooks. A lesson that fails keeps the outputs it had."""
    folder, rows = empty_output(build, language), []
    for path, notebook, row in _run_each(lesson_paths(notebooks, language, chosen)):
        rows.append(row)
        if "error" not in row:
            tidy(notebook, folder)
            save(notebook, path)
    return rows


def _run_each(paths):
    """Run lessons in order and say how each goes; yields (path, executed notebook, row)."""
    for path in paths:
        with _progress_line(f"{path.parent.name}/{path.stem}") as progress:
            notebook, row = run_lesson(path, progress)
        _say_finished(row, len(code_cells(notebook)))
        yield path, notebook, row


def lesson_paths(notebooks: Path, language: str, chosen: list[str]) -> list[Path]:
    """Notebooks to run, in order. Raises ValueError naming the lessons there are, if a chosen one is not among them."""
    paths = sorted((notebooks / language).glob("[0-9]*.ipynb"))
    names = [path.stem for path in paths]
    if not names:
        raise ValueError(f"there are no lessons in {short(notebooks / language)}/")
    if unknown := [name for name in chosen if name not in names]:
        raise ValueError(f"no lesson {', '.join(unknown)} in {language}; there are: {', '.join(names)}")
    return [path for path in paths if not chosen or path.stem in chosen]


def empty_output(build: Path, language: str) -> Path:
    """An empty folder that lessons started from now on take for `output/`."""
    folder = build / "lessons" / language
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["LESSON_OUTPUT"] = str(folder)
    return folder


def tidy(notebook, folder: Path = OUTPUT):
    """Leave in the outputs what a reader of the page wants: no warnings, no dead progress bars, no times of day.

    The folder where the lesson wrote is named `output` there, which is where it will be for the reader.
    """
    from nbformat import from_dict

    notebook.metadata.pop("widgets", None)
    notebook.metadata["executed"] = code_fingerprint(notebook)
    for cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        kept = [output for output in cell.outputs if not _is_noise(output)]
        if folder.is_relative_to(ROOT):
            kept = from_dict(json.loads(json.dumps(kept).replace(short(folder), "output")))
        cell.outputs = kept
        for output in cell.outputs:
            if "image/jpeg" in output.get("data", {}):  # a picture displayed as it is comes as PNG too, far larger
                output.data.pop("image/png", None)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _last_line(error: Exception) -> str:
    if getattr(error, "ename", None):
        return f"{error.ename}: {(error.evalue.strip().splitlines() or [''])[-1]}"
    return str(error).strip().splitlines()[0]


def _forget_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def _is_noise(output) -> bool:
    return output.get("name") == "stderr" or WIDGET in output.get("data", {})


@contextmanager
def _progress_line(name: str):
    """A progress callback: one line redrawn every second in a terminal, one line at the start elsewhere."""
    start, now, finished = time.monotonic(), [0, 0], threading.Event()

    def draw():
        seconds = time.monotonic() - start
        print(f"\r\033[K{name}  cell {now[0]} of {now[1]}  {seconds:.0f} s", end="", flush=True)

    def tick():
        while not finished.wait(1):
            draw()

    def show(number: int, count: int):
        now[:] = number, count
        if sys.stdout.isatty():
            draw()
        elif number == 0:
            print(f"{name}  {count} cells ...", flush=True)

    ticking = threading.Thread(target=tick, daemon=True)
    if sys.stdout.isatty():
        ticking.start()
    try:
        yield show
    finally:
        finished.set()
        if ticking.is_alive():
            ticking.join()


def _say_finished(row: dict, count: int):
    start = "\r\033[K" if sys.stdout.isatty() else ""
    end = f"FAILED at {row['error']}" if "error" in row else "done"
    print(f"{start}{row['language']}/{row['lesson']}  {count} cells  {row['seconds']:.0f} s  {end}", flush=True)


def _write_page(notebook, path: Path):
    from nbconvert import HTMLExporter

    notebook.metadata["title"] = path.stem
    page, _ = HTMLExporter().from_notebook_node(notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)
