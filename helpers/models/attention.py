"""Attention of the vision towers of Qwen2-VL and GLM-OCR over all pictures of a batch at once; by which kernels."""

from helpers.models.packed import attend, flash_operator

# Only the word "flash" in the name makes transformers hand over where the pictures begin.
PACKED = "packed_flash_free"


def packed_attention(module, query, key, value, attention_mask, scaling=None, cu_seq_lens_q=None, **kwargs):
    """Attention over many pictures laid end to end, each looking only at itself, in one call.

    Args:
        query, key, value: (1, heads, patches of all pictures, head width).
        scaling: head width ** -0.5 on a GPU that has flash attention, which takes no other.
        cu_seq_lens_q: (pictures + 1,) where each picture's patches begin; may be on the CPU.

    Returns:
        ((1, patches, heads, head width), None), as transformers' attention functions do.
    """
    import torch
    import torch.nn.functional as F

    if _takes_flash(query):
        longest = query.shape[2]  # it may be that of one picture alone
        begins = cu_seq_lens_q.to(query.device)
        return attend(flash_operator(), module, query, key, value, None, begins, longest, is_causal=False)
    lengths = (cu_seq_lens_q[1:] - cu_seq_lens_q[:-1]).tolist()
    longest = max(lengths)
    query, key, value = (x[0].transpose(0, 1) for x in (query, key, value))  # (patches, heads, width)
    if min(lengths) == longest:
        stacked = [x.unflatten(0, (len(lengths), longest)).transpose(1, 2) for x in (query, key, value)]
        mixed = F.scaled_dot_product_attention(*stacked, scale=scaling).transpose(1, 2).flatten(0, 1)
        return mixed[None], None
    counts = torch.tensor(lengths, device=query.device)
    inside = torch.arange(longest, device=query.device) < counts[:, None]  # (pictures, longest)
    index = inside.flatten().nonzero()[:, 0]
    stacked = []
    for x in (query, key, value):
        padded = x.new_zeros(len(lengths) * longest, *x.shape[1:]).index_copy(0, index, x)
        stacked.append(padded.unflatten(0, (len(lengths), longest)).transpose(1, 2))
    mixed = F.scaled_dot_product_attention(*stacked, attn_mask=inside[:, None, None], scale=scaling)
    return mixed.transpose(1, 2).flatten(0, 1)[index][None], None


def _takes_flash(query):
    """Whether PyTorch's flash attention can compute with this tensor: nothing is padded then, and nobody waits."""
    import torch

    return query.is_cuda and query.dtype in (torch.float16, torch.bfloat16) and has_flash_attention(query.device)


def has_flash_attention(device=None):
    """Whether PyTorch's flash attention runs on this CUDA GPU: Ampere or newer, compute capability 8.0."""
    import torch

    return torch.cuda.get_device_capability(device) >= (8, 0)


def leave_out_cudnn():
    """No attention by cuDNN in this process: PyTorch takes its flash and memory-efficient kernels, which cost the same.

    cuDNN is asked first on an H100 since PyTorch 2.11. With a mask over 64, 192, 320 … keys its gradient of the queries
    can be NaN, and is for padded rows (pytorch/pytorch#196678).
    """
    import torch

    torch.backends.cuda.enable_cudnn_sdp(False)


def batch_vision_attention(model):
    """Let the vision tower attend to all pictures of a batch at once; transformers goes picture by picture.

    That is for towers that take the pictures end to end and merge patches, Qwen2-VL's and GLM-OCR's; others stay as
    they are.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, packed_attention)
    if hasattr(getattr(model.config, "vision_config", None), "spatial_merge_size"):
        model.set_attn_implementation({"vision_config": PACKED})
