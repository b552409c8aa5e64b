"""helpers.data.synthetic.sounds: same seed, same samples; a sound is what its name says."""

import json

import numpy as np
import pytest

from helpers.data.samples import load_jsonl
from helpers.data.synthetic import sounds


def test_sounds_are_the_same_again_and_test_ones_are_others(tmp_path):
    once, again = (sounds.render_sounds(tmp_path / name, 16, seed=1) for name in "ab")
    assert [one.file.read_bytes() for one in once] == [other.file.read_bytes() for other in again]
    assert {sample.text for sample in once} == set(sounds.NAMES)
    held_out = sounds.render_sounds(tmp_path / "t", 16, seed=1, part="test")
    assert not {one.file.read_bytes() for one in once} & {one.file.read_bytes() for one in held_out}


@pytest.mark.parametrize("name", sounds.NAMES)
def test_sounds_are_what_their_names_say(name):
    made = sounds.sound(name, np.random.default_rng(0))
    assert made.shape == (16000,) and np.abs(made).max() <= 1
    loud = np.abs(made).reshape(-1, 80).max(1) > 0.1  # 5 ms each
    if "beep" in name:
        assert (np.diff(loud.astype(int)) == 1).sum() + loud[0] == int(name[0])
    elif "tone" in name:
        begin, end = (np.abs(np.fft.rfft(made[part])).argmax() for part in (slice(400, 1400), slice(-1400, -400)))
        moved = 0 if abs(end - begin) <= 2 else np.sign(end - begin)
        assert moved == {"a steady": 0, "a rising": 1, "a falling": -1}[name.removesuffix(" tone")]


def test_samples_are_sounds_there_and_on_disk(tmp_path):
    samples = sounds.render_sounds(tmp_path, 2, seed=1)
    assert {sample.modality for sample in samples} == {"audio"} and samples == load_jsonl(tmp_path / "data.jsonl")
    row = json.loads((tmp_path / "data.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert row == {"audio": "sounds/00001.wav", "text": "a rising tone"}


def test_every_name_has_a_transcript_with_a_word_for_each_event():
    assert list(sounds.TRANSCRIPTS) == list(sounds.NAMES)
    beeps = [sounds.TRANSCRIPTS[name].split() for name in sounds.NAMES if "beep" in name]
    assert beeps == [["beep"] * count for count in (1, 2, 3, 4)]


def test_unknown_part_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="unknown part 'tset'; choose one of train, test"):
        sounds.render_sounds(tmp_path, 2, seed=1, part="tset")
