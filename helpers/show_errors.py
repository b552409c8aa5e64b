"""Errors in a notebook: the worst samples, tokens that are confused, accuracy and confidence as small plots."""

from html import escape

from helpers import show
from helpers.answers import kind_of
from helpers.lossplot import figure_png

INK, PALE, WARM = "#3b6ea8", "#c9d6e6", "#c0504d"
CHECKS = {"exact": "exact 完全匹配", "normalised": "normalized 归一化", "rendered": "rendered 渲染"}
SIGNS = {True: "✓", False: "✗", None: "?"}


def samples(rows: list[dict], samples, count: int = 10, kind: str = "formula") -> None:
    """Show the first ``count`` rows of ``evaluate.rows`` (the worst): picture, prediction, truth, and what matched.

    ``samples`` is the list that the rows' indices count in.
    """
    plain = "\n".join(
        f"{row['index']}: cer {row['cer']:.2f} {SIGNS[row['exact']]} {row['prediction']!r} | {row['truth']!r}"
        for row in rows[:count]
    )
    show._display({"text/html": samples_html(rows[:count], samples, kind), "text/plain": plain})


def samples_html(rows: list[dict], samples, kind: str = "formula") -> str:
    """The table of ``samples`` as HTML."""
    checks = [name for name in CHECKS if rows and name in rows[0]]
    heads = ["#", "picture 图片", "prediction 预测", "truth 标准答案", "CER", *(CHECKS[name] for name in checks)]
    table = [_row(heads, "th")]
    for row in rows:
        chosen, truth = kind_of(kind), row["truth"]
        cells = [str(row["index"]), show._picture(samples[row["index"]].image, 220)]
        cells.append(
            show._drawn(row["prediction"], chosen) + show._code(show._marked(row["prediction"], truth, chosen))
        )
        cells.append(show._drawn(truth, chosen) + show._code(escape(chosen.plain(truth))))
        cells += [f"{row['cer']:.2f}", *(SIGNS[row[name]] for name in checks)]
        table.append(_row(cells))
    return show._table(table)


def confusions(rows: list[dict], count: int = 15) -> None:
    """Show the first ``count`` rows of ``errors.confusions``: truth, what was read, how often."""
    html = show._table(
        [_row(["truth 标准答案", "read as 预测", "count 次数", "of 总数", "example # 例"], "th")]
        + [
            _row(
                [
                    _token(row["truth"]),
                    _token(row["prediction"]),
                    *(str(row[name]) for name in ("count", "of", "example")),
                ]
            )
            for row in rows[:count]
        ]
    )
    plain = "\n".join(
        f"{row['truth']!r} -> {row['prediction']!r}: {row['count']} of {row['of']}" for row in rows[:count]
    )
    show._display({"text/html": html, "text/plain": plain or "no confusions 没有混淆"})


def accuracy(rows_by_name: dict[str, list[dict]]) -> None:
    """Show accuracy with its 95 % intervals against each property (``errors.accuracy_by``); names label the axes."""
    lines = [f"{name}: " + "; ".join(map(_plain_group, rows)) for name, rows in rows_by_name.items()]
    show._display({"image/png": accuracy_png(rows_by_name), "text/plain": "\n".join(lines)})


def reliability(rows: list[dict], error: float) -> None:
    """Show ``errors.reliability`` as a plot, with ``errors.calibration_error`` in its title."""
    plain = f"ECE {error:.3f}: " + "; ".join(f"{row['confidence']:.2f} -> {_plain_group(row)}" for row in rows)
    show._display({"image/png": reliability_png(rows, error), "text/plain": plain})


def accuracy_png(rows_by_name: dict[str, list[dict]]) -> bytes:
    """One panel a property: accuracy of each group, its interval and the number of samples."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.9 * len(rows_by_name), 2.8), dpi=70, facecolor="white", layout="constrained")
    for place, (name, rows) in enumerate(rows_by_name.items(), 1):
        axes = figure.add_subplot(1, len(rows_by_name), place)
        _bars(axes, range(len(rows)), rows, 0.8)
        axes.set_xticks(range(len(rows)), [_span(row) for row in rows], fontsize=8, rotation=20)
        axes.set(xlabel=name, ylabel="accuracy")
    return figure_png(figure)


def reliability_png(rows: list[dict], error: float) -> bytes:
    """Accuracy against confidence; on the dashed line a model knows exactly how often it is right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 3.4), dpi=70, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    width = rows[0]["high"] - rows[0]["low"]
    _bars(axes, [(row["low"] + row["high"]) / 2 for row in rows], rows, width * 0.9)
    axes.plot([0, 1], [0, 1], color="#555", linestyle="--", linewidth=1)
    axes.plot([row["confidence"] for row in rows], [row["accuracy"] for row in rows], "o", color=WARM, markersize=4)
    axes.set(xlim=(0, 1), xlabel="confidence", ylabel="accuracy")
    axes.set_title(f"ECE {error:.3f}, n {sum(row['n'] for row in rows)}", fontsize=9)
    return figure_png(figure)


def _bars(axes, places, rows, width):
    """Bars of accuracy with intervals; the number of samples stands at the foot of each."""
    heights = [row["accuracy"] for row in rows]
    reach = [[abs(row["interval95"][side] - row["accuracy"]) for row in rows] for side in (0, 1)]
    axes.bar(places, heights, width, color=PALE, edgecolor=INK, yerr=reach, ecolor=INK, capsize=3)
    for place, row in zip(places, rows, strict=True):
        axes.text(place, 0.02, str(row["n"]), ha="center", fontsize=8)
    axes.set_ylim(0, 1.05)
    axes.spines[["top", "right"]].set_visible(False)


def _row(cells, tag="td"):
    return [f'<{tag} style="{show._LINE}">{cell}</{tag}>' for cell in cells]


def _token(text: str) -> str:
    return f"<code>{escape(text)}</code>" if text else "<i>∅</i>"


def _span(row) -> str:
    return f"{row['low']:g}" if row["low"] == row["high"] else f"{row['low']:g}-{row['high']:g}"


def _plain_group(row) -> str:
    return f"{_span(row)}: {row['accuracy']:.2f} (n {row['n']})"
