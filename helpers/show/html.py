"""Small pieces of HTML: tables, pictures, drawn and marked answers. Every text from outside is escaped."""

import base64
import io
from difflib import SequenceMatcher
from html import escape

from helpers.evaluation.text import collapse_spaces
from helpers.language import message
from helpers.show.kinds import Kind
from helpers.show.players import player

CELL_STYLE = "border:1px solid #8886;vertical-align:top;text-align:left"  # short: a notebook may have 150 KB
PICTURE_STYLE = "background:#fff;padding:4px;max-width:100%;box-sizing:border-box"
CODE_STYLE = "display:block;white-space:pre-wrap;overflow-wrap:anywhere;max-height:9em;overflow:auto;font:85% monospace"
SHORT = 100  # characters that need no box to scroll in
MODALITY_NAMES = {"image": "word.picture", "video": "word.video", "audio": "word.sound"}


def table(rows: list[list[str]], caption: str = "", style: str = "") -> str:
    """A <table> of rows as ``cells`` makes them."""
    plain = 'class="tex2jax_ignore mathjax_ignore"'  # no formula, whatever dollars it has
    head = f'<caption {plain} style="caption-side:top;text-align:left">{caption}</caption>' if caption else ""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;{style}">{head}<tbody>{body}</tbody></table>'


def cells(contents: list[str], tag: str = "td", style: str = "") -> list[str]:
    """The cells of a row: <td>, or <th> for its heads."""
    return [f"<{tag} style='{CELL_STYLE}{style}'>{content}</{tag}>" for content in contents]


def sample_tag(sample, width: int) -> str:
    """A sample's picture ``width`` pixels wide at most, or a player for its video or sound."""
    return picture_tag(sample.file, width) if sample.modality == "image" else f"<div>{player(sample)}</div>"


def sample_head(samples) -> str:
    """The head of a column of ``sample_tag``: picture, video or sound."""
    return ", ".join(dict.fromkeys(message(MODALITY_NAMES[sample.modality]) for sample in samples))


def picture_tag(path, width: int) -> str:
    """A picture file as an <img>: WebP, since a noisy scan as a PNG is three times as large."""
    from PIL import Image

    with Image.open(path) as picture:
        picture = picture.convert("RGBA")
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture.thumbnail((width, width))
    out = io.BytesIO()
    picture.save(out, format="WEBP", quality=50)
    return image_tag(out.getvalue(), "webp", message("word.picture"))


def image_tag(data: bytes, format: str, alt: str) -> str:
    """The bytes of a picture file as an <img> that holds them."""
    encoded = base64.b64encode(data).decode("ascii")
    return f'<img style="{PICTURE_STYLE}" alt="{escape(alt)}" src="data:image/{format};base64,{encoded}">'


def drawing(text: str, kind: Kind) -> str:
    """An answer drawn as a PNG of eight colours, or "" where its kind cannot draw it."""
    picture = kind.drawn(text)
    if picture is None:
        return ""
    out = io.BytesIO()
    picture.quantize(8).save(out, format="PNG", optimize=True)
    return f"<div>{image_tag(out.getvalue(), 'png', collapse_spaces(kind.unfence(text)))}</div>"


def code_box(code: str) -> str:
    """HTML in a monospaced font; what is long, or has words too long to wrap, in a box that scrolls.

    In <code> a notebook leaves ``$\\href{javascript:…}$`` of an answer alone; elsewhere it would set it as a formula.
    """
    if len(code) < SHORT and max(map(len, code.split()), default=0) < SHORT / 4:
        return f"<code>{code}</code>"
    return f'<code style="{CODE_STYLE}">{code}</code>'


def text_box(text: str, kind: Kind) -> str:
    """An answer as text, without its fence."""
    return code_box(escape(kind.unfence(text)))


def prediction_cell(text: str, truth: str, kind: Kind) -> str:
    """A prediction behind ✓ or ✗: drawn; where it is wrong or cannot be drawn, its tokens compared with the truth's."""
    right = kind.same(text, truth)
    word, colour = ("show.right", "#2e9e4f") if right else ("show.wrong", "#e0524d")
    mark = f'<b style="color:{colour}" title="{message(word)}">{tick(right)}</b> '
    fault = f"<i>{kind.fault(text)}</i> " if kind.fault(text) else ""
    drawn = drawing(text, kind)
    return mark + fault + drawn + ("" if right and drawn else code_box(marked_tokens(text, truth, kind)))


def truth_cell(text: str, kind: Kind) -> str:
    """A truth drawn where that can be done, and as text."""
    return drawing(text, kind) + text_box(text, kind)


def tick(right: bool | None) -> str:
    """✓ for right, ✗ for wrong, ? where nobody knows."""
    return {True: "✓", False: "✗", None: "?"}[right]


def marked_tokens(text: str, truth: str, kind: Kind) -> str:
    """``text`` escaped; tokens that the truth does not have there are underlined, missing ones leave a gap so."""
    tokens, right = kind.tokens(kind.unfence(text)), kind.tokens(kind.unfence(truth))
    if not tokens:
        return f"<i>{message('show.empty')}</i>"
    parts = []
    for name, start, end, _, _ in SequenceMatcher(None, tokens, right, autojunk=False).get_opcodes():
        piece = escape(kind.space.join(tokens[start:end]))
        parts.append(piece if name == "equal" else f"<u>{piece or '&nbsp;&nbsp;'}</u>")
    return kind.space.join(parts)
