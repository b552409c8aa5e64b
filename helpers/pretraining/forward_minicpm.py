"""MiniCPM's vision and audio encoder for pretraining; see ``helpers/pretraining/forward.py``.

The image processor enlarges every picture to about the same area, keeping its shape. Pictures lie on canvases of one
height, so their width alone says how: that is worked out once for each width, and done here as products of matrices.
"""

from functools import cache

import numpy as np

from helpers.pretraining.forward import GRID, PATCH

NARROWEST = 3  # pictures are at least that many times GRID wide


@cache
def stretch(length, new):
    """Pillow's bicubic resizing of a line as a matrix (length, new)."""
    from PIL import Image

    rows = Image.fromarray(np.eye(length, dtype=np.float32)).resize((new, length), Image.Resampling.BICUBIC)
    return np.asarray(rows)


def tables(model, processor, size, device):
    """What is fixed for each width of a picture on canvases of ``size`` (width, height), the narrowest first.

    Returns:
        dict of tensors with one row for each width: wide (canvas width, W) and high (H, canvas height) enlarge a
        picture; patch (N,) says where on the enlarged canvas each patch lies, position (N,) where in the vision
        encoder's table of positions; inside (N,) is False for padding; size (2,) counts rows and columns of patches.
    """
    import torch

    from helpers.models.minicpm.image_processing import fit

    images, (width, height) = processor.image_processor, size
    widths = range(NARROWEST * GRID, width + 1, GRID)
    fitted = [fit(w, height, images.scale_resolution, PATCH) for w in widths]
    widest, highest = (max(sides) for sides in zip(*fitted, strict=True))
    counts = [(high // PATCH, wide // PATCH) for wide, high in fitted]
    longest = -(-max(rows * columns for rows, columns in counts) // 8) * 8  # fast kernels like eights
    found = {name: [] for name in ("wide", "high", "patch", "inside")}
    for w, (wide, high), (rows, columns) in zip(widths, fitted, counts, strict=True):
        found["wide"].append(np.pad(stretch(w, wide), ((0, width - w), (0, widest - wide))))
        found["high"].append(np.pad(stretch(height, high).T, ((0, highest - high), (0, 0))))
        patch = np.arange(rows)[:, None] * (widest // PATCH) + np.arange(columns)
        found["patch"].append(np.pad(patch.ravel(), (0, longest - rows * columns)))
        found["inside"].append(np.arange(longest) < rows * columns)
    made = {name: torch.from_numpy(np.stack(rows)).to(device) for name, rows in found.items()}
    made["position"] = model.vpm.embeddings.position_ids(counts, longest).to(device)
    made["size"] = torch.tensor(counts, device=device)
    return made


def enlarge(grey, wide, high):
    """Grey pictures (B, height, width), 0..255 -> (B, H, W) as Pillow makes them: rounded after either direction."""
    import torch

    with torch.autocast(grey.device.type, enabled=False):  # bfloat16 knows too few greys
        lines = (grey @ wide).round().clamp(0, 255)
        return (high @ lines).round().clamp(0, 255)


def to_patches(grey, patch):
    """Grey canvases (B, H, W) and the indices of patches on them (B, N) -> patches (B, N, 196), values -1..1."""
    count, rows, columns = len(grey), grey.shape[1] // PATCH, grey.shape[2] // PATCH
    cut = grey.view(count, rows, PATCH, columns, PATCH).transpose(2, 3).reshape(count, rows * columns, PATCH**2)
    return cut.gather(1, patch[..., None].expand(-1, -1, PATCH**2)) / 127.5 - 1


def vision_block(layer, states, inside):
    """One layer of the vision encoder: states (B, N, width), inside (B, N) bool -> states."""
    return layer(states, attention_mask=inside[:, None, None])


def placeholder_positions(ids, token, count):
    """Where the ``count`` embeddings of a picture or sound go in ids (B, L): (B, L) bool, which of them, positions."""
    import torch

    chosen = ids == token
    positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    return chosen, (chosen.cumsum(1) - 1).clamp(0, count - 1), positions


def image_encoder(model, processor, size, device, vision_block=vision_block):
    """As ``forward.image_encoder``: image tokens (B, queries, hidden), where, which of them, positions (B, L)."""
    import torch.nn.functional as F

    fixed, image_token = tables(model, processor, size, device), processor.tokenizer.unk_token_id
    vision = model.vpm

    def encode(grey, ids, columns, rows):
        row = {name: table[columns - NARROWEST] for name, table in fixed.items()}
        patches = to_patches(enlarge(grey, row["wide"], row["high"]), row["patch"])
        convolution = vision.embeddings.patch_embedding  # its three colours see the same grey
        states = F.linear(patches, convolution.weight.sum(1).flatten(1), convolution.bias)
        states = states + vision.embeddings.position_embedding(row["position"])
        for layer in vision.encoder.layers:
            states = vision_block(layer, states, row["inside"])
        images = model.resampler(vision.post_layernorm(states), row["size"])
        return images, *placeholder_positions(ids, image_token, images.shape[1])

    return encode


def audio_encoder(model, processor):
    """As ``image_encoder``, for sounds of one length: its function takes log-mel features (B, bands, frames)."""
    import torch

    sound_token = processor.tokenizer.unk_token_id

    def encode(features, ids, columns, rows):
        lengths = torch.full((len(features), 1), features.shape[2])
        sounds = model.encode_audio(features, list(lengths))[0].view(len(features), -1, model.config.hidden_size)
        return sounds, *placeholder_positions(ids, sound_token, sounds.shape[1])

    return encode
