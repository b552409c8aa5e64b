"""helpers.pretraining.forward_minicpm: pictures enlarged as Pillow does, gradients of sounds; see test_forward."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.pretraining import forward, forward_minicpm
from helpers.pretraining.families import TINY_FAMILIES, processor_of
from helpers.pretraining.rows import make_row

NOISE = np.random.default_rng(0).integers(0, 256, (56, 252), dtype=np.uint8)


@pytest.fixture(scope="module")
def processor():
    return processor_of("minicpm_o")


@pytest.fixture
def model(processor):
    return TINY_FAMILIES["minicpm_o"].make_model(processor)


@pytest.mark.parametrize("columns", range(3, 10))
def test_enlarged_patches_are_those_of_the_processor_but_for_one_grey_level(model, processor, columns):
    image = Image.fromarray(NOISE[:, : columns * 28]).convert("RGB")
    expected = processor.image_processor([image])
    fixed = forward_minicpm.tables(model, processor, (252, 56), "cpu")
    row = {name: table[columns - 3][None] for name, table in fixed.items()}
    patches = forward_minicpm.to_patches(
        forward_minicpm.enlarge(torch.from_numpy(NOISE)[None].float(), row["wide"], row["high"]), row["patch"]
    )[0][row["inside"][0]]
    theirs = expected["pixel_values"][0][0][0].unflatten(1, (-1, 14)).transpose(0, 1).flatten(1)
    assert patches.shape == theirs.shape and (patches - theirs).abs().max() <= 1.01 / 127.5
    assert (patches == theirs).float().mean() > 0.98
    assert row["size"].tolist() == expected["tgt_sizes"][0].tolist()


def test_gradients_of_sounds_reach_the_audio_encoder(model, processor):
    row = make_row(3, "minicpm_o")
    encode = forward_minicpm.audio_encoder(model, processor)
    media, ids = torch.from_numpy(row.media)[None].float(), torch.from_numpy(row.ids)[None].long()
    forward.loss(model, media, ids, torch.tensor([(0, 0, row.start, row.length)]), encode).backward()
    reached = {name.split(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert reached == {"llm", "apm", "audio_projection_layer"}


def test_placeholders_get_the_embeddings_in_order():
    chosen, which, positions = forward_minicpm.placeholder_positions(torch.tensor([[5, 3, 3, 3, 7]]), 3, 3)
    assert chosen[0].tolist() == [False, True, True, True, False] and which[0, 1:4].tolist() == [0, 1, 2]
    assert positions[0].tolist() == [0, 1, 2, 3, 4]
