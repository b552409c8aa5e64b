"""Results as a table: a tour's in the terminal, the notebooks' in both READMEs (no figure is typed by hand)."""

import json
from pathlib import Path

from helpers.course.notebooks import load
from helpers.course.runner import collect_results
from helpers.files import write_text
from helpers.language import labels, texts
from helpers.show import benchmarks

COLUMNS = ("lesson", "seconds", "task", "metric", "before", "after", "n")
README_START, README_END = "<!-- results: make readme -->", "<!-- end of results -->"
SPEED = ("training", "families", "cards")  # files of data/benchmarks that the READMEs show
SPEED_START, SPEED_END = "<!-- speed: make readme -->", "<!-- end of speed -->"
HEADS = {
    "README.md": ("lesson", "task", "exact match", "CER", "n", "minutes", "All measures", "metric", "before", "after"),
    "README_zh.md": ("课程", "任务", "完全匹配率", "CER", "n", "分钟", "全部指标", "指标", "微调前", "微调后"),
}


def table(rows: list[dict]) -> str:
    """The table at the end of a tour, as plain text; below it, of a tour in real mode, what it took of the GPU."""
    lines = [COLUMNS]
    for row in rows:
        name, seconds = row["lesson"], f"{row['seconds']:.0f}"
        if "error" in row:
            lines.append((name, seconds, "FAILED", row["error"], "", "", ""))
        for result in row["results"] or ([] if "error" in row else [{}]):
            lines.append((name, seconds, *(_figure(result.get(key, "")) for key in COLUMNS[2:])))
            name = seconds = ""
    widths = [max(len(line[i]) for line in lines if line[2] != "FAILED" or i < 3) for i in range(len(COLUMNS))]
    lines = ["  ".join(f"{text:<{w}}" for text, w in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*lines, *_on_gpu(rows)])


def _on_gpu(rows):
    """One line a lesson of a tour in real mode: peak memory of the GPUs, samples a second of each training."""
    for row in rows:
        if "samples_per_second" in row:
            runs = [f"{name} {rate:.1f} samples/s" for name, rate in row["samples_per_second"].items()]
            yield ", ".join([f"{row['lesson']}  {row['vram_gb']:.1f} GB of GPU memory", *runs])


def readme_results(rows: list[dict], heads: tuple) -> str:
    """One row a task as Markdown, and below it, folded away, every measure; ``heads`` are those of one README."""
    names = labels() if heads == HEADS["README_zh.md"] else {}
    lines = [f"| {' | '.join(heads[:6])} |", "|---|---|---|---|---:|---:|"]
    for row in rows:
        minutes = f"{row['seconds'] / 60:.1f}"
        for task, found in _by_task(row["results"]).items() or [("", {})]:
            shares = [f"{100 * found['exact_match'][side]:.1f} %" for side in ("before", "after")] if found else []
            rates = [f"{found['cer'][side]:.3f}" for side in ("before", "after")] if found else []
            n = found["cer"]["n"] if found else ""
            cells = [names.get(task, task), " → ".join(shares), " → ".join(rates), str(n), minutes]
            lines.append(f"| `{row['lesson']}` | {' | '.join(cells)} |")
            minutes = ""
    return "\n".join(
        [
            *lines,
            "",
            f"<details><summary>{heads[6]}</summary>",
            "",
            *_all_measures(rows, heads, names),
            "",
            "</details>",
        ]
    )


def _by_task(results):
    """{task: {metric: result}}."""
    found = {}
    for result in results:
        found.setdefault(result["task"], {})[result["metric"]] = result
    return found


def _all_measures(rows, heads, names):
    yield from (f"| {heads[1]} | {' | '.join(heads[7:])} | {heads[4]} |", "|---|---|---:|---:|---:|")
    for result in [result for row in rows for result in row["results"]]:
        task = names.get(result["task"], result["task"])
        yield "| " + " | ".join([task, *(_figure(result[key]) for key in COLUMNS[3:])]) + " |"


def kept_rows(notebooks: Path) -> list[dict]:
    """What the kept outputs of the English notebooks show: lesson, seconds it took, results."""
    kept = {path.stem: load(path) for path in sorted((notebooks / "en").glob("[0-9]*.ipynb"))}
    return [
        {"lesson": name, "seconds": notebook.metadata["seconds"], "results": collect_results(notebook)}
        for name, notebook in kept.items()
    ]


def readme_speed(found: dict, language: str) -> str:
    """A file of ``data/benchmarks``, read into ``found``, as a Markdown table in one language."""

    def message(key, **values):
        return texts()[key][language].format(**values)

    head, *table = benchmarks.rows(found, message)
    figures = [all(not cell or cell[0].isdigit() for cell in column) for column in zip(*table, strict=True)]
    rule = ["---:" if figure else "---" for figure in figures]
    lines = [f"| {' | '.join(line)} |" for line in (head, *table)]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:], "", benchmarks.source(found, message)])


def write_readmes(root: Path):
    """Put the results of the notebooks and the speed on a GPU between the marks in both READMEs."""
    rows = kept_rows(root / "notebooks")
    speed = [json.loads((root / "data" / "benchmarks" / f"{name}.json").read_bytes()) for name in SPEED]
    for name, heads in HEADS.items():
        text = (root / name).read_text(encoding="utf-8")
        text = _between(text, name, README_START, README_END, readme_results(rows, heads))
        language = "zh" if name == "README_zh.md" else "en"
        tables = "\n\n".join(readme_speed(found, language) for found in speed)
        text = _between(text, name, SPEED_START, SPEED_END, tables)
        write_text(root / name, text)
        print(f"{name}: written")


def _between(text, name, start, end, new):
    """``text`` with ``new`` between the marks; a ValueError names marks that are gone."""
    before, mark, rest = text.partition(start)
    _, close, after = rest.partition(end)
    if not mark or not close:
        raise ValueError(f"{name}: the marks {start} and {end} are gone; put them back")
    return f"{before}{mark}\n{new}\n{end}{after}"


def _figure(value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
