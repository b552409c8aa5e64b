"""helpers.videos, helpers.sounds, and how helpers.clips reads them."""

import numpy as np
import pytest

from helpers import clips, formulas, sounds, videos


@pytest.mark.parametrize("motion", videos.MOTIONS)
def test_videos_are_the_same_again_and_hold_the_formula(tmp_path, motion):
    once = videos.render_videos(tmp_path / "a", 3, seed=1, motion=motion)
    again = videos.render_videos(tmp_path / "b", 3, seed=1, motion=motion)
    frames, latex = videos.draw_sample(0, 1, motion)
    assert once[0].text == latex == formulas.draw_sample(0, 1)[1]
    for one, other in zip(once, again, strict=True):
        assert np.array_equal(clips.watch(one.image, 4)[-1], clips.watch(other.image, 4)[-1])
    found = clips.look_at_video(once[0].image)
    assert (found.frames, found.seconds, found.size) == (8, 2.0, frames.shape[:0:-1])


def test_finished_set_is_used_again_and_another_made_anew(tmp_path):
    first = videos.render_videos(tmp_path / "a", 2, seed=1)
    made = first[0].image.stat().st_mtime_ns
    assert videos.render_videos(tmp_path / "a", 2, seed=1)[0].image.stat().st_mtime_ns == made
    assert videos.render_videos(tmp_path / "a", 2, seed=2)[0].text != first[0].text


def test_formula_is_revealed_from_the_left_and_whole_in_the_end():
    page = np.asarray(formulas.draw_sample(0, 1)[0])
    ink = [(frame < 128).sum() for frame in videos.reveal(page)]
    assert ink == sorted(ink) and ink[0] < ink[-1] and np.array_equal(videos.reveal(page)[-1], page)


def test_scrolling_frames_together_show_all_of_a_formula_and_none_shows_it_alone():
    page = np.arange(28 * 252, dtype=np.uint8).reshape(28, 252)
    frames = videos.scroll(page)
    assert frames.shape == (8, 28, 112)
    assert np.array_equal(frames[0], page[:, :112]) and np.array_equal(frames[-1], page[:, -112:])
    assert videos.scroll(page[:, :84]).shape == (8, 28, 112)


@pytest.mark.parametrize(
    ("frames", "seconds", "fps", "most", "taken"),
    [
        (8, 2.0, 2, 128, [0, 2, 4, 7]),
        (8, 2.0, 9, 128, list(range(8))),
        (8, 0.3, 2, 128, [0]),
        (100, 25.0, 2, 3, [0, 49, 99]),
    ],
)
def test_frames_taken_are_spread_from_first_to_last(frames, seconds, fps, most, taken):
    assert clips.sampled(frames, seconds, fps, most) == taken


def test_sounds_are_the_same_again_and_test_ones_are_others(tmp_path):
    once, again = (sounds.render_sounds(tmp_path / name, 16, seed=1) for name in "ab")
    assert [one.image.read_bytes() for one in once] == [other.image.read_bytes() for other in again]
    assert {sample.text for sample in once} == set(sounds.NAMES)
    held_out = sounds.render_sounds(tmp_path / "t", 16, seed=1, part="test")
    assert not {one.image.read_bytes() for one in once} & {one.image.read_bytes() for one in held_out}


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


def test_wav_is_read_as_it_was_written(tmp_path):
    samples = np.linspace(-1, 1, 3000).reshape(-1, 2)
    sounds.write_wav(samples, tmp_path / "a.wav", rate=8000)
    read, rate = clips.read_sound(tmp_path / "a.wav")
    assert rate == 8000 and np.allclose(read.T, samples, atol=1e-4)
    assert clips.hear(tmp_path / "a.wav").shape == (3000,)
    assert clips.look_at_sound(tmp_path / "a.wav").mel_frames == 19
