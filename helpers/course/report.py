"""The results of a tour as a table: in the terminal, and in both READMEs (no figure there is typed by hand)."""

import json
from pathlib import Path

from helpers.files import write_text

COLUMNS = ("lesson", "seconds", "task", "metric", "before", "after", "n")
README_START, README_END = "<!-- results: make readme -->", "<!-- end of results -->"


def table(rows: list[dict]) -> str:
    """The table at the end of a tour, as plain text."""
    lines = [COLUMNS]
    for row in rows:
        name, seconds = row["lesson"], f"{row['seconds']:.0f}"
        if "error" in row:
            lines.append((name, seconds, "FAILED", row["error"], "", "", ""))
        for result in row["results"] or ([] if "error" in row else [{}]):
            lines.append((name, seconds, *(_figure(result.get(key, "")) for key in COLUMNS[2:])))
            name = seconds = ""
    widths = [max(len(line[i]) for line in lines if line[2] != "FAILED" or i < 3) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(f"{text:<{w}}" for text, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def readme_table(rows: list[dict]) -> str:
    """The same as Markdown, for the READMEs. Raises ValueError if a lesson of that tour failed."""
    if failed := [row["lesson"] for row in rows if "error" in row]:
        raise ValueError(f"no table from a tour in which lessons failed: {', '.join(failed)}")
    lines = ["| lesson | seconds | task | metric | before | after | n |", "|---|---:|---|---|---:|---:|---:|"]
    for row in rows:
        first = f"`{row['lesson']}` | {row['seconds']:.0f}"
        for result in row["results"] or [{}]:
            lines.append(f"| {first} | " + " | ".join(_figure(result.get(key, "")) for key in COLUMNS[2:]) + " |")
            first = " | "
    return "\n".join(lines)


def write_readmes(root: Path):
    """Put the results of build/tour.json between the marks in both READMEs."""
    source = root / "build" / "tour.json"
    if not source.exists():
        raise ValueError("there is no build/tour.json yet: run make tour")
    new = readme_table(json.loads(source.read_text(encoding="utf-8")))
    for name in ("README.md", "README_zh.md"):
        before, mark, rest = (root / name).read_text(encoding="utf-8").partition(README_START)
        _, end, after = rest.partition(README_END)
        if not mark or not end:
            raise ValueError(f"{name}: the marks {README_START} and {README_END} are gone; put them back")
        write_text(root / name, f"{before}{mark}\n{new}\n{end}{after}")
        print(f"{name}: written")


def _figure(value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
