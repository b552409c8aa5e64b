"""helpers.data.media: videos and sounds are read as LLaMA-Factory reads them, and refused where it would fail."""

import numpy as np
import pytest

from helpers.data import media
from helpers.data.images import PictureError
from helpers.data.synthetic import sounds, videos


@pytest.fixture
def video(tmp_path):
    """Eight frames in two seconds, each a little lighter than the one before."""
    frames = np.repeat(np.arange(20, 180, 20, dtype=np.uint8), 64 * 32).reshape(8, 32, 64)
    videos.write_video(frames, tmp_path / "a.mp4")
    return tmp_path / "a.mp4"


@pytest.mark.parametrize("decode", [True, False])
def test_video_is_what_was_written(video, decode):
    assert media.look_at_video(video, decode) == media.Video(frames=8, declared=8, seconds=2.0, size=(64, 32))
    assert media.look_at_video(video.read_bytes(), decode).frames == 8


def test_chosen_frames_come_in_order(video):
    shades = [np.asarray(frame).mean() for frame in media.load_frames(video, fps=2)]
    assert np.allclose(shades, [20, 60, 100, 160], atol=4)
    assert len(media.load_frames(video, fps=4, max_frames=3)) == 3


@pytest.mark.parametrize(("limit", "value"), [("MIN_SIDE", 33), ("MAX_PIXELS", 2000)])
def test_video_of_an_impossible_size_is_refused(video, monkeypatch, limit, value):
    monkeypatch.setattr(media, limit, value)
    with pytest.raises(PictureError, match="video of 64x32 pixels -> "):
        media.look_at_video(video)


@pytest.mark.parametrize(
    ("frames", "seconds", "fps", "max_frames", "taken"),
    [
        (8, 2.0, 2, 128, [0, 2, 4, 7]),
        (8, 2.0, 9, 128, list(range(8))),
        (8, 0.3, 2, 128, [0]),
        (100, 25.0, 2, 3, [0, 49, 99]),
        (0, None, 2, 3, [0, 1, 2]),
    ],
)
def test_frames_taken_are_spread_from_first_to_last(frames, seconds, fps, max_frames, taken):
    assert media.frame_indices(frames, seconds, fps, max_frames) == taken


def test_wav_is_read_as_it_was_written(tmp_path):
    samples = np.linspace(-1, 1, 3000).reshape(-1, 2)
    sounds.write_wav(samples, tmp_path / "a.wav", rate=8000)
    read, rate = media.read_sound(tmp_path / "a.wav")
    assert rate == 8000 and np.allclose(read.T, samples, atol=1e-4)
    assert media.load_audio(tmp_path / "a.wav").shape == (3000,)
    assert media.look_at_sound(tmp_path / "a.wav").mel_frames == 19


def test_a_sound_of_hours_is_decoded_no_further_than_the_limit(tmp_path, monkeypatch):
    """Silence that is 10 kB as FLAC would be gigabytes in memory."""
    import av

    with av.open(str(tmp_path / "a.flac"), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000 * 60), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        for part in (*stream.encode(frame), *stream.encode()):
            container.mux(part)
    monkeypatch.setattr(media, "MAX_SECONDS", 1)
    monkeypatch.setattr(media.np, "concatenate", lambda *given, **more: pytest.fail("put together"))
    for read in (media.read_sound, media.look_at_sound, media.load_audio):
        with pytest.raises(media.MediaError, match="over 1 -> cut it into several"):
            read(tmp_path / "a.flac")
    monkeypatch.setattr(media, "MAX_SECONDS", 600)
    monkeypatch.setattr(media, "MAX_VALUES", 20_000)
    with pytest.raises(media.MediaError, match="over 600"):
        media.read_sound(tmp_path / "a.flac")


def test_a_header_that_declares_hours_or_a_billion_frames_fills_nothing(tmp_path, video):
    sounds.write_wav(np.full(16_000, 0.5), tmp_path / "a.wav")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    for start in (4, data.index(b"data") + 4):
        data[start : start + 4] = (2**32 - 2).to_bytes(4, "little")
    assert media.read_sound(bytes(data))[0].shape == (1, 16_000)
    data = bytearray(video.read_bytes())
    at = data.index(b"stsz") + 12
    assert int.from_bytes(data[at : at + 4], "big") == 8
    data[at : at + 4] = (10**9).to_bytes(4, "big")
    with pytest.raises(media.MediaError):
        media.look_at_video(bytes(data))


def test_sound_over_the_limit_is_refused(tmp_path, monkeypatch):
    sounds.write_wav(np.full(32_000, 0.5), tmp_path / "a.wav")
    monkeypatch.setattr(media, "MAX_SECONDS", 1)
    with pytest.raises(media.MediaError, match="sound of 2 s, over 1 -> cut it into several"):
        media.look_at_sound(tmp_path / "a.wav")
