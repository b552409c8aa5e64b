"""Attention over rows laid end to end, each row seeing only itself: nothing is padded, and the GPU is never waited for.

Rows are marked by where they begin, ``cu_seq_lens_q`` (rows + 1,), int32, as in flash attention (Dao 2023,
arXiv:2307.08691), whose kernel in PyTorch does the work on a GPU. On a CPU the rows are taken one by one.
"""

from functools import cache, partial

VARLEN = "varlen_flash"  # "flash" in the name makes the vision towers hand over where pictures begin
MARKED = "varlen_by_mask"  # for SigLIP, which hands over a mask and nothing else
LONGEST = 16384  # patches of a picture: a bound for the kernel, no more


def attend(
    operator, module, query, key, value, attention_mask, cu_seq_lens_q=None, longest=0, is_causal=True, **kwargs
):
    """An attention function of transformers, behind ``operator``: what ``flash_operator`` returns, or None on a CPU.

    Args:
        query, key, value: (1, heads, tokens of all rows, head width); key and value may have fewer heads.
        longest: no row is longer than this; a fixed number, so that a CUDA graph can be made of it.

    Returns:
        ((1, tokens, heads, head width), None).
    """
    query, key, value = (x[0].transpose(0, 1).contiguous() for x in (query, key, value))
    if operator:
        return operator(query, key, value, cu_seq_lens_q, longest, is_causal)[0][None], None
    return _one_by_one(query, key, value, cu_seq_lens_q.tolist(), is_causal)[None], None


def attend_marked(operator, module, query, key, value, attention_mask, is_causal=True, **kwargs):
    """As ``attend``, but the place of the mask holds where the rows begin."""
    return attend(operator, module, query, key, value, None, attention_mask, LONGEST, is_causal)


def use_varlen(model):
    """Let language model and vision tower of ``model``, of any of our families, attend over rows laid end to end.

    Returned: what they did before, to be given to ``model.config._attn_implementation``.
    """
    from transformers import AttentionInterface

    operator = flash_operator() if model.device.type == "cuda" else None  # made here: torch.compile would make it anew
    AttentionInterface.register(VARLEN, partial(attend, operator))
    AttentionInterface.register(MARKED, partial(attend_marked, operator))
    config = model.config
    minicpm = "text_config" not in config.sub_configs  # its configuration is its language model's own
    wanted = {"": VARLEN, "vision_config": MARKED} if minicpm else {"text_config": VARLEN, "vision_config": VARLEN}
    before = {name: (getattr(config, name) if name else config)._attn_implementation for name in wanted}
    config._attn_implementation = wanted
    return before


def like_a_layers_output(hidden, layer):
    """``hidden`` for the first ``layer`` as the later ones take it: no view, and with a gradient where weights are
    trained. torch.compile looks at both, and would compile a layer twice."""
    import torch

    hidden = hidden.clone()
    if torch.is_grad_enabled() and any(weight.requires_grad for weight in layer.parameters()):
        hidden.requires_grad_()
    return hidden


def _one_by_one(query, key, value, starts, causal):
    import torch
    import torch.nn.functional as F

    rows = []
    for start, end in zip(starts, starts[1:], strict=False):
        q, k, v = (x[start:end].transpose(0, 1)[None] for x in (query, key, value))
        rows.append(F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)[0].transpose(0, 1))
    return torch.cat(rows)


@cache
def flash_operator():
    """Flash attention for rows of unequal length as one operator that torch.compile takes as it is.

    Returned: (query, key, value, starts, longest, causal) -> (out, log-sum-exp, two states of its random numbers).
    """
    import torch
    from torch import Tensor, library

    flash = torch.ops.aten

    def forward(
        q: Tensor, k: Tensor, v: Tensor, starts: Tensor, longest: int, causal: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found = flash._flash_attention_forward(q, k, v, starts, starts, longest, longest, 0.0, causal, False)
        return found[0], found[1], found[2].clone(), found[3].clone()

    def forward_shapes(q, k, v, starts, longest, causal):
        state = {"dtype": torch.uint64}
        sums = q.new_empty(q.shape[1], q.shape[0], dtype=torch.float32)
        return torch.empty_like(q), sums, q.new_empty(2, **state), q.new_empty((), **state)

    def backward(
        grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, sums: Tensor, starts: Tensor, first: Tensor,
        second: Tensor, longest: int, causal: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        sizes = (longest, longest, 0.0, causal, first, second)
        grads = flash._flash_attention_backward(grad, q, k, v, out, sums, starts, starts, *sizes)
        return grads[0].contiguous(), grads[1].contiguous(), grads[2].contiguous()

    def backward_shapes(grad, q, k, v, *_):
        return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)

    down = library.custom_op("ocr_lessons::varlen_backward", backward, mutates_args=())
    down.register_fake(backward_shapes)
    up = library.custom_op("ocr_lessons::varlen", forward, mutates_args=())
    up.register_fake(forward_shapes)

    def keep(ctx, inputs, output):
        *tensors, ctx.longest, ctx.causal = inputs
        q, k, v, starts = tensors
        ctx.save_for_backward(q, k, v, *output[:2], starts, *output[2:])

    def differentiate(ctx, grad, *_):
        grads = down(grad.contiguous(), *ctx.saved_tensors, ctx.longest, ctx.causal)
        return (*grads, None, None, None)

    up.register_autograd(differentiate, setup_context=keep)
    return up
