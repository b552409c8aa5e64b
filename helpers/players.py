"""Videos and sounds in a notebook: small players, and answers beside them."""

import base64
import io
from html import escape

import numpy as np

from helpers import clips

CELL = 'style="padding:6px 10px;text-align:left;vertical-align:middle;border-bottom:1px solid rgba(128,128,128,.4)"'


def play(samples, medium, columns=4):
    """Show a player for each sample's video or sound (``medium`` "video" or "audio") with its truth below."""
    cells = [
        f"<td {CELL}>{player(sample.image, medium)}<br><code>{escape(sample.text)}</code></td>" for sample in samples
    ]
    rows = [f"<tr>{''.join(cells[at : at + columns])}</tr>" for at in range(0, len(cells), columns)]
    _show(rows, "\n".join(f"{sample.image.name}: {sample.text}" for sample in samples))


def before_after(samples, before, after, medium, count=6):
    """Show the first samples with both answers and the truth; ✓ right, ✗ wrong. Nothing is picked."""
    picked = list(zip(samples, before, after, strict=True))[:count]
    rows = [f"<tr>{''.join(f'<th {CELL}>{name}</th>' for name in ('', 'before', 'after', 'truth'))}</tr>"]
    for sample, *answers in picked:
        marked = [_marked(answer, sample.text) for answer in answers] + [sample.text]
        texts = "".join(f"<td {CELL}><code>{escape(text)}</code></td>" for text in marked)
        rows.append(f"<tr><td {CELL}>{player(sample.image, medium)}</td>{texts}</tr>")
    plain = [f"{_marked(one, s.text)} | {_marked(two, s.text)} | {s.text}" for s, one, two in picked]
    _show(rows, "before | after | truth\n" + "\n".join(plain))


def _marked(answer, truth):
    """The answer behind ✓ or ✗; runs of white space count as one."""
    return ("✓ " if answer.split() == truth.split() else "✗ ") + answer


def player(path, medium):
    """HTML that plays a file, which lies inside it: an MP4 as it is, a sound as MP3 of a few kB."""
    if medium == "video":
        code = base64.b64encode(path.read_bytes()).decode()
        return f'<video controls loop muted width="200" src="data:video/mp4;base64,{code}"></video>'
    code = base64.b64encode(as_mp3(clips.hear(path))).decode()
    return f'<audio controls style="width:200px" src="data:audio/mpeg;base64,{code}"></audio>'


def as_mp3(samples):
    """One channel at 16 kHz, (samples,) in -1..1, as the bytes of an MP3 of 32 kbit/s."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=clips.RATE, layout="mono")
        stream.bit_rate = 32000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = clips.RATE
        for part in av.AudioResampler(format=stream.format, layout="mono", rate=clips.RATE).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return buffer.getvalue()


def _show(rows, plain):
    from IPython.display import display

    display({"text/html": f"<table>{''.join(rows)}</table>", "text/plain": plain}, raw=True)
