"""What was measured on a GPU, as a table: the files of ``data/benchmarks``, which ``tests/benchmarks`` writes."""

import json

from helpers import jupyter
from helpers.language import columns_of, message, padded
from helpers.models.families import get_family
from helpers.paths import ROOT
from helpers.show import html

COLUMNS = {  # column of a file: (its head in messages.toml, how a figure or what word is written)
    "gb": ("benchmark.gb", "{}"),
    "four_bit": ("benchmark.method", {True: "benchmark.qlora", False: "benchmark.lora"}),
    "batch_size": ("benchmark.batch_size", "{}"),
    "gradient_checkpointing": ("benchmark.checkpointing", {True: "benchmark.yes", False: "benchmark.no"}),
    "gpus": ("benchmark.gpus", "{}"),
    "samples": ("benchmark.samples", "{:,}"),
    "seconds": ("benchmark.seconds", "{:,.0f}"),
    "samples_per_second": ("benchmark.samples_per_second", "{:,.1f}"),
    "share_of_matrix_rate": ("benchmark.share_of_matrix_rate", "{:.1%}"),
    "peak_gb": ("benchmark.peak_gb", "{:.1f}"),
}
LENGTHS = ("samples", "seconds")  # of a whole run; of the others only the rate counts
SHARES = ("share_of_matrix_rate",)  # says little of steps that are made small for a card
WAYS = {
    "seed": "benchmark.seed",
    "plain": "benchmark.plain",
    "packed": "benchmark.packed",
    "graphs": "benchmark.graphs",
    "compiled": "benchmark.compiled",
    "train": "benchmark.train",
    "llamafactory": "benchmark.llamafactory",
    "llamafactory_packed": "benchmark.llamafactory_packed",
    "swift": "benchmark.swift",
    "unsloth": "benchmark.unsloth",
}


def benchmark(name: str) -> None:
    """Show the rows of ``data/benchmarks/<name>.json``, and below them card, torch and date.

    Of the models' and ways' rows the last column says how many times as fast as the model's first one they are, of
    several GPUs' how many times as fast as one. Of the rows of a card the fastest with LoRA and with QLoRA are shown.
    """
    found = read(name)
    table, notes = rows(found), source(found)
    shown = [html.cells(line, "td" if number else "th") for number, line in enumerate(table)]
    widths = [max(map(columns_of, column)) for column in zip(*table, strict=True)]
    plain = ["  ".join(map(padded, line, widths)).rstrip() for line in table]
    jupyter.display({"text/html": html.table(shown, notes), "text/plain": "\n".join([*plain, notes])})


def read(name: str) -> dict:
    """What ``data/benchmarks/<name>.json`` holds: card, torch, date and rows."""
    return json.loads((ROOT / "data" / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))


def rows(found: dict, message=message) -> list[list[str]]:
    """The table with its head, as text; columns that no row has are left out. ``message`` gives the words."""
    every = _fastest_of_card([row for row in found["rows"] if "failed" not in row])
    whole, cards = all(row["way"] == "train" for row in every), any("gb" in row for row in every)
    hidden = (() if whole else LENGTHS) + (SHARES if cards else ())
    names = [name for name in COLUMNS if any(name in row for row in every) and name not in hidden]
    several = len({row.get("family") for row in every}) > 1
    head = [*([message("benchmark.model")] if several else []), message("benchmark.way")]
    factors = not whole and not cards
    table = [head + [message(COLUMNS[name][0]) for name in names] + [message("benchmark.factor")] * factors]
    for row in sorted(every, key=lambda row: row["samples"] if whole else 0):
        model = [get_family(row["family"]).folder] if several else []
        way = "benchmark.plain_step" if cards and row["way"] == "plain" else WAYS[row["way"]]
        figures = [_figure(name, row, message) for name in names]
        factor = [f"{row['samples_per_second'] / _standard(row, every):.1f}"] if factors else []
        table.append([*model, message(way, version=row.get("version")), *figures, *factor])
    return table


def _fastest_of_card(every: list[dict]) -> list[dict]:
    """The fastest for each model, memory and method, in this order, if these rows are about cards; a card can do what a
    smaller one can. Of others all."""
    if not any("gb" in row for row in every):
        return every
    best = {}
    for row in sorted(every, key=lambda row: row["samples_per_second"]):
        for gb in {card["gb"] for card in every if card["family"] == row["family"] and card["gb"] >= row["gb"]}:
            best[row["family"], -gb, row["four_bit"]] = row | {"gb": gb}
    return [best[card] for card in sorted(best)]


def _figure(name: str, row: dict, message) -> str:
    """A cell of the column ``name``."""
    if name not in row:
        return ""
    how = COLUMNS[name][1]
    return how.format(row[name]) if isinstance(how, str) else message(how[row[name]])


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
