"""What was measured on a GPU, as a table: the files of ``data/benchmarks``, which ``tests/benchmarks`` writes."""

import json

from helpers import jupyter
from helpers.language import columns_of, message, padded
from helpers.models.families import get_family
from helpers.paths import ROOT
from helpers.show import html

COLUMNS = {  # column of a file: (its head in messages.toml, how a figure is written)
    "gpus": ("benchmark.gpus", "{}"),
    "samples": ("benchmark.samples", "{:,}"),
    "seconds": ("benchmark.seconds", "{:,.0f}"),
    "samples_per_second": ("benchmark.samples_per_second", "{:,.1f}"),
    "share_of_matrix_rate": ("benchmark.share_of_matrix_rate", "{:.1%}"),
    "peak_gb": ("benchmark.peak_gb", "{:.1f}"),
}
LENGTHS = ("samples", "seconds")  # of a whole run; of the others only the rate counts
WAYS = {
    "seed": "benchmark.seed",
    "plain": "benchmark.plain",
    "packed": "benchmark.packed",
    "graphs": "benchmark.graphs",
    "compiled": "benchmark.compiled",
    "train": "benchmark.train",
}


def benchmark(name: str) -> None:
    """Show the rows of ``data/benchmarks/<name>.json``, and below them card, torch and date.

    Of the models' and ways' rows the last column says how many times as fast as the model's first one they are, of
    several GPUs' how many times as fast as one.
    """
    found = json.loads((ROOT / "data" / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    table, notes = rows(found), source(found)
    shown = [html.cells(line, "td" if number else "th") for number, line in enumerate(table)]
    widths = [max(map(columns_of, column)) for column in zip(*table, strict=True)]
    plain = ["  ".join(map(padded, line, widths)).rstrip() for line in table]
    jupyter.display({"text/html": html.table(shown, notes), "text/plain": "\n".join([*plain, notes])})


def rows(found: dict, message=message) -> list[list[str]]:
    """The table with its head, as text; columns that no row has are left out. ``message`` gives the words."""
    every = found["rows"]
    whole = all(row["way"] == "train" for row in every)
    names = [name for name in COLUMNS if any(name in row for row in every) and (whole or name not in LENGTHS)]
    several = len({row.get("family") for row in every}) > 1
    head = [*([message("benchmark.model")] if several else []), message("benchmark.way")]
    table = [head + [message(COLUMNS[name][0]) for name in names] + ([] if whole else [message("benchmark.factor")])]
    for row in sorted(every, key=lambda row: row["samples"] if whole else 0):
        model = [get_family(row["family"]).folder] if several else []
        figures = [COLUMNS[name][1].format(row[name]) if name in row else "" for name in names]
        factor = [] if whole else [f"{row['samples_per_second'] / _standard(row, every):.1f}"]
        table.append([*model, message(WAYS[row["way"]]), *figures, *factor])
    return table


def _standard(row: dict, every: list[dict]) -> float:
    """The rate that a row's is compared with: one GPU's in the same way, or that of the model's first row."""
    if "gpus" in row:
        alike = [other for other in every if other["way"] == row["way"] and other["gpus"] == 1]
    else:
        alike = [other for other in every if other.get("family") == row.get("family")]
    return alike[0]["samples_per_second"]


def source(found: dict, message=message) -> str:
    """On what, with what and when it was measured."""
    facts = {"card": found["card"], "torch": found["torch"], "date": found["date"]}
    if "matrix_tflops" not in found:
        return message("benchmark.host", **facts)
    return message("benchmark.source", **facts, rate=f"{found['matrix_tflops']:.0f}")
