"""helpers.show.players: players that hold their file, and hold it small."""

import base64
import re

import av
import numpy as np

from helpers.data import media
from helpers.data.samples import Sample
from helpers.data.synthetic import sounds, videos
from helpers.show import players


def test_a_sound_becomes_a_small_file_that_sounds_alike(tmp_path):
    sounds.write_wav(0.5 * sounds.tone(np.full(16000, 440.0)), tmp_path / "a.wav")
    html = players.player(Sample(tmp_path / "a.wav", "", "audio"))
    heard = media.load_audio(base64.b64decode(re.search('base64,([^"]+)', html)[1]))
    assert len(html) < 3_500 and abs(np.abs(np.fft.rfft(heard)).argmax() * 16000 / len(heard) - 440) < 3


def test_a_video_keeps_its_frames_in_a_small_file(tmp_path):
    (sample,) = videos.render_videos(tmp_path / "v", 1, seed=1)
    code = re.search('base64,([^"]+)', players.player(sample))[1]
    (tmp_path / "small.webm").write_bytes(base64.b64decode(code))
    small, whole = (frames(path) for path in (tmp_path / "small.webm", sample.file))
    assert len(code) < 3_000 and small.shape == whole.shape and np.abs(small - whole).mean() < 12


def frames(path):
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="gray").astype(float) for frame in file.decode(video=0)])
