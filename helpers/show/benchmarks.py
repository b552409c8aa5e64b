"""What was measured on a GPU, as a table: the files of ``data/benchmarks``, which ``tests/benchmarks`` writes."""

import json

from helpers import jupyter
from helpers.language import columns_of, message, padded
from helpers.paths import ROOT
from helpers.show import html

COLUMNS = {  # column of a file: (its head in messages.toml, how a figure is written)
    "samples_per_second": ("benchmark.samples_per_second", "{:,.1f}"),
    "share_of_matrix_rate": ("benchmark.share_of_matrix_rate", "{:.1%}"),
    "peak_gb": ("benchmark.peak_gb", "{:.1f}"),
}
WAYS = {
    "seed": "benchmark.seed",
    "plain": "benchmark.plain",
    "packed": "benchmark.packed",
    "graphs": "benchmark.graphs",
    "compiled": "benchmark.compiled",
}


def benchmark(name: str) -> None:
    """Show the rows of ``data/benchmarks/<name>.json``, and below them card, torch and date.

    The last column says how many times as fast as the first row each is.
    """
    found = json.loads((ROOT / "data" / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    table, notes = rows(found), source(found)
    shown = [html.cells(line, "td" if number else "th") for number, line in enumerate(table)]
    widths = [max(map(columns_of, column)) for column in zip(*table, strict=True)]
    plain = ["  ".join(map(padded, line, widths)).rstrip() for line in table]
    jupyter.display({"text/html": html.table(shown, notes), "text/plain": "\n".join([*plain, notes])})


def rows(found: dict, message=message) -> list[list[str]]:
    """The table with its head, as text; columns that no row has are left out. ``message`` gives the words."""
    columns = [name for name in COLUMNS if any(name in row for row in found["rows"])]
    table = [[message("benchmark.way"), *(message(COLUMNS[name][0]) for name in columns), message("benchmark.factor")]]
    for row in found["rows"]:
        figures = [COLUMNS[name][1].format(row[name]) if name in row else "" for name in columns]
        factor = row["samples_per_second"] / found["rows"][0]["samples_per_second"]
        table.append([message(WAYS[row["way"]]), *figures, f"{factor:.1f}"])
    return table


def source(found: dict, message=message) -> str:
    """On what, with what and when it was measured."""
    facts = {"card": found["card"], "torch": found["torch"], "date": found["date"]}
    return message("benchmark.source", **facts, rate=f"{found['matrix_tflops']:.0f}")
