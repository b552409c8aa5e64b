"""Pictures, formulas and scores in a notebook.

Everything is drawn as small HTML tables: text stays text (any script, searchable, readable in a dark theme); pictures
lie on white and are shrunk for display only, so that a notebook with its outputs stays small. Outside a notebook the
plain-text form is printed.
"""

import base64
import io
from difflib import SequenceMatcher
from html import escape

from helpers.evaluate import Comparison, Interval, normalise
from helpers.formulas import ink
from helpers.lossplot import figure_png

RESULTS_MIME = "application/vnd.ocr-lessons.results+json"
MEASURES = {  # ↓ lower is better, ↑ higher is better
    "cer": "character error rate 字符错误率 ↓",
    "ned": "normalized edit distance 归一化编辑距离 ↓",
    "bleu": "token BLEU ↑",
    "exact_match": "exact match 完全匹配率 ↑",
    "validity": "validity 有效率 ↑",
    "tanimoto": "Tanimoto similarity 相似度 ↑",
}
LONGEST_DRAWN = 400  # characters; a longer formula is shown as text
_LINE = "border:1px solid rgba(128,128,128,.4);padding:6px 8px;vertical-align:top;text-align:left"
_WHITE = "background:#fff;padding:4px;border-radius:3px;max-width:100%;box-sizing:border-box"
_CODE = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:9em;overflow:auto;font-family:monospace;font-size:85%"


def grid(samples, columns: int = 4, rendered: bool = True) -> None:
    """Show pictures, each with its truth below: drawn as a formula where matplotlib can, else as text.

    ``rendered=False`` shows the text of every sample.
    """
    html, plain = grid_html(samples, columns, rendered), "\n".join(normalise(sample.text) for sample in samples)
    _display({"text/html": html, "text/plain": plain})


def before_after(samples, before: list[str], after: list[str], count: int = 6) -> None:
    """Show the first ``count`` samples with both predictions beside the truth; right is ✓, wrong is ✗.

    In a wrong prediction the tokens that differ from the truth are underlined. Nothing is picked: the samples come
    in the order given. Raises ValueError when the three lists differ in length.
    """
    if not len(samples) == len(before) == len(after):
        raise ValueError(f"{len(samples)} samples, {len(before)} before, {len(after)} after: give one prediction each")
    rows = list(zip(samples, before, after, strict=True))[:count]
    plain = [f"{_mark(old, s.text)} {old!r} -> {_mark(new, s.text)} {new!r} | {s.text!r}" for s, old, new in rows]
    _display({"text/html": before_after_html(rows), "text/plain": "\n".join(plain)})


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


def grid_html(samples, columns: int = 4, rendered: bool = True) -> str:
    """The table of ``grid`` as HTML."""
    cells = [_picture(sample.image, 180) + _truth(sample.text, rendered) for sample in samples]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    return _table([[f'<td style="{_LINE}">{cell}</td>' for cell in row] for row in rows])


def before_after_html(rows) -> str:
    """The table of ``before_after`` as HTML; ``rows`` holds (sample, before, after)."""
    heads = ["picture 图片", "before 训练前", "after 训练后", "truth 标准答案"]
    table = [[f'<th style="{_LINE}">{head}</th>' for head in heads]]
    for sample, old, new in rows:
        cells = [_picture(sample.image, 220), _prediction(old, sample.text), _prediction(new, sample.text)]
        cells.append(_drawn(sample.text) + f'<div style="{_CODE}">{escape(sample.text)}</div>')
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
    return _table(table, caption)


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


def formula_picture(latex: str):
    """``latex`` drawn by matplotlib's mathtext as a greyscale picture, or None where mathtext cannot draw it.

    It cannot draw environments such as ``\\begin{matrix}``, unbalanced braces, or scripts that its fonts lack.
    """
    from PIL import Image, ImageOps

    latex = normalise(latex)
    if not latex or len(latex) > LONGEST_DRAWN or "$" in latex or not latex.isascii():
        return None
    try:
        picture = Image.fromarray(255 - ink(latex, "cm", 17))
    except (ValueError, RecursionError):  # mathtext reports what it cannot parse as a ValueError
        return None
    return ImageOps.expand(picture, 2, 255)


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


def _truth(text: str, rendered: bool) -> str:
    return (rendered and _drawn(text)) or f'<div style="{_CODE}">{escape(text)}</div>'


def _drawn(latex: str) -> str:
    picture = formula_picture(latex)
    if picture is None:
        return ""
    return f"<div>{_image(_png(picture, 8), 'png', normalise(latex))}</div>"


def _prediction(text: str, truth: str) -> str:
    right = normalise(text) == normalise(truth)
    label, colour = ("right 正确", "#2e9e4f") if right else ("wrong 错误", "#e0524d")
    mark = f'<b style="color:{colour}" role="img" aria-label="{label}" title="{label}">{_mark(text, truth)}</b> '
    drawn = _drawn(text)
    code = "" if right and drawn else f'<div style="{_CODE}">{_marked(text, truth)}</div>'
    return mark + drawn + code


def _mark(text: str, truth: str) -> str:
    return "✓" if normalise(text) == normalise(truth) else "✗"


def _marked(text: str, truth: str) -> str:
    """``text`` escaped; tokens that the truth does not have there are underlined, missing ones leave a gap so."""
    tokens, right = text.split(), truth.split()
    if not tokens:
        return "<i>(empty 空)</i>"
    parts = []
    for kind, start, end, _, _ in SequenceMatcher(None, tokens, right, autojunk=False).get_opcodes():
        piece = escape(" ".join(tokens[start:end]))
        parts.append(piece if kind == "equal" else f"<u>{piece or '&nbsp;&nbsp;'}</u>")
    return " ".join(parts)


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
