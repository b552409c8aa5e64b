"""Videos and sounds that somebody else made: what may be wrong with one, and what a model gets of it. Read by PyAV."""

import io
import math
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.pictures import MAX_PIXELS, MIN_SIDE, PictureError

RATE = 16000  # samples a second that MiniCPM-o hears
FRAME = 160  # samples at that rate in one of its mel frames
FEWEST = 3  # mel frames a sound needs to become one embedding
LONGEST = 600  # seconds of sound; a whole minute is 1,500 embeddings already


class ClipError(PictureError):
    """A video or sound that cannot be trained on: what is wrong (``reason``) and what to do about it (``cure``)."""


@dataclass(frozen=True)
class Video:
    """What a video's file says and holds: frames decoded, frames its header tells of, seconds or None, (w, h)."""

    frames: int
    told: int
    seconds: float | None
    size: tuple[int, int]


@dataclass(frozen=True)
class Sound:
    """What a sound's file holds: samples a second, samples, channels."""

    rate: int
    samples: int
    channels: int

    @property
    def seconds(self):
        """Its length."""
        return self.samples / self.rate

    @property
    def mel_frames(self):
        """Frames of 10 ms that MiniCPM-o hears, after the sound has been resampled to 16 kHz."""
        return -(-math.ceil(self.samples * RATE / self.rate) // FRAME)


# --- looking ------------------------------------------------------------------------------------


def look_at_video(source, decode=True):
    """``Video`` of a file or its bytes, decoded to its last frame; or as its header says, without decoding.

    Raises:
        ClipError: no video, broken or cut short, or of a single frame.
    """
    with _opened(source, "video") as (container, stream):
        size, told = (stream.width, stream.height), stream.frames
        seconds = None if stream.duration is None else float(stream.duration * stream.time_base)
        _check_size(size)
        frames = sum(1 for _ in container.decode(stream)) if decode else told
    if not decode:
        return Video(frames, told, seconds, size)
    if frames < max(told, 1):
        raise ClipError(f"video is cut short: {frames} of {told or 'its'} frames", "copy or export the file again")
    if frames < 2:
        raise ClipError("video has a single frame", "give that frame as a picture")
    return Video(frames, told, seconds, size)


def look_at_sound(source):
    """``Sound`` of a file or its bytes, decoded to its last sample.

    Raises:
        ClipError: no sound, broken, silent, or too short to become one embedding.
    """
    samples, rate = read_sound(source)
    found = Sound(rate, samples.shape[1], samples.shape[0])
    least = (FEWEST - 1) * FRAME + 1
    if found.mel_frames < FEWEST:
        reason = f"sound of {1000 * found.seconds:.0f} ms is too short"
        raise ClipError(reason, f"MiniCPM-o needs {1000 * least / RATE:.0f} ms for one embedding: leave the row out")
    if found.seconds > LONGEST:
        raise ClipError(f"sound of {found.seconds:.0f} s, over {LONGEST}", "cut it into several")
    if not np.isfinite(samples).all() or not samples.any():
        raise ClipError("sound is silent" if not samples.any() else "sound holds numbers that are none", "record again")
    return found


def _check_size(size):
    if min(size) < MIN_SIDE or size[0] * size[1] > MAX_PIXELS:
        cure = f"{MIN_SIDE} or more a side, {MAX_PIXELS:,} or fewer in all"
        raise ClipError(f"video of {size[0]}x{size[1]} pixels", cure)


# --- reading ------------------------------------------------------------------------------------


def read_sound(source):
    """(float32 array (channels, samples) in -1..1, samples a second) of a wav, mp3, flac, ogg, m4a … file or its bytes.

    Raises:
        ClipError: no sound, or broken.
    """
    import av

    with _opened(source, "audio") as (container, stream):
        floats = av.AudioResampler(format="fltp")  # same rate, same channels
        parts = [part for frame in container.decode(stream) for part in floats.resample(frame)]
        parts += floats.resample(None)
        rate = stream.rate
    if not parts:
        raise ClipError("sound is empty", "copy or export the file again")
    return np.concatenate([part.to_ndarray() for part in parts], axis=1), rate


def hear(source):
    """A sound as MiniCPM-o takes it, and as LLaMA-Factory makes it: (samples,) float32, one channel at 16 kHz."""
    import torch
    from torchaudio.functional import resample

    samples, rate = read_sound(source)
    sound = torch.from_numpy(samples).mean(0)
    return (sound if rate == RATE else resample(sound, rate, RATE)).numpy()


def watch(source, fps=2.0, most=128):
    """The frames of a video that LLaMA-Factory takes: a list of RGB pictures, spread evenly from first to last.

    Args:
        fps: frames for each second (LLaMA-Factory's ``video_fps``).
        most: of a long video no more than these (``video_maxlen``).
    """
    with _opened(source, "video") as (container, stream):
        seconds = None if stream.duration is None else float(stream.duration * stream.time_base)
        chosen = set(sampled(stream.frames, seconds, fps, most))
        return [frame.to_image() for place, frame in enumerate(container.decode(stream)) if place in chosen]


def sampled(frames, seconds, fps, most):
    """Which frames LLaMA-Factory takes of a video: their numbers from 0.

    Of a file whose header tells no number of frames it takes the first ``most``, however long it is.
    """
    if not frames:
        return list(range(most))
    count = min(frames, most, max(1, math.floor(seconds * fps)))
    return np.linspace(0, frames - 1, count).astype(int).tolist()


@contextmanager
def _opened(source, kind):
    """(container, its first stream of ``kind``) of a file or its bytes; PyAV's errors become ClipError."""
    import av

    name = "sound" if kind == "audio" else kind
    file = io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")
    try:
        with file, av.open(file) as container:
            streams = getattr(container.streams, kind)
            if not streams:
                raise ClipError(f"no {name} in this file", f"give a file with {name}")
            yield container, streams[0]
    except (av.FFmpegError, ValueError, IndexError, EOFError) as error:
        if isinstance(error, ClipError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ClipError(f"{name} is broken or cut short ({reason})", "copy or export the file again") from error
