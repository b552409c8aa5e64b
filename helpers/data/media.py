"""Videos and sounds that somebody else made: what may be wrong with one, and what a model gets of it. Read by PyAV."""

import io
import math
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from helpers.data.images import MAX_PIXELS, MIN_SIDE, PictureError
from helpers.language import message
from helpers.paths import short

RATE = 16000  # samples a second that MiniCPM-o takes
HOP = 160  # samples at that rate in one of its mel frames
MIN_MEL_FRAMES = 3  # that a sound needs to become one embedding
MAX_SECONDS = 600  # of sound; a whole minute is 1,500 embeddings already
MAX_VALUES = MAX_SECONDS * 192_000  # of all channels together: ten minutes of stereo at twice the usual rate


class MediaError(PictureError):
    """A video or sound that cannot be trained on: what is wrong (``reason``) and what to do about it (``cure``)."""


@dataclass(frozen=True)
class Video:
    """What a video's file says and holds: frames decoded, frames its header declares, seconds or None, (w, h)."""

    frames: int
    declared: int
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
        """Frames of 10 ms that MiniCPM-o takes, after the sound has been resampled to 16 kHz."""
        return -(-math.ceil(self.samples * RATE / self.rate) // HOP)


def look_at_video(source, decode=True):
    """``Video`` of a file or its bytes, decoded to its last frame; or as its header says, without decoding.

    Raises:
        MediaError: no video, broken or cut short, or of a single frame.
    """
    with _opened(source, "video") as (container, stream):
        size, declared = (stream.width, stream.height), stream.frames
        seconds = None if stream.duration is None else float(stream.duration * stream.time_base)
        _check_size(size)
        frames = sum(1 for _ in container.decode(stream)) if decode else declared
    if not decode:
        return Video(frames, declared, seconds, size)
    if frames < max(declared, 1):
        reason = message("video.cut_short", frames=frames, declared=declared or message("video.its"))
        raise MediaError(reason, message("picture.again_cure"))
    if frames < 2:
        raise MediaError(message("video.one_frame"), message("video.one_frame_cure"))
    return Video(frames, declared, seconds, size)


def look_at_sound(source):
    """``Sound`` of a file or its bytes, decoded to its last sample.

    Raises:
        MediaError: no sound, broken, silent, or too short to become one embedding.
    """
    samples, rate = read_sound(source)
    found = Sound(rate, samples.shape[1], samples.shape[0])
    if found.mel_frames < MIN_MEL_FRAMES:
        shortest = 1000 * ((MIN_MEL_FRAMES - 1) * HOP + 1) / RATE
        reason = message("sound.too_short", ms=f"{1000 * found.seconds:.0f}")
        raise MediaError(reason, message("sound.too_short_cure", ms=f"{shortest:.0f}"))
    if not samples.any():
        raise MediaError(message("sound.silent"), message("sound.again_cure"))
    if not np.isfinite(samples).all():
        raise MediaError(message("sound.no_numbers"), message("sound.again_cure"))
    return found


def _check_size(size):
    if min(size) < MIN_SIDE or size[0] * size[1] > MAX_PIXELS:
        cure = message("video.size_cure", side=MIN_SIDE, limit=f"{MAX_PIXELS:,}")
        raise MediaError(message("video.size", width=size[0], height=size[1]), cure)


def read_sound(source):
    """(float32 array (channels, samples) in -1..1, samples a second) of a wav, mp3, flac, ogg, m4a … file or its bytes.

    Raises:
        MediaError: no sound, broken, or too long: it is decoded no further than that.
    """
    import av

    with _opened(source, "audio") as (container, stream):
        floats = av.AudioResampler(format="fltp")  # same rate, same channels
        parts, rate, held = [], stream.rate, 0
        for frame in chain(container.decode(stream), [None]):  # None: what is left in the resampler
            parts += floats.resample(frame)
            held += frame.samples if frame else 0
            if held > MAX_SECONDS * rate or held * stream.channels > MAX_VALUES:
                declared = float((stream.duration or 0) * stream.time_base)
                raise _too_long(max(held / rate, declared))
    if not parts:
        raise MediaError(message("sound.empty"), message("picture.again_cure"))
    return np.concatenate([part.to_ndarray() for part in parts], axis=1), rate


def _too_long(seconds):
    reason = message("sound.too_long", seconds=f"{seconds:.0f}", limit=MAX_SECONDS)
    return MediaError(reason, message("sound.too_long_cure"))


def load_audio(source):
    """A sound as MiniCPM-o takes it, and as LLaMA-Factory makes it: (samples,) float32, one channel at 16 kHz."""
    import torch
    from torchaudio.functional import resample

    samples, rate = read_sound(source)
    sound = torch.from_numpy(samples).mean(0)
    return (sound if rate == RATE else resample(sound, rate, RATE)).numpy()


def load_frames(source, fps=2.0, max_frames=128):
    """The frames of a video that LLaMA-Factory takes: a list of RGB pictures, spread evenly from first to last.

    Args:
        fps: frames for each second (LLaMA-Factory's ``video_fps``).
        max_frames: of a long video no more than these (``video_maxlen``).
    """
    with _opened(source, "video") as (container, stream):
        seconds = None if stream.duration is None else float(stream.duration * stream.time_base)
        chosen = set(frame_indices(stream.frames, seconds, fps, max_frames))
        return [frame.to_image() for index, frame in enumerate(container.decode(stream)) if index in chosen]


def frame_indices(frames, seconds, fps, max_frames):
    """Which frames LLaMA-Factory takes of a video: their numbers from 0.

    Of a file whose header declares no number of frames it takes the first ``max_frames``, however long it is.
    """
    if not frames:
        return list(range(max_frames))
    count = min(frames, max_frames, max(1, math.floor(seconds * fps)))
    return np.linspace(0, frames - 1, count).astype(int).tolist()


@contextmanager
def _opened(source, modality):
    """(container, its first video or audio stream) of a file or its bytes; PyAV's errors become MediaError."""
    import av

    name = message("word.sound" if modality == "audio" else "word.video")
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")
    except FileNotFoundError as error:
        raise FileNotFoundError(message("media.missing", file=short(source), what=name)) from error
    try:
        with file, av.open(file) as container:
            streams = getattr(container.streams, modality)
            if not streams:
                raise MediaError(message("media.none", what=name), message("media.none_cure", what=name))
            if streams[0].codec_context is None:
                raise MediaError(message("media.codec", what=name), message("media.codec_cure"))
            yield container, streams[0]
    except (av.FFmpegError, ValueError, IndexError, EOFError) as error:
        if isinstance(error, MediaError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise MediaError(message("media.broken", what=name, why=reason), message("picture.again_cure")) from error
