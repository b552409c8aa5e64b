"""Pictures, answers and scores in a notebook.

Everything is drawn as small HTML tables: text stays text (any script, searchable, readable in a dark theme); pictures
lie on white and are shrunk for display only, so that a notebook with its outputs stays small. Outside a notebook the
plain-text form is printed.
"""

from html import escape

from helpers import jupyter
from helpers.evaluation.bootstrap import Comparison, Interval
from helpers.evaluation.text import collapse_spaces
from helpers.language import label, message
from helpers.show import html
from helpers.show.kinds import kind_of

RESULTS_MIME = "application/vnd.ocr-lessons.results+json"  # what `make tour` reads
MEASURES = {  # by their keys in messages.toml
    "cer": "measure.cer",
    "ned": "measure.ned",
    "bleu": "measure.bleu",
    "exact_match": "measure.exact_match",
    "exact_match_normalised": "measure.exact_match_normalised",
    "rendered_match": "measure.rendered_match",
    "validity": "measure.validity",
    "tanimoto": "measure.tanimoto",
    "teds": "measure.teds",
    "teds_structure": "measure.teds_structure",
}


def grid(samples, columns: int = 4) -> None:
    """Show pictures, or players for videos and sounds, each with its truth below: drawn if possible, else as text."""
    lines = [collapse_spaces(kind_of(sample.text, sample.modality).unfence(sample.text)) for sample in samples]
    jupyter.display({"text/html": grid_html(samples, columns), "text/plain": "\n".join(lines)})


def before_after(samples, before: list[str], after: list[str], count: int = 6) -> None:
    """Show the first ``count`` samples with both predictions beside the truth; right is ✓, wrong is ✗.

    Formulas and molecules are drawn where that can be done. In a wrong prediction the tokens that differ from the truth
    are underlined. Nothing is picked: the samples come in the order given.
    Raises ValueError when the three lists differ in length.
    """
    if not len(samples) == len(before) == len(after):
        raise ValueError(message("show.unequal", samples=len(samples), before=len(before), after=len(after)))
    rows = list(zip(samples, before, after, strict=True))[:count]
    lines = [_plain_row(*row) for row in rows]
    jupyter.display({"text/html": before_after_html(rows), "text/plain": "\n".join(lines)})


def results(comparison: Comparison) -> None:
    """Show the scores before and after as a table; the same bundle carries the plain rows for `make tour`."""
    jupyter.display(
        {"text/html": results_html(comparison), "text/plain": repr(comparison), RESULTS_MIME: comparison.rows()}
    )


def histograms(values_by_name: dict[str, list[float]]) -> None:
    """Show one histogram for each name; the name labels the axis, so let it hold the unit: "picture width (px)"."""
    if not values_by_name or not all(len(values) for values in values_by_name.values()):
        raise ValueError(message("show.no_values"))
    plain = "\n".join(f"{label(name)}: {_summary(values)}" for name, values in values_by_name.items())
    jupyter.display({"image/png": histogram_png(values_by_name), "text/plain": plain})


def grid_html(samples, columns: int = 4) -> str:
    """The table of ``grid`` as HTML."""
    found = []
    for sample in samples:
        kind = kind_of(sample.text, sample.modality)
        drawn = html.drawing(sample.text, kind)
        text = html.text_box(sample.text, kind) if kind.written or not drawn else ""
        found.append(html.sample_tag(sample, 180) + drawn + text)
    return html.table([html.cells(found[start : start + columns]) for start in range(0, len(found), columns)])


def before_after_html(rows) -> str:
    """The table of ``before_after`` as HTML; ``rows`` holds (sample, before, after)."""
    head = html.sample_head([sample for sample, *_ in rows])
    table = [html.cells([head, message("show.before"), message("show.after"), message("show.truth")], "th")]
    for sample, *answers in rows:
        truth, kind = sample.text, kind_of(sample.text, sample.modality)
        found = [html.sample_tag(sample, 220), *(html.prediction_cell(answer, truth, kind) for answer in answers)]
        table.append(html.cells([*found, html.truth_cell(truth, kind)]))
    return html.table(table, style="table-layout:fixed;width:100%;max-width:70em")


def results_html(comparison: Comparison) -> str:
    """The table of ``results`` as HTML."""
    table = [html.cells(["", message("show.before"), message("show.after"), message("show.change")], "th")]
    for name in comparison.before:
        found = [message(MEASURES[name]), _percent(comparison.before[name]), _percent(comparison.after[name])]
        found.append(_percent(comparison.change[name], sign="+") if name in comparison.change else "")
        table.append(html.cells(found, style=";white-space:nowrap"))
    caption = message("show.caption", task=escape(label(comparison.task)), n=comparison.n)
    switches = [f"{message(MEASURES[name])}: {found}" for name, found in comparison.switches.items()]
    test = [message("show.mcnemar", switches="; ".join(switches))] if switches else []
    return html.table(table, caption) + "".join(f"<div>{escape(line)}</div>" for line in (*test, *comparison.notes))


def histogram_png(values_by_name: dict[str, list[float]]) -> bytes:
    """Histograms side by side, three in a row, as a PNG on white."""
    from matplotlib.figure import Figure

    rows = -(-len(values_by_name) // 3)
    across = min(3, len(values_by_name))
    figure = Figure(figsize=(3.6 * across, 2.5 * rows), dpi=70, facecolor="white", layout="constrained")
    for place, (name, values) in enumerate(values_by_name.items(), 1):
        axes = figure.add_subplot(rows, across, place)
        axes.hist(values, bins=bins(values), color="#3b6ea8")
        axes.set(xlabel=label(name), ylabel=message("plot.samples"), title=_summary(values))
        axes.title.set_fontsize(9)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    return jupyter.figure_png(figure)


def _plain_row(sample, before: str, after: str) -> str:
    kind = kind_of(sample.text, sample.modality)
    old, new = (f"{html.tick(kind.same(text, sample.text))} {kind.unfence(text)!r}" for text in (before, after))
    return f"{old} -> {new} | {kind.unfence(sample.text)!r}"


def _percent(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{100 * x:{sign}.1f}" for x in (interval.value, interval.low, interval.high))
    return f"<b>{value}</b> [{low}, {high}]"


def bins(values):
    """One bar for each whole number where that is at most 40 bars, else 30 bars."""
    low, high = min(values), max(values)
    whole = all(value == int(value) for value in values)
    return [low - 0.5 + i for i in range(int(high - low) + 2)] if whole and high - low < 40 else 30


def _summary(values) -> str:
    ordered = sorted(values)
    facts = {"median": f"{ordered[len(ordered) // 2]:g}", "largest": f"{ordered[-1]:g}"}
    return message("plot.summary", n=len(ordered), **facts)
