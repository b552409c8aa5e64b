"""helpers.models.minicpm.placeholders: marks, the text that stands for a sound, and where it lies among the tokens."""

import pytest
from PIL import Image

from helpers.models.minicpm.placeholders import AUDIO_MARK, IMAGE_MARK, audio_placeholder, find_spans, flatten_messages


def test_sound_is_marked_second_by_second():
    assert [part.count("<unk>") for part in audio_placeholder(60).split("<|audio_end|>")] == [25, 25, 10, 0]
    assert audio_placeholder(60, chunk_input=False).count("<|audio_start|>") == 1


def test_marks_that_do_not_pair_up_are_refused():
    assert find_spans([1, 5, 9, 2, 1, 9, 2], (1,), (2,)).tolist() == [[1, 3], [5, 6]]
    for broken in ([1, 5, 9], [2, 1], [1, 1, 2, 2]):
        with pytest.raises(ValueError, match="do not pair up"):
            find_spans(broken, (1,), (2,))


def test_parts_become_lines_of_text_and_marks_in_their_order():
    picture, sound = Image.new("RGB", (3, 3)), [0.0, 1.0]
    parts = [{"type": "text", "text": "look"}, picture, {"type": "image"}, {"audio": sound}, "and listen"]
    messages, pictures, sounds = flatten_messages(
        [{"role": "user", "content": parts}, {"role": "user", "content": "hi"}]
    )
    assert messages[0]["content"].split("\n") == ["look", IMAGE_MARK, IMAGE_MARK, AUDIO_MARK, "and listen"]
    assert messages[1] == {"role": "user", "content": "hi"} and pictures == [picture] and sounds == [sound]
