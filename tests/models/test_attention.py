"""helpers.models.attention: pictures of a batch never see each other, and the tower's answer is transformers' own."""

import pytest

from helpers.models import attention
from helpers.models.load import load
from helpers.settings import Settings


@pytest.mark.parametrize("lengths", [[12], [8, 8, 8], [4, 20, 12], [16, 4]], ids=str)
def test_packed_attention_is_attention_picture_by_picture(lengths):
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    packed = [torch.randn(1, 3, sum(lengths), 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    alone = [x.detach().clone().requires_grad_() for x in packed]
    begins = torch.tensor([0, *lengths]).cumsum(0).int()
    seen, _ = attention.packed_attention(None, *packed, None, scaling=0.3, cu_seq_lens_q=begins)
    parts = zip(*(x.split(lengths, 2) for x in alone), strict=True)
    expected = torch.cat([F.scaled_dot_product_attention(*part, scale=0.3) for part in parts], 2).transpose(1, 2)
    assert torch.allclose(seen, expected, atol=1e-12)
    weights = torch.randn_like(expected)
    for result in (seen, expected):
        (result * weights).sum().backward()
    assert all(torch.allclose(a.grad, b.grad, atol=1e-12) for a, b in zip(packed, alone, strict=True))


def test_on_a_gpu_pictures_of_any_size_are_within_what_flash_attention_looks_at(monkeypatch):
    """Its kernel leaves out what is beyond the length that it is given, and says nothing."""
    import torch

    packed = [torch.randn(1, 3, 20, 8) for _ in range(3)]
    begins = torch.tensor([0, 2, 20], dtype=torch.int32)
    asked = []

    def flash(query, key, value, where, longest, causal):
        asked.append((query.shape, where.tolist(), longest, causal))
        return (query,)

    assert not attention._takes_flash(packed[0])  # on a CPU
    monkeypatch.setattr(attention, "_takes_flash", lambda query: True)
    monkeypatch.setattr(attention, "flash_operator", lambda: flash)
    seen, _ = attention.packed_attention(None, *packed, None, cu_seq_lens_q=begins)
    assert asked == [((20, 3, 8), [0, 2, 20], 20, False)]
    assert torch.equal(seen, packed[0].transpose(1, 2))


def test_where_pictures_begin_is_on_the_gpu_when_flash_attention_is_asked(monkeypatch):
    """``Decoder`` counts patches on the CPU; the kernel takes nothing from there."""
    import torch

    packed = [torch.randn(1, 3, 20, 8, device="meta") for _ in range(3)]
    asked = []
    monkeypatch.setattr(attention, "_takes_flash", lambda query: True)
    monkeypatch.setattr(attention, "flash_operator", lambda: lambda *given: asked.append(given[3].device) or given)
    attention.packed_attention(None, *packed, None, cu_seq_lens_q=torch.tensor([0, 2, 20], dtype=torch.int32))
    assert asked == [packed[0].device]


@pytest.mark.parametrize("grids", [[(1, 4, 6)] * 3, [(1, 4, 18), (1, 4, 6), (3, 2, 4)]], ids=["equal", "unequal"])
@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"])
def test_vision_encoder_sees_what_transformers_own_sees(family, grids, monkeypatch):
    import torch

    model = load(family, Settings.tiny())[0]
    calls, plain = [], torch.nn.functional.scaled_dot_product_attention
    count = lambda *given, **options: calls.append(1) or plain(*given, **options)  # noqa: E731
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", count)
    grid = torch.tensor(grids)
    patches = torch.randn(int(grid.prod(1).sum()), 1176, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, packed = model.model.visual(patches, grid_thw=grid).pooler_output, len(calls)
        model.set_attn_implementation({"vision_config": "sdpa"})
        theirs = model.model.visual(patches, grid_thw=grid).pooler_output
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert packed == len(model.model.visual.blocks) < len(calls) - packed  # one call a layer, not one a picture


def test_other_towers_and_language_models_keep_their_own_attention():
    minicpm, qwen2_vl = (load(family, Settings.tiny())[0] for family in ("minicpm_v", "qwen2_vl"))
    assert minicpm.config.vision_config._attn_implementation == "sdpa"
    assert qwen2_vl.config.text_config._attn_implementation == "sdpa"


def test_cudnn_whose_gradient_can_be_nan_is_left_out_once_a_model_is_loaded():
    import torch

    torch.backends.cuda.enable_cudnn_sdp(True)
    load("qwen2_vl", Settings.tiny())
    assert not torch.backends.cuda.cudnn_sdp_enabled()
