"""Pictures, answers and scores in a notebook.

Everything is drawn as small HTML tables: text stays text (any script, searchable, readable in a dark theme); pictures
lie on white and are shrunk for display only, so that a notebook with its outputs stays small. Outside a notebook the
plain-text form is printed.
"""

import base64
import io
from difflib import SequenceMatcher
from html import escape

from helpers.answers import Kind, kind_of
from helpers.answers import formula_picture as formula_picture  # lessons call it as show.formula_picture
from helpers.evaluate import Comparison, Interval, normalise
from helpers.lossplot import figure_png

RESULTS_MIME = "application/vnd.ocr-lessons.results+json"
MEASURES = {  # ↓ lower is better, ↑ higher is better
    "cer": "character error rate 字符错误率 ↓",
    "ned": "normalized edit distance 归一化编辑距离 ↓",
    "bleu": "token BLEU ↑",
    "exact_match": "exact match 完全匹配率 ↑",
    "exact_match_normalised": "exact match, normalized LaTeX 归一化后完全匹配率 ↑",
    "rendered_match": "rendered match 渲染匹配率 ↑",
    "validity": "validity 有效率 ↑",
    "tanimoto": "Tanimoto similarity 相似度 ↑",
    "teds": "TEDS, tables 表格 ↑",
    "teds_structure": "TEDS, structure only 仅结构 ↑",
}
_LINE = "border:1px solid rgba(128,128,128,.4);padding:6px 8px;vertical-align:top;text-align:left"
_WHITE = "background:#fff;padding:4px;border-radius:3px;max-width:100%;box-sizing:border-box"
_CODE = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:9em;overflow:auto;font-family:monospace;font-size:85%"


def grid(samples, columns: int = 4, rendered: bool = True, kind: str = "formula") -> None:
    """Show pictures, each with its truth below: drawn where that can be done, else as text.

    ``kind`` is a key of ``answers.KINDS``: formula or molecule. ``rendered=False`` shows the text of every sample.
    """
    plain = "\n".join(normalise(kind_of(kind).plain(sample.text)) for sample in samples)
    _display({"text/html": grid_html(samples, columns, rendered, kind), "text/plain": plain})


def before_after(samples, before: list[str], after: list[str], count: int = 6, kind: str = "formula") -> None:
    """Show the first ``count`` samples with both predictions beside the truth; right is ✓, wrong is ✗.

    Answers are drawn where that can be done; ``kind`` is a key of ``answers.KINDS``: formula or molecule. In a wrong
    prediction the tokens that differ from the truth are underlined. Nothing is picked: the samples come in the order
    given. Raises ValueError when the three lists differ in length, or the kind is unknown.
    """
    if not len(samples) == len(before) == len(after):
        raise ValueError(f"{len(samples)} samples, {len(before)} before, {len(after)} after: give one prediction each")
    rows = list(zip(samples, before, after, strict=True))[:count]
    html = before_after_html(rows, kind)
    _display({"text/html": html, "text/plain": "\n".join(_plain_row(*row, kind_of(kind)) for row in rows)})


def results(comparison: Comparison) -> None:
    """Show the scores before and after as a table; the same bundle carries the plain rows for `make tour`."""
    _display({"text/html": results_html(comparison), "text/plain": repr(comparison), RESULTS_MIME: comparison.rows()})


def histograms(values_by_name: dict[str, list[float]]) -> None:
    """Show one histogram for each name; the name labels the axis, so let it hold the unit: "picture width (px)"."""
    if not values_by_name or not all(len(values) for values in values_by_name.values()):
        raise ValueError("histograms: a list of values is empty, there is nothing to draw")
    keys = {name: name if _latin(name) else f"({i})" for i, name in enumerate(values_by_name, 1)}
    legend = [f"{key} {name}" for name, key in keys.items() if key != name]
    picture = histogram_png({keys[name]: values for name, values in values_by_name.items()})
    plain = "\n".join(f"{name}: {_span(values)}" for name, values in values_by_name.items())
    _display({"image/png": picture, "text/plain": plain})
    if legend:
        _display({"text/html": escape("; ".join(legend)), "text/plain": "; ".join(legend)})


def grid_html(samples, columns: int = 4, rendered: bool = True, kind: str = "formula") -> str:
    """The table of ``grid`` as HTML."""
    cells = [_picture(sample.image, 180) + _truth(sample.text, rendered, kind_of(kind)) for sample in samples]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    return _table([[f'<td style="{_LINE}">{cell}</td>' for cell in row] for row in rows])


def before_after_html(rows, kind: str = "formula") -> str:
    """The table of ``before_after`` as HTML; ``rows`` holds (sample, before, after)."""
    chosen = kind_of(kind)
    heads = ["picture 图片", "before 训练前", "after 训练后", "truth 标准答案"]
    table = [[f'<th style="{_LINE}">{head}</th>' for head in heads]]
    for sample, *answers in rows:
        cells = [_picture(sample.image, 220), *(_prediction(answer, sample.text, chosen) for answer in answers)]
        cells.append(_drawn(sample.text, chosen) + _code(escape(chosen.plain(sample.text))))
        table.append([f'<td style="{_LINE}">{cell}</td>' for cell in cells])
    return _table(table, style="table-layout:fixed;width:100%;max-width:70em")


def results_html(comparison: Comparison) -> str:
    """The table of ``results`` as HTML."""
    heads = ["", "before 训练前", "after 训练后", "change 变化"]
    table = [[f'<th style="{_LINE}">{head}</th>' for head in heads]]
    for name in comparison.before:
        cells = [MEASURES[name], _percent(comparison.before[name]), _percent(comparison.after[name])]
        cells.append(_percent(comparison.change[name], sign="+") if name in comparison.change else "")
        table.append([f'<td style="{_LINE};white-space:nowrap">{cell}</td>' for cell in cells])
    caption = (
        f"{escape(comparison.task)}: n = {comparison.n}; % [95 % interval 置信区间]; "
        "↓ lower is better 越低越好, ↑ higher is better 越高越好"
    )
    switches = [f"{MEASURES[name]}: {found}" for name, found in comparison.switches.items()]
    test = [f"McNemar (+ became right 变对, - became wrong 变错): {'; '.join(switches)}"] if switches else []
    return _table(table, caption) + "".join(f"<div>{escape(line)}</div>" for line in (*test, *comparison.notes))


def histogram_png(values_by_name: dict[str, list[float]]) -> bytes:
    """Histograms side by side, three in a row, as a PNG on white."""
    from matplotlib.figure import Figure

    rows = -(-len(values_by_name) // 3)
    across = min(3, len(values_by_name))
    figure = Figure(figsize=(3.6 * across, 2.5 * rows), dpi=70, facecolor="white", layout="constrained")
    for place, (name, values) in enumerate(values_by_name.items(), 1):
        axes = figure.add_subplot(rows, across, place)
        axes.hist(values, bins=_bins(values), color="#3b6ea8")
        axes.set(xlabel=name, ylabel="samples", title=_span(values))
        axes.title.set_fontsize(9)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure_png(figure)


def _display(bundle: dict) -> None:
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)


def _table(rows: list[list[str]], caption: str = "", style: str = "") -> str:
    head = f'<caption style="caption-side:top;text-align:left">{caption}</caption>' if caption else ""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;{style}">{head}<tbody>{body}</tbody></table>'


def _picture(path, width: int) -> str:
    """A sample's picture as an <img>: WebP, since a noisy scan as a PNG is three times as large."""
    from PIL import Image

    with Image.open(path) as picture:
        picture = picture.convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.thumbnail((width, width))
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=50)
    return _image(out.getvalue(), "webp", "picture 图片")


def _truth(text: str, rendered: bool, kind: Kind) -> str:
    drawn = _drawn(text, kind) if rendered else ""
    return drawn + (_code(escape(kind.plain(text))) if kind.written or not drawn else "")


def _drawn(text: str, kind: Kind) -> str:
    picture = kind.drawn(text)
    if picture is None:
        return ""
    return f"<div>{_image(_png(picture, 8), 'png', normalise(kind.plain(text)))}</div>"


def _code(html: str) -> str:
    return f'<div style="{_CODE}">{html}</div>'


def _prediction(text: str, truth: str, kind: Kind) -> str:
    right = kind.same(text, truth)
    label, colour = ("right 正确", "#2e9e4f") if right else ("wrong 错误", "#e0524d")
    mark = f'<b style="color:{colour}" role="img" aria-label="{label}" title="{label}">{_mark(right)}</b> '
    fault = f"<i>{kind.fault(text)}</i>" if kind.fault(text) else ""
    drawn = _drawn(text, kind)
    return mark + fault + drawn + ("" if right and drawn else _code(_marked(text, truth, kind)))


def _plain_row(sample, before: str, after: str, kind: Kind) -> str:
    old, new = (f"{_mark(kind.same(text, sample.text))} {kind.plain(text)!r}" for text in (before, after))
    return f"{old} -> {new} | {kind.plain(sample.text)!r}"


def _mark(right: bool) -> str:
    return "✓" if right else "✗"


def _marked(text: str, truth: str, kind: Kind) -> str:
    """``text`` escaped; tokens that the truth does not have there are underlined, missing ones leave a gap so."""
    tokens, right = kind.tokens(kind.plain(text)), kind.tokens(kind.plain(truth))
    if not tokens:
        return "<i>(empty 空)</i>"
    parts = []
    for name, start, end, _, _ in SequenceMatcher(None, tokens, right, autojunk=False).get_opcodes():
        piece = escape(kind.space.join(tokens[start:end]))
        parts.append(piece if name == "equal" else f"<u>{piece or '&nbsp;&nbsp;'}</u>")
    return kind.space.join(parts)


def _image(data: bytes, kind: str, alt: str) -> str:
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img style="{_WHITE}" alt="{escape(alt)}" src="data:image/{kind};base64,{encoded}">'


def _png(picture, colours: int) -> bytes:
    out = io.BytesIO()
    picture.quantize(colours).save(out, format="PNG", optimize=True)
    return out.getvalue()


def _percent(interval: Interval, sign: str = "") -> str:
    value, low, high = (f"{100 * x:{sign}.1f}" for x in (interval.value, interval.low, interval.high))
    return f"<b>{value}</b> [{low}, {high}]"


def _bins(values):
    """One bar for each whole number where that is at most 40 bars, else 30 bars."""
    low, high = min(values), max(values)
    whole = all(value == int(value) for value in values)
    return [low - 0.5 + i for i in range(int(high - low) + 2)] if whole and high - low < 40 else 30


def _span(values) -> str:
    ordered = sorted(values)
    return f"n {len(ordered)}, median {ordered[len(ordered) // 2]:g}, max {ordered[-1]:g}"


def _latin(text: str) -> bool:
    return max(map(ord, text), default=0) < 0x250
