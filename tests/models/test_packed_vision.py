"""helpers.models.packed_vision: pictures laid end to end become the tokens that the models make of them one by one."""

import pytest
import torch

from helpers.models.load import load
from helpers.models.packed import use_varlen
from helpers.models.packed_vision import see_patches, see_slices
from helpers.settings import Settings
from helpers.training.collate import collate
from helpers.training.packing import pack


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"])
@torch.no_grad()
def test_patches(noisy_samples, family):
    model, processor = load(family, Settings.tiny())
    usual, batch = collate(noisy_samples, processor), pack(noisy_samples, model, processor)
    wanted = model.model.get_image_features(usual["pixel_values"], usual["image_grid_thw"]).pooler_output
    wanted = torch.cat(list(wanted))
    use_varlen(model)
    found = see_patches(model, batch)
    assert len(found) == len(batch["image_places"]) >= len(wanted)
    assert (found[: len(wanted)] - wanted).norm() < 1e-4 * wanted.norm()


@pytest.mark.parametrize("family", ["minicpm_o", "minicpm_v"])
@torch.no_grad()
def test_slices(noisy_samples, family):
    model, processor = load(family, Settings.tiny())
    usual, batch = collate(noisy_samples, processor), pack(noisy_samples, model, processor)
    wanted = model.encode_images(usual["pixel_values"], usual["tgt_sizes"]).flatten(0, 1)
    use_varlen(model)
    found = see_slices(model, batch)
    assert len(found) == len(batch["image_places"]) > len(wanted)
    assert (found[: len(wanted)] - wanted).norm() < 1e-4 * wanted.norm()
    assert found.isfinite().all()  # what fills up, too: it would spoil every gradient
