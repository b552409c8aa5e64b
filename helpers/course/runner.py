"""One lesson run in a kernel of its own: its outputs, its results, and what it took of the machine."""

import base64
import json
import os
import re
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from helpers.course.machine import vram_gb
from helpers.course.notebooks import code_cells, code_fingerprint, in_real_mode, leave_out_solutions, load
from helpers.jupyter import in_few_colours
from helpers.paths import OUTPUT, ROOT, short
from helpers.show.tables import RESULTS_MIME

WIDGET = "application/vnd.jupyter.widget-view+json"
CELL_SECONDS = 900  # in tiny mode; with official weights a training takes as long as it takes


def run_lesson(path: Path, progress=None, threads=None, kernels: set | None = None, real: dict | None = None):
    """Run one notebook in its own kernel, in its own folder; the file itself is not changed.

    Args:
        progress: called at the start and before each code cell, as progress(number of the cell, number of cells).
        threads: how many the kernel's libraries may start; None: as many as they like.
        kernels: a set that holds the kernel's process while it runs, for ``stop``.
        real: run it in real mode, with these arguments of ``Settings.real`` and without its exercises.

    Returns:
        (the executed notebook, its row for build/tour.json): lesson, language, seconds, results, cores (processor time
        / wall time), peak_gb (memory of the kernel and what it started) and vram_gb (of all GPUs; 0 without one), both
        in units of 10^9 bytes. A failed one has "error": cell id and the last line of the message.
    """
    from nbclient import NotebookClient

    notebook, start, kernels = load(path), time.monotonic(), set() if kernels is None else kernels
    _forget_outputs(notebook)
    if real is not None:
        leave_out_solutions(notebook)
        in_real_mode(notebook, **real)
    folder = {"metadata": {"path": str(path.parent)}}
    seconds = CELL_SECONDS if real is None else None
    client = NotebookClient(notebook, timeout=seconds, kernel_name="python3", resources=folder)
    row = {"lesson": path.stem, "language": path.parent.name, "seconds": 0.0, "results": []}
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    environment.pop("LESSON_LANGUAGE", None)  # the notebook's folder decides
    if progress:
        progress(0, len(code_cells(notebook)))
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as kernel_log:
        with client.setup_kernel(stderr=kernel_log, env=environment), _watched(client.km, row, kernels):
            error = _run_cells(client, progress)
        kernel_log.seek(0)
        last_words = (kernel_log.read().strip().splitlines() or [""])[-1]
    if error:
        row["error"] = f"{error}; {last_words}" if "Kernel died" in error else error
    row["seconds"] = round(time.monotonic() - start, 1)
    row["cores"] = round(row.pop("processor_seconds") / max(row["seconds"], 0.1), 2)
    row["results"] = collect_results(notebook)
    return notebook, row


@contextmanager
def _watched(kernel, row, kernels):
    """Note in ``row`` processor time and peak memory of the kernel and of all it starts, and of the GPUs."""
    import psutil

    process, over, before = psutil.Process(kernel.provisioner.process.pid), threading.Event(), vram_gb()
    kernels.add(process)
    row |= {"processor_seconds": 0.0, "peak_gb": 0.0, "vram_gb": 0.0}

    def look():
        family = [process, *process.children(recursive=True)]
        times, memory = process.cpu_times(), 0
        seconds = times.children_user + times.children_system
        for member in family:
            try:
                seconds += sum(member.cpu_times()[:2])
                memory += member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        row["processor_seconds"] = max(row["processor_seconds"], seconds)
        row["peak_gb"] = max(row["peak_gb"], round(memory / 1e9, 2))
        row["vram_gb"] = max(row["vram_gb"], round(vram_gb() - before, 1))

    def watch():
        while not over.wait(0.5):
            try:
                look()
            except psutil.NoSuchProcess:
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        kernels.discard(process)


def stop(kernels) -> None:
    """Kill the kernels and what they started: the lessons that they run fail at once."""
    import psutil

    for kernel in list(kernels):
        try:
            for process in [*kernel.children(recursive=True), kernel]:
                process.kill()
        except psutil.NoSuchProcess:
            continue


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
            name = re.compile(re.escape(short(folder)) + "(  +)?")
            kept = from_dict(json.loads(name.sub(_renamed, json.dumps(kept))))
        cell.outputs = kept
        for output in cell.outputs:
            _say_once(output.get("data", {}))
            _draw_small(output.get("data", {}))


def _renamed(found):
    """`output` for the name of a folder; what stands in the next column of a table stays there."""
    return "output" + " " * (len(found[0]) - len("output") if found[1] else 0)


def _say_once(data):
    """Leave out of an output's ``data`` what another kind of it says as well."""
    if "image/jpeg" in data:  # a picture displayed as it is comes as PNG too, far larger
        data.pop("image/png", None)
    lines = data.get("text/plain", "").splitlines()
    if "text/html" in data and len(lines) > 1:  # a table in words, for programs that show no HTML
        data["text/plain"] = f"{lines[0]} …"


def _draw_small(data):
    """Keep a plot as it would be had ``helpers.jupyter`` shown it: matplotlib's own PNG is three times as large."""
    if "image/png" in data:
        data["image/png"] = base64.b64encode(in_few_colours(base64.b64decode(data["image/png"]))).decode()


def _last_line(error: Exception) -> str:
    if getattr(error, "ename", None):
        return f"{error.ename}: {(error.evalue.strip().splitlines() or [''])[-1]}"
    return str(error).strip().splitlines()[0]


def _forget_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def _is_noise(output) -> bool:
    return output.get("name") == "stderr" or WIDGET in output.get("data", {})
