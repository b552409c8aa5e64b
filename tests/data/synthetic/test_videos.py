"""helpers.data.synthetic.videos: same seed, same frames; the last frame shows the whole formula."""

import json

import numpy as np
import pytest

from helpers.data import media
from helpers.data.samples import load_jsonl
from helpers.data.synthetic import formulas, videos
from helpers.data.synthetic.held_out import reserved


def test_videos_are_the_same_again_and_hold_the_formula(tmp_path):
    once = videos.render_videos(tmp_path / "a", 3, seed=1)
    again = videos.render_videos(tmp_path / "b", 3, seed=1)
    frames, latex = videos.draw_sample(0, 1)
    assert once[0].text == latex == formulas.draw_sample(0, 1, longest=videos.LONGEST)[1]
    for one, other in zip(once, again, strict=True):
        assert np.array_equal(media.load_frames(one.file, 4)[-1], media.load_frames(other.file, 4)[-1])
    found = media.look_at_video(once[0].file)
    assert (found.frames, found.seconds, found.size) == (8, 2.0, frames.shape[:0:-1])


def test_samples_are_videos_there_and_on_disk(tmp_path):
    samples = videos.render_videos(tmp_path, 2, seed=1, part="test")
    assert {sample.modality for sample in samples} == {"video"} and samples == load_jsonl(tmp_path / "data.jsonl")
    row = json.loads((tmp_path / "data.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert row == {"video": "videos/00000.mp4", "text": samples[0].text}
    assert all(reserved(sample.text) for sample in samples)


def test_finished_set_is_used_again_and_another_made_anew(tmp_path):
    first = videos.render_videos(tmp_path / "a", 2, seed=1)
    made = first[0].file.stat().st_mtime_ns
    assert videos.render_videos(tmp_path / "a", 2, seed=1)[0].file.stat().st_mtime_ns == made
    assert videos.render_videos(tmp_path / "a", 2, seed=2)[0].text != first[0].text


def test_formula_is_revealed_from_the_left_and_whole_in_the_end():
    page = np.asarray(formulas.draw_sample(0, 1)[0])
    ink = [(frame < 128).sum() for frame in videos.reveal(page)]
    assert ink == sorted(ink) and ink[0] < ink[-1] and np.array_equal(videos.reveal(page)[-1], page)


def test_unknown_part_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="unknown part 'tset'; choose one of train, test"):
        videos.render_videos(tmp_path, 2, seed=1, part="tset")
