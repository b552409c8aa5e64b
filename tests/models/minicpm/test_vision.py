"""helpers.models.minicpm.vision: padding is not looked at, and frames of a group are resampled together."""

import numpy as np
import pytest
import torch
from minicpm_batch import close

from helpers.models.minicpm.configuration import MiniCPMOConfig
from helpers.models.minicpm.vision import Resampler, VisionEncoder, valid_mask


def test_padding_of_pictures_is_not_looked_at(model):
    sizes = [(2, 3), (4, 4)]
    pixels = torch.randn(2, 3, 14, 14 * 16)
    changed = pixels.clone()
    changed[0, :, :, 14 * 6 :] = 9.0
    with torch.no_grad():
        first, second = (model.vpm(values, sizes) for values in (pixels, changed))
        outputs = [model.resampler(hidden, torch.tensor(sizes)) for hidden in (first, second)]
    assert close(first[0, :6], second[0, :6], 1e-5) and close(outputs[0], outputs[1], 1e-5)


def test_valid_mask_and_the_layer_that_is_dropped():
    assert valid_mask(torch.tensor([1, 3]), 3).tolist() == [[True, False, False], [True, True, True]]
    vision = MiniCPMOConfig(vision_config={"num_hidden_layers": 3, "hidden_size": 12, "image_size": 28}).vision_config
    assert len(VisionEncoder(vision, drop_last_layer=True).encoder.layers) == 2


# --- video frames (MiniCPM-V 4.5) ------------------------------------------------------------------


@pytest.fixture(scope="module")
def resampler():
    torch.manual_seed(0)
    resampler = Resampler(4, 256, 32)
    for parameter in resampler.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return resampler.eval().requires_grad_(False)


SIZES = torch.tensor([(2, 3), (4, 4), (1, 5)])


HIDDEN = torch.randn(3, 16, 32, generator=torch.Generator().manual_seed(1))


def waves(place, width):
    """Sines, then cosines, of one place; ``width`` numbers."""
    angles = place / 10000 ** (np.arange(width // 2) / (width // 2))
    return np.concatenate([np.sin(angles), np.cos(angles)])


def resampled_plainly(resampler, hidden, sizes, groups):
    """The same by loops over groups, frames and patches, and torch's own attention."""
    attention = torch.nn.MultiheadAttention(256, 2, batch_first=True)
    attention.load_state_dict(resampler.attn.state_dict())
    frames, outputs = iter(zip(hidden, sizes.tolist(), strict=True)), []
    for group in groups:
        keys, values = [], []
        for time in group:
            patches, (high, wide) = next(frames)
            for number in range(high * wide):
                value = resampler.ln_kv(resampler.kv_proj(patches[number]))
                place = np.concatenate([waves(number % wide, 128), waves(number // wide, 128)])
                place = place + waves(time, 256) * (time >= 0)
                keys.append(value + torch.tensor(place, dtype=torch.float32))
                values.append(value)
        query = resampler.ln_q(resampler.query)[None]
        outputs.append(attention(query, torch.stack(keys)[None], torch.stack(values)[None])[0])
    return resampler.ln_post(torch.cat(outputs)) @ resampler.proj


@pytest.mark.parametrize("groups", [[[-1], [-1], [-1]], [[0, 7], [-1]], [[-1], [3, 4]], [[2, 5, 8]], [[-1, 4], [0]]])
def test_frames_are_resampled_as_loops_would(resampler, groups):
    with torch.no_grad():
        expected = resampled_plainly(resampler, HIDDEN, SIZES, groups)
    assert close(resampler(HIDDEN, SIZES, groups), expected)


def test_frames_outside_time_are_pictures(resampler):
    assert close(resampler(HIDDEN, SIZES), resampler(HIDDEN, SIZES, [[-1], [-1], [-1]]), 1e-6)


def test_a_group_of_frames_is_resampled_together_without_its_padding(resampler):
    joined = resampler(HIDDEN, SIZES, [[0, 1], [-1]])
    assert joined.shape == (2, 4, 256) and close(joined[1], resampler(HIDDEN, SIZES)[2], 1e-5)
    changed = HIDDEN.clone()
    changed[0, 6:] = 7.0
    assert close(resampler(changed, SIZES, [[0, 1], [-1]]), joined, 1e-5)
    assert not close(resampler(HIDDEN, SIZES, [[0, 5], [-1]]), joined, 1e-3)


def test_a_group_in_a_batch_is_what_it_is_alone(resampler):
    alone = resampler(HIDDEN[:2], SIZES[:2], [[3, 9]])
    assert close(resampler(HIDDEN, SIZES, [[3, 9], [-1]])[:1], alone, 1e-5)


def test_groups_that_hold_too_few_frames_are_refused(resampler):
    with pytest.raises(ValueError, match="name 2 pictures, pixel_values hold 3"):
        resampler(HIDDEN, SIZES, [[0, 1]])
