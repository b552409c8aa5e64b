"""helpers.players: players that hold their file, and answers marked right or wrong."""

import base64
import re

import av
import numpy as np

from helpers import clips, players, show, sounds, videos
from helpers.samples import Sample


def test_a_sound_becomes_a_small_file_that_sounds_alike(tmp_path):
    sounds.write_wav(0.5 * sounds.tone(np.full(16000, 440.0)), tmp_path / "a.wav")
    html = players.player(tmp_path / "a.wav", "audio")
    heard = clips.hear(base64.b64decode(re.search('base64,([^"]+)', html)[1]))
    assert len(html) < 3_500 and abs(np.abs(np.fft.rfft(heard)).argmax() * 16000 / len(heard) - 440) < 3


def test_a_video_keeps_its_frames_in_a_small_file(tmp_path):
    (sample,) = videos.render_videos(tmp_path / "v", 1, seed=1)
    code = re.search('base64,([^"]+)', players.player(sample.image, "video"))[1]
    (tmp_path / "small.webm").write_bytes(base64.b64decode(code))
    small, whole = (frames(path) for path in (tmp_path / "small.webm", sample.image))
    assert len(code) < 3_000 and small.shape == whole.shape and np.abs(small - whole).mean() < 12


def frames(path):
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="gray").astype(float) for frame in file.decode(video=0)])


def test_answers_are_marked_and_escaped(tmp_path, monkeypatch):
    shown = {}
    monkeypatch.setattr(show, "_display", shown.update)
    sounds.write_wav(np.full(4000, 0.5), tmp_path / "a.wav")
    players.before_after([Sample(tmp_path / "a.wav", "a < b")] * 2, ["no", "a"], ["a  < b", "b"], "audio", count=1)
    assert shown["text/plain"] == "before | after | truth\n✗ no | ✓ a  < b | a < b"
    assert "a &lt; b" in shown["text/html"] and shown["text/html"].count("<audio") == 1
