"""Run the lessons, several at a time, each in a kernel of its own: for results, or to keep their outputs.

Whatever they write goes into an empty folder below `build/`, so that everything is trained anew and the reader's
`output/` stays as it is.
"""

import json
import os
import shutil
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from helpers.course.board import Board
from helpers.course.machine import gpu, machine
from helpers.course.notebooks import code_cells, load, save
from helpers.course.runner import run_lesson, stop, tidy
from helpers.doctor import cores
from helpers.files import write_text
from helpers.paths import short
from helpers.training.resume import FINISHED

AFTER = {"07_inference": "06_qwen2_vl_lora"}  # a lesson that takes another's adapter starts behind it
FIRST = "01_install"  # its result is on the screen within a minute
GB_EACH = 4  # memory, in units of 10^9 bytes, that a lesson may take


def tour(notebooks: Path, language: str, chosen: list[str], build: Path, real: dict | None = None) -> list[dict]:
    """Run the lessons of one language; write HTML and tour.json under `build`; return the rows of the table.

    Args:
        real: what `Settings.real` gets, such as {"models_dir": folder}: the lessons then run with official weights, one
            after the other and without their exercises; what they write goes into `build/real/`, their pages into
            `build/en-real/` or `build/zh-real/`, and the results into `tour-real.json`.
    """
    name, output, pages = "tour.json", build, build / language
    if real is not None:
        name, output, pages = "tour-real.json", build / "real", build / f"{language}-real"
    folder, facts = empty_output(output, language), machine() | ({} if real is None else gpu())
    start, rows = time.monotonic(), []
    for notebook, row in run_all(lesson_paths(notebooks, language, chosen), real):
        if real is not None:
            row["samples_per_second"] = samples_per_second(folder / row["lesson"])
        rows = sorted([*rows, row], key=lambda row: row["lesson"])
        write_page(notebook, pages / f"{row['lesson']}.html")
        found = {"seconds": round(time.monotonic() - start, 1), "machine": facts, "lessons": rows}
        write_text(build / name, json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    return rows


def keep_outputs(notebooks: Path, language: str, chosen: list[str], build: Path) -> list[dict]:
    """Run lessons and keep their outputs in the notebooks. A lesson that fails keeps the outputs it had."""
    folder, rows = empty_output(build, language), []
    for notebook, row in run_all(lesson_paths(notebooks, language, chosen)):
        rows.append(row)
        if "error" not in row:
            tidy(notebook, folder)
            notebook.metadata["seconds"] = round(row["seconds"])
            save(notebook, notebooks / language / f"{row['lesson']}.ipynb")
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


def empty_output(build: Path, language: str) -> Path:
    """An empty folder that lessons started from now on take for `output/`."""
    folder = (build / "lessons" / language).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    os.environ["LESSON_OUTPUT"] = str(folder)
    return folder


# --- several at a time --------------------------------------------------------------------------


def run_all(paths: list[Path], real: dict | None = None):
    """Run lessons, as many at a time as cores and memory allow; yields (notebook, row) as each ends.

    They begin as ``in_order`` says; one that takes another's adapter waits for it. Whatever stops this process stops
    the kernels.
    """
    waiting, running, kernels = in_order(paths), {}, set()
    at_once = min(len(paths), lessons_at_once()) if real is None else 1
    run = partial(run_lesson, threads=max(1, cores() // at_once), kernels=kernels, real=real)
    with ThreadPoolExecutor(at_once) as pool, Board(len(paths)) as board:
        try:
            while waiting or running:
                unfinished = {path.stem for path in [*waiting, *running.values()]}
                ready = [path for path in waiting if AFTER.get(path.stem) not in unfinished]
                for path in ready[: at_once - len(running)]:
                    waiting.remove(path)
                    running[pool.submit(_run_one, path, board, run)] = path
                for future in wait(running, return_when=FIRST_COMPLETED)[0]:
                    del running[future]
                    yield future.result()
        except BaseException:
            stop(kernels)
            raise


def _run_one(path, board, run):
    name = f"{path.parent.name}/{path.stem}"
    board.begin(name)
    notebook, row = run(path, partial(board.advance, name))
    end = f"FAILED at {row['error']}" if "error" in row else "done"
    board.end(name, f"{name}  {len(code_cells(notebook))} cells  {row['seconds']:.0f} s  {end}")
    return notebook, row


def in_order(paths: list[Path]) -> list[Path]:
    """The order in which to begin: the first lesson, one that another waits for, then the longest.

    How long a lesson takes is what it took when its outputs were kept.
    """
    seconds = {path: load(path).metadata.get("seconds", 0) for path in paths}
    return sorted(paths, key=lambda path: (path.stem != FIRST, path.stem not in AFTER.values(), -seconds[path]))


def lessons_at_once() -> int:
    """One lesson a core, as far as memory goes."""
    import psutil

    return max(1, min(cores(), int(psutil.virtual_memory().available / 1e9 / GB_EACH)))


def samples_per_second(folder: Path) -> dict[str, float]:
    """{run: training samples a second} of the finished runs below a lesson's folder, as their Trainer measured it.

    A run written out by hand leaves ``train_results.json``, which ``Trainer.save_metrics`` writes.
    """
    found = {note.parent: json.loads(note.read_bytes()) for note in folder.glob("**/train_results.json")}
    found |= {note.parent: json.loads(note.read_bytes())["run"]["metrics"] for note in folder.glob(f"**/{FINISHED}")}
    rates = {run.relative_to(folder).as_posix(): metrics["train_samples_per_second"] for run, metrics in found.items()}
    return {run: round(rate, 1) for run, rate in sorted(rates.items())}


def write_page(notebook, path: Path) -> None:
    """Write a notebook with its outputs as an HTML page, as deep below the project as notebooks lie: links hold."""
    from nbconvert import HTMLExporter

    notebook.metadata["title"] = path.stem
    page, _ = HTMLExporter().from_notebook_node(notebook)
    write_text(path, page)
