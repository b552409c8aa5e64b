"""MiniCPM's vision encoder: SigLIP for pictures of any size, and the resampler that makes a few embeddings of each.

Sources: SigLIP (Zhai et al. 2023, arXiv:2303.15343), NaViT (Dehghani et al. 2023, arXiv:2307.06304) for pictures of
many sizes in one batch, and for the resampler Qwen-VL (Bai et al. 2023, arXiv:2308.12966).
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.siglip.modeling_siglip import SiglipEncoder

from helpers.language import message


def position_buckets(count, side):
    """Where ``count`` patches in a row lie in a position table of ``side`` entries: (count,) long.

    Some patches lie exactly on a border, so rounding decides. The weights were trained with ``torch.arange`` on x86 and
    a float32 step: it rounds the first of every eight, and the others from there; the last ones, fewer than 16,
    are rounded on their own. Written out here, other machines and a GPU give the same buckets.
    """
    step = torch.tensor(1 / count, dtype=torch.float32).double()
    index = torch.arange(count)
    eighth = index // 8 * 8
    fractions = ((eighth * step).float().double() + (index - eighth) * step).float()
    tail = index >= count // 16 * 16
    fractions[tail] = (index[tail] * step).float()
    borders = (torch.arange(1, side).double() / side).float()
    return torch.bucketize(fractions, borders, right=True)


def valid_mask(lengths, longest):
    """True for what is there, False for padding: (len(lengths), longest)."""
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


class VisionEmbeddings(nn.Module):
    """Patches as vectors, each with the embedding of its position in the picture added."""

    def __init__(self, config):
        super().__init__()
        self.side = config.image_size // config.patch_size
        self.patch_embedding = nn.Conv2d(3, config.hidden_size, config.patch_size, config.patch_size)
        self.position_embedding = nn.Embedding(self.side**2, config.hidden_size)

    def patch_positions(self, sizes):
        """For each picture the index into the position table of each of its patches: a list of (patches,) long."""
        buckets = {count: position_buckets(count, self.side) for size in sizes for count in size}
        return [(buckets[high][:, None] * self.side + buckets[wide]).flatten() for high, wide in sizes]

    def position_ids(self, sizes, longest):
        """``patch_positions`` as one tensor: (pictures, longest); 0 for padding."""
        return torch.stack([F.pad(row, (0, longest - len(row))) for row in self.patch_positions(sizes)])

    def forward(self, pixels, sizes):
        """``pixels`` (pictures, 3, 14, 14 * longest) -> (pictures, longest, width)."""
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)
        position_ids = self.position_ids(sizes, patches.shape[1]).to(pixels.device)
        return patches + self.position_embedding(position_ids)


class VisionEncoder(nn.Module):
    """SigLIP over a batch of pictures of different sizes, padded to the largest; no patch sees padding."""

    def __init__(self, config, drop_last_layer=False):
        super().__init__()
        self.config = config
        self.embeddings = VisionEmbeddings(config)
        self.encoder = SiglipEncoder(config)
        if drop_last_layer:
            self.encoder.layers = self.encoder.layers[:-1]
        self.post_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixels, sizes):
        """Encode pictures.

        Args:
            pixels: (pictures, 3, 14, 14 * longest), each picture's patches side by side, zeros behind them.
            sizes: list of (rows, columns) of patches.

        Returns:
            (pictures, longest, width); what stands for padding means nothing.
        """
        hidden = self.embeddings(pixels, sizes)
        lengths, mask = [high * wide for high, wide in sizes], None
        if min(lengths) < hidden.shape[1]:
            valid = valid_mask(torch.tensor(lengths, device=hidden.device), hidden.shape[1])
            mask = torch.zeros_like(valid, dtype=hidden.dtype).masked_fill(~valid, torch.finfo(hidden.dtype).min)
            mask = mask[:, None, None].expand(-1, 1, hidden.shape[1], -1)
        return self.post_layernorm(self.encoder(inputs_embeds=hidden, attention_mask=mask).last_hidden_state)


def sincos_embeddings(positions, width):
    """Sines and cosines of positions on a line, the longest wave 10000 steps: (...) -> (..., width) float32.

    Vaswani et al. 2017, arXiv:1706.03762, but all sines come before all cosines.
    """
    half = width // 2
    rates = 1.0 / 10000 ** (torch.arange(half, dtype=torch.float32, device=positions.device) / half)
    angles = positions.float()[..., None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def place_embeddings(rows, columns, width):
    """Where patches lie: the column in the first half of the channels, the row in the second. (...) -> (..., width)."""
    return torch.cat([sincos_embeddings(columns, width // 2), sincos_embeddings(rows, width // 2)], dim=-1)


class QueryAttention(nn.Module):
    """Multi-head attention with the parameter names of ``nn.MultiheadAttention``, over padded keys and values."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, query, key, value, valid):
        """``query`` (B, Q, D), ``key`` and ``value`` (B, L, D), ``valid`` (B, L) true where a key is -> (B, Q, D)."""
        weights, biases = self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3)
        parts = zip((query, key, value), weights, biases, strict=True)
        query, key, value = (F.linear(*part).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=valid[:, None, None])
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    """Turns the patches of a picture, or of a group of video frames, into a few embeddings for the language model.

    Args:
        queries: embeddings a picture becomes.
        width: width of the language model; a head has 128 channels.
        vision_width: width of the vision encoder.
    """

    def __init__(self, queries, width, vision_width):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(queries, width))
        self.kv_proj = nn.Linear(vision_width, width, bias=False) if vision_width != width else nn.Identity()
        self.attn = QueryAttention(width, width // 128)
        self.ln_q, self.ln_kv, self.ln_post = (nn.LayerNorm(width, eps=1e-6) for _ in range(3))
        self.proj = nn.Parameter(torch.zeros(width, width))

    def position_embeddings(self, sizes, longest):
        """Where each patch lies. Computed anew each time: a buffer would not survive loading on the meta device.
        -> (pictures, longest, width) float32.
        """
        index = torch.arange(longest, device=self.query.device)
        columns = sizes[:, 1:]
        return place_embeddings(index // columns, index % columns, self.query.shape[1])

    def forward(self, hidden, sizes, frames=None):
        """Resample.

        Args:
            hidden: (pictures, longest, vision width) from the vision encoder.
            sizes: (pictures, 2) long, rows and columns of patches.
            frames: for MiniCPM-V 4.5, one list for each group of pictures that become embeddings together; in it each
                picture's place in time, -1 for a picture outside time. ``None``: each picture is its own group.

        Returns:
            (groups, queries, width).

        Raises:
            ValueError: the groups do not hold as many pictures as there are.
        """
        value = self.ln_kv(self.kv_proj(hidden))
        position = self.position_embeddings(sizes, hidden.shape[1])
        valid = valid_mask(sizes.prod(1), hidden.shape[1])
        groups = frames if frames is not None else [[-1]] * len(sizes)
        times = torch.tensor([time for group in groups for time in group], device=hidden.device)
        if len(times) != len(sizes):
            raise ValueError(message("minicpm.times", named=len(times), pictures=len(sizes)))
        position = position + sincos_embeddings(times, position.shape[-1])[:, None] * (times >= 0)[:, None, None]
        key = value + position.to(value.dtype)
        if len(groups) < len(times):
            key, value, valid = join_frames(key, value, valid, [len(group) for group in groups])
        query = self.ln_q(self.query).expand(len(groups), -1, -1)
        return self.ln_post(self.attn(query, key, value, valid)) @ self.proj


def join_frames(key, value, valid, counts):
    """The patches of each group's pictures one after the other, without the padding between them.

    Args:
        key, value: (pictures, longest, width); valid: (pictures, longest).
        counts: pictures of each group.

    Returns:
        key, value (groups, longest, width) and valid (groups, longest), longest the most patches of a group.
    """
    lengths = torch.stack([part.sum() for part in valid.split(counts)])
    joined = valid_mask(lengths, int(lengths.max()))
    empty = value.new_zeros(*joined.shape, value.shape[-1])
    key, value = (empty.masked_scatter(joined[..., None], part[valid]) for part in (key, value))
    return key, value, joined
