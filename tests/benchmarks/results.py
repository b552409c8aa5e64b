"""What the benchmarks beside this file found, kept in data/benchmarks with card, torch and date; processes for them."""

import json
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context, set_start_method
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parents[2] / "data" / "benchmarks"


def facts(small):
    """On what, with what and when it is measured; ``small``: on a CPU."""
    card = "CPU" if small else torch.cuda.get_device_name()
    return {"card": card, "torch": torch.__version__.split("+")[0], "date": date.today().isoformat()}


def write(name, found):
    (FOLDER / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def rows(name, small):
    """Those kept so far; none if it is only tried out."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_bytes())["rows"] if path.exists() and not small else []


def keep(name, found, row, small):
    """Put ``row`` into ``found`` in place of an older one of its name; write it down, unless it is only tried out."""
    print(json.dumps(row), flush=True)
    names = ("family", "targets", "way", "samples", "gb", "batch_size", "gradient_checkpointing", "four_bit")
    kept = [old for old in found["rows"] if any(old.get(name) != row.get(name) for name in names)]
    found["rows"] = [*kept, row]
    if not small:
        write(name, found)


def fresh_processes(count):
    """A pool of new processes, which can use a GPU; their loaders are forked, or each would import everything anew."""
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_fork_from_here)


def _fork_from_here():
    set_start_method("fork", force=True)  # a method of an object, of which initializer= would send a copy
