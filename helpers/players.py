"""Videos and sounds in a notebook: small players, and answers beside them."""

import base64
import io
from html import escape

import numpy as np

from helpers import clips, show

CELL = 'style="text-align:left"'  # all else is the page's own


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
    """HTML that plays a file, which lies inside it: a video and a sound as WebM of a kB or two."""
    if medium == "video":
        code = base64.b64encode(as_vp9(path)).decode()
        how = 'autoplay controls loop muted playsinline width="200"'
        return f'<video {how} src="data:video/webm;base64,{code}"></video>'
    code = base64.b64encode(as_opus(clips.hear(path))).decode()
    return f'<audio controls style="width:200px" src="data:audio/webm;base64,{code}"></audio>'


def as_vp9(path):
    """The frames of a video as the bytes of a WebM with VP9, a third of the size of the MP4."""
    import av

    buffer = io.BytesIO()
    with av.open(str(path)) as source, av.open(buffer, "w", format="webm") as container:
        given = source.streams.video[0]
        options = {"crf": "46", "b": "0", "deadline": "good", "threads": "1"}
        stream = container.add_stream("libvpx-vp9", rate=given.average_rate, options=options)
        stream.height, stream.width, stream.pix_fmt = given.height, given.width, "yuv420p"
        for frame in source.decode(given):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


def as_opus(samples):
    """One channel at 16 kHz, (samples,) in -1..1, as the bytes of a WebM with Opus at 6 kbit/s."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono", options={"application": "audio"})
        stream.bit_rate = 6000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = clips.RATE
        frames = av.AudioResampler(format="flt", layout="mono", rate=48000, frame_size=960).resample(frame)
        for part in frames:
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return buffer.getvalue()


def _show(rows, plain):
    show._display({"text/html": f"<table>{''.join(rows)}</table>", "text/plain": plain})
