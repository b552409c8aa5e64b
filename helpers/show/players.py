"""Players for a notebook that hold the video or the sound they play, as small WebM files."""

import base64
import io

import numpy as np

from helpers.data import media


def player(sample) -> str:
    """HTML that plays the sample's video or sound, which lies inside it: a kB or two."""
    if sample.modality == "video":
        code = base64.b64encode(as_vp9(sample.file)).decode()
        how = 'autoplay controls loop muted playsinline width="280"'
        return f'<video {how} src="data:video/webm;base64,{code}"></video>'
    code = base64.b64encode(as_opus(media.load_audio(sample.file))).decode()
    return f'<audio controls style="width:200px" src="data:audio/webm;base64,{code}"></audio>'


def as_vp9(path) -> bytes:
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


def as_opus(samples) -> bytes:
    """One channel at 16 kHz, (samples,) in -1..1, as the bytes of a WebM with Opus at 6 kbit/s."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48000, layout="mono", options={"application": "audio"})
        stream.bit_rate = 6000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
        frame.sample_rate = media.RATE
        frames = av.AudioResampler(format="flt", layout="mono", rate=48000, frame_size=960).resample(frame)
        for part in frames:
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return buffer.getvalue()
