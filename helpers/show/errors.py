"""Errors in a notebook: the worst samples, tokens that are confused, accuracy and confidence as small plots."""

from html import escape

from helpers import jupyter
from helpers.language import label, message
from helpers.show import html
from helpers.show.kinds import kind_of

INK, PALE, WARM = "#3b6ea8", "#c9d6e6", "#c0504d"
CHECKS = {"exact": "show.exact", "normalised": "show.normalised", "rendered": "show.rendered"}


def worst(rows: list[dict], samples, count: int = 10) -> None:
    """Show the first ``count`` of ``evaluation.rows`` (the worst): picture, prediction, truth, and what matched.

    ``samples`` is the list that the rows' indices count in.
    """
    lines = [
        f"{row['index']}: cer {row['cer']:.2f} {html.tick(row['exact'])} {row['prediction']!r} | {row['truth']!r}"
        for row in rows[:count]
    ]
    jupyter.display({"text/html": worst_html(rows[:count], samples), "text/plain": "\n".join(lines)})


def worst_html(rows: list[dict], samples) -> str:
    """The table of ``worst`` as HTML; a check with the same outcome in all rows tells nothing and has no column."""
    checks = [name for name in CHECKS if rows and name in rows[0] and len({row[name] for row in rows}) > 1]
    heads = [
        "#",
        html.sample_head(samples),
        message("show.prediction"),
        message("show.truth"),
        "CER",
        *(message(CHECKS[name]) for name in checks),
    ]
    table = [html.cells(heads, "th")]
    for row in rows:
        sample, prediction, truth = samples[row["index"]], row["prediction"], row["truth"]
        kind = kind_of(truth, sample.modality)
        compared = html.drawing(prediction, kind) + html.code_box(html.marked_tokens(prediction, truth, kind))
        found = [str(row["index"]), html.sample_tag(sample, 220), compared, html.truth_cell(truth, kind)]
        table.append(html.cells([*found, f"{row['cer']:.2f}", *(html.tick(row[name]) for name in checks)]))
    return html.table(table)


def confusions(rows: list[dict], count: int = 15) -> None:
    """Show the first ``count`` of ``evaluation.confusions``: truth, what was read, how often."""
    heads = "show.truth", "show.read_as", "show.count", "show.total", "show.example"
    table = [html.cells([message(head) for head in heads], "th")]
    lines = []
    for row in rows[:count]:
        tokens = [_token(row["truth"]), _token(row["prediction"])]
        table.append(html.cells([*tokens, *(str(row[name]) for name in ("count", "of", "example"))]))
        counts = message("show.count_of", count=row["count"], total=row["of"])
        lines.append(f"{row['truth']!r} -> {row['prediction']!r}: {counts}")
    plain = "\n".join(lines) or message("show.no_confusions")
    jupyter.display({"text/html": html.table(table), "text/plain": plain})


def accuracy(rows_by_name: dict[str, list[dict]]) -> None:
    """Show accuracy with its 95 % intervals against each property, as ``evaluation.accuracy_by`` found it by name."""
    lines = [f"{label(name)}: " + "; ".join(map(_plain_group, rows)) for name, rows in rows_by_name.items()]
    jupyter.display({"image/png": accuracy_png(rows_by_name), "text/plain": "\n".join(lines)})


def reliability(rows: list[dict], error: float) -> None:
    """Show ``evaluation.reliability`` as a plot, with ``evaluation.calibration_error`` in its title."""
    plain = f"ECE {error:.3f}: " + "; ".join(f"{row['confidence']:.2f} -> {_plain_group(row)}" for row in rows)
    jupyter.display({"image/png": reliability_png(rows, error), "text/plain": plain})


def accuracy_png(rows_by_name: dict[str, list[dict]]) -> bytes:
    """One panel a property: accuracy of each group, its interval and, above it, the number of samples."""
    figure = _figure(4.3 * len(rows_by_name), 3)
    for place, (name, rows) in enumerate(rows_by_name.items(), 1):
        axes = figure.add_subplot(1, len(rows_by_name), place)
        _bars(axes, range(len(rows)), rows, 0.8)
        axes.set_xticks(range(len(rows)), [_range(row) for row in rows], fontsize=9)
        axes.set(xlabel=label(name), ylabel=message("plot.accuracy_interval"))
    return jupyter.figure_png(figure)


def reliability_png(rows: list[dict], error: float) -> bytes:
    """Accuracy against confidence; on the dashed line a model knows exactly how often it is right."""
    figure = _figure(5.4, 4.4)
    axes = figure.add_subplot()
    width = rows[0]["high"] - rows[0]["low"]
    _bars(axes, [(row["low"] + row["high"]) / 2 for row in rows], rows, width * 0.9, message("plot.group_accuracy"))
    means = [row["confidence"] for row in rows], [row["accuracy"] for row in rows]
    axes.plot(*means, "o", color=WARM, markersize=5, clip_on=False, label=message("plot.group_confidence"))
    axes.plot([0, 1], [0, 1], color="#555", linestyle="--", linewidth=1, label=message("plot.calibrated"))
    axes.set(xlim=(0, 1), xlabel=message("plot.confidence"), ylabel=message("plot.accuracy"))
    axes.set_title(f"ECE {error:.3f}, n {sum(row['n'] for row in rows)}", fontsize=10)
    figure.legend(frameon=False, fontsize=9, loc="outside lower center")
    return jupyter.figure_png(figure)


def _figure(width, height):
    """An empty figure with room at its edges, so that no label is cut."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=80, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    return figure


def _bars(axes, places, rows, width, label=None):
    """Bars of accuracy with intervals; the number of samples stands above each, where no interval reaches."""
    heights = [row["accuracy"] for row in rows]
    reach = [[abs(row["interval95"][side] - row["accuracy"]) for row in rows] for side in (0, 1)]
    axes.bar(places, heights, width, color=PALE, edgecolor=INK, yerr=reach, ecolor=INK, capsize=3, label=label)
    for place, row in zip(places, rows, strict=True):
        axes.text(place, 1.04, f"n={row['n']}", ha="center", fontsize=8, color="#555")
    axes.set_ylim(0, 1.12)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.spines[["top", "right"]].set_visible(False)


def _token(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else "<i>∅</i>"


def _range(row) -> str:
    return f"{row['low']:g}" if row["low"] == row["high"] else f"{row['low']:g}-{row['high']:g}"


def _plain_group(row) -> str:
    return f"{_range(row)}: {row['accuracy']:.2f} (n {row['n']})"
