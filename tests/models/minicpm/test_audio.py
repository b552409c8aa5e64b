"""helpers.models.minicpm.audio: how many embeddings a sound becomes, and what a frame of sound attends to."""

import numpy as np
import pytest
import torch

from helpers.models.minicpm.audio import embedding_count, mel_pieces


@pytest.mark.parametrize("frames, count", [(0, 0), (1, 0), (2, 0), (3, 1), (100, 25), (101, 25), (3000, 750)])
def test_a_second_becomes_25_embeddings(frames, count):
    assert embedding_count(frames) == count == embedding_count(torch.tensor([frames])).item()


def test_long_sounds_are_cut_into_pieces_of_30_seconds_and_the_last_is_as_long_as_its_sound(processor):
    pieces = mel_pieces(np.zeros(35 * 16_000 + 1, np.float32), processor.feature_extractor)
    assert [tuple(piece.shape) for piece in pieces] == [(80, 3000), (80, 501)]


def test_a_frame_attends_to_its_own_chunk_and_earlier_ones(model):
    allowed = model.apm.mask(6, torch.tensor([6, 3]), 2)
    assert allowed[0, 0].int().tolist()[2] == [1, 1, 1, 1, 0, 0] and allowed[1, 0].int().tolist()[5] == [
        1,
        1,
        1,
        0,
        0,
        0,
    ]
    assert model.apm.mask(6, torch.tensor([6]), 0).all()


SOUND = np.zeros(20_000, np.float32)


@pytest.mark.parametrize("samples", [0, 160, 320])
def test_a_clip_too_short_for_one_embedding_is_refused_by_name(processor, samples):
    with pytest.raises(ValueError, match=f"row 0, sound 1: {samples} samples -> .* 321 samples"):
        processor("<audio><audio>", audios=[SOUND, np.zeros(samples)])
    processor("<audio>", audios=[np.zeros(321)])
