"""Run the lessons from the command line, each in a kernel of its own.

`python -m helpers.tour run`      all lessons, offline, in tiny mode; HTML pages and tour.json in build/ (`make tour`)
`python -m helpers.tour outputs`  the same for both languages, keeping the outputs in the notebooks (`make outputs`)
`python -m helpers.tour readme`   the results table of both READMEs from build/tour.json (`make readme`)
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from helpers import lessons, report
from helpers.files import write_text
from helpers.settings import ROOT, short

RESULTS = "application/vnd.ocr-lessons.results+json"
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

    notebook, start = lessons.load(path), time.monotonic()
    _forget_outputs(notebook)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=folder)
    row = {"lesson": path.stem, "language": path.parent.name, "seconds": 0.0, "results": [], "cores": _cores()}
    if progress:
        progress(0, len(lessons.code_cells(notebook)))
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

    numbers = {cell.id: number for number, cell in enumerate(lessons.code_cells(client.nb), start=1)}
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
    outputs = [output for cell in lessons.code_cells(notebook) for output in cell.outputs]
    return [result for output in outputs for result in output.get("data", {}).get(RESULTS, [])]


def tour(notebooks: Path, language: str, chosen: list[str], build: Path) -> list[dict]:
    """Run the lessons of one language; write HTML and tour.json under `build`; return the rows of the table."""
    rows = []
    for path in lesson_paths(notebooks, language, chosen):
        with _progress_line(f"{language}/{path.stem}") as progress:
            notebook, row = run_lesson(path, progress)
        rows.append(row)
        _say_finished(row, len(lessons.code_cells(notebook)))
        _write_page(notebook, build / language / f"{path.stem}.html")
        write_text(build / "tour.json", json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    return rows


def lesson_paths(notebooks: Path, language: str, chosen: list[str]) -> list[Path]:
    """Notebooks to run, in order. Raises ValueError naming the lessons there are, if a chosen one is not among them."""
    paths = sorted((notebooks / language).glob("[0-9]*.ipynb"))
    names = [path.stem for path in paths]
    if not names:
        raise ValueError(f"there are no lessons in {short(notebooks / language)}/")
    if unknown := [name for name in chosen if name not in names]:
        raise ValueError(f"no lesson {', '.join(unknown)} in {language}; there are: {', '.join(names)}")
    return [path for path in paths if not chosen or path.stem in chosen]


def keep_outputs(notebooks: Path, languages, chosen: list[str]) -> list[dict]:
    """Run lessons and keep their outputs in the notebooks. A lesson that fails keeps the outputs it had."""
    rows = []
    for path in [path for language in languages for path in lesson_paths(notebooks, language, chosen)]:
        with _progress_line(f"{path.parent.name}/{path.stem}") as progress:
            notebook, row = run_lesson(path, progress)
        rows.append(row)
        _say_finished(row, len(lessons.code_cells(notebook)))
        if "error" not in row:
            tidy(notebook)
            lessons.save(notebook, path)
    return rows


def tidy(notebook):
    """Leave in the outputs what a reader of the page wants: no warnings, no dead progress bars, no times of day."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["executed"] = lessons.code_fingerprint(notebook)
    for cell in lessons.code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = [output for output in cell.outputs if not _is_noise(output)]
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
    for cell in lessons.code_cells(notebook):
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


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.tour", description="Run the lessons.")
    parser.add_argument("command", choices=("run", "outputs", "readme"))
    parser.add_argument(
        "--language", choices=lessons.LANGUAGES, help="run: en unless given; outputs: both unless given"
    )
    parser.add_argument("--lessons", nargs="*", default=[], help="names such as 06_qwen2_vl_lora; all unless given")
    parser.add_argument("--notebooks", type=Path, default=ROOT / "notebooks")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    given = parser.parse_args(arguments)
    os.environ.update(OFFLINE)
    try:
        if given.command == "readme":
            report.write_readmes(ROOT)
            return 0
        if given.command == "run":
            rows = tour(given.notebooks, given.language or "en", given.lessons, given.build)
            print(f"\n{report.table(rows)}\n\npages and tour.json: {short(given.build)}/")
        else:
            languages = [given.language] if given.language else lessons.LANGUAGES
            rows = keep_outputs(given.notebooks, languages, given.lessons)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the kernel is shut down, the notebooks are as they were", file=sys.stderr)
        return 130
    return 1 if any("error" in row for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
