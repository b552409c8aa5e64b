"""Attention of the vision towers of Qwen2-VL and GLM-OCR over all pictures of a batch at once."""


def packed_attention(module, query, key, value, attention_mask, scaling=None, cu_seq_lens_q=None, **kwargs):
    """Attention over many pictures laid end to end, each looking only at itself, in one call.

    Args:
        query, key, value: (1, heads, patches of all pictures, head width).
        cu_seq_lens_q: (pictures + 1,) where each picture's patches begin.

    Returns:
        ((1, patches, heads, head width), None), as transformers' attention functions do.
    """
    import torch
    import torch.nn.functional as F

    lengths = (cu_seq_lens_q[1:] - cu_seq_lens_q[:-1]).tolist()
    longest = max(lengths)
    query, key, value = (x[0].transpose(0, 1) for x in (query, key, value))  # (patches, heads, width)
    if min(lengths) == longest:
        stacked = [x.unflatten(0, (len(lengths), longest)).transpose(1, 2) for x in (query, key, value)]
        seen = F.scaled_dot_product_attention(*stacked, scale=scaling).transpose(1, 2).flatten(0, 1)
        return seen[None], None
    counts = torch.tensor(lengths, device=query.device)
    inside = torch.arange(longest, device=query.device) < counts[:, None]  # (pictures, longest)
    place = inside.flatten().nonzero()[:, 0]
    stacked = []
    for x in (query, key, value):
        padded = x.new_zeros(len(lengths) * longest, *x.shape[1:]).index_copy(0, place, x)
        stacked.append(padded.unflatten(0, (len(lengths), longest)).transpose(1, 2))
    seen = F.scaled_dot_product_attention(*stacked, attn_mask=inside[:, None, None], scale=scaling)
    return seen.transpose(1, 2).flatten(0, 1)[place][None], None


def batch_vision_attention(model):
    """Let the vision tower attend to all pictures of a batch at once; transformers goes picture by picture.

    Only the word "flash" in the name makes transformers hand over where the pictures begin.
    """
    from transformers import AttentionInterface

    AttentionInterface.register("packed_flash_free", packed_attention)
    for part in model.modules():
        if part.__class__.__name__ in ("Qwen2VisionTransformerPretrainedModel", "GlmOcrVisionModel"):
            part.config._attn_implementation = "packed_flash_free"
