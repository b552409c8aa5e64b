"""The fast forward pass of pretraining: pictures lie on canvases of one size, patches outside a picture are masked.

One shape for every batch is what makes it fast. The weights and the result are those of transformers' own forward
pass (``tests/pretraining/test_forward.py`` holds them side by side); only the answer and its end token are trained.

Here are the vision encoders of Qwen2-VL and GLM-OCR; MiniCPM's are in ``helpers/pretraining/forward_minicpm.py``.
"""

from helpers.training.collate import IGNORE

PATCH, MERGE = 14, 2
GRID = PATCH * MERGE  # pixels a side that one image token covers


def augment(ink):
    """Ink (B, height, width) uint8 -> grey values 0..255 float: small shifts, weaker ink, greyer paper, noise."""
    import torch

    count = len(ink)
    dy, dx = torch.randint(-3, 4, (2, count, 1), device=ink.device)
    y = (torch.arange(ink.shape[1], device=ink.device) + dy) % ink.shape[1]
    x = (torch.arange(ink.shape[2], device=ink.device) + dx) % ink.shape[2]
    ink = ink[torch.arange(count, device=ink.device)[:, None, None], y[:, :, None], x[:, None, :]].float()
    paper = 255 - 40 * torch.rand(count, 1, 1, device=ink.device) ** 2
    strength = 1 - 0.4 * torch.rand(count, 1, 1, device=ink.device) ** 2
    noise = 12 * torch.rand(count, 1, 1, device=ink.device) ** 2
    return (paper - ink * strength * paper / 255 + noise * torch.randn_like(ink)).clamp(0, 255).round()


def to_patches(grey):
    """Grey pictures (B, height, width) -> normalized patches (B, N, 1176) in the order of the families' processors."""
    import torch
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    size, rows, columns = len(grey), grey.shape[1] // GRID, grey.shape[2] // GRID
    cut = grey.view(size, rows, MERGE, PATCH, columns, MERGE, PATCH).permute(0, 1, 4, 2, 5, 3, 6)
    cut = cut.reshape(size, rows * columns * MERGE * MERGE, 1, 1, PATCH * PATCH) / 255
    mean, std = (torch.tensor(v, device=grey.device).view(1, 1, 3, 1, 1) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return ((cut - mean) / std).expand(-1, -1, 3, 2, -1).flatten(2)


def rotary_tables(visual, rows, columns, device):
    """Cosines and sines of the vision encoder's rotary positions on a canvas of rows x columns image tokens.

    Returns:
        two tensors (1, N, 1, head width), N = 4 x rows x columns patches.
    """
    import torch

    table = visual.rot_pos_emb(torch.tensor([[1, rows * MERGE, columns * MERGE]]))
    table = table[0] if isinstance(table, tuple) else table  # GLM-OCR gives the positions too
    both = torch.cat((table, table), -1)[None, :, None].to(device)
    return both.cos(), both.sin()


def vision_block(block, states, inside, cos, sin):
    """One layer of the vision encoder: states (B, N, width), inside (B, N) bool -> states."""
    import torch
    import torch.nn.functional as F

    def rotate(x):
        half = x.shape[-1] // 2
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin

    size, count = states.shape[:2]
    parts = block.attn.qkv(block.norm1(states)).view(size, count, 3, block.attn.num_heads, -1)
    query, key, value = parts.unbind(2)
    if hasattr(block.attn, "q_norm"):
        query, key = block.attn.q_norm(query), block.attn.k_norm(key)
    query, key, value = (x.transpose(1, 2).to(states.dtype) for x in (rotate(query), rotate(key), value))
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=inside[:, None, None, :])
    states = states + block.attn.proj(mixed.transpose(1, 2).flatten(2))
    return states + block.mlp(block.norm2(states))


def encode_canvases(visual, patches, inside, rotary, vision_block=vision_block):
    """The vision encoder on whole canvases.

    Args:
        visual: Qwen2-VL's or GLM-OCR's, which differ in their norms and in how four patches become one token.
        patches: (B, N, 1176).
        inside: (B, N) bool, True for patches of the picture.
        rotary: from ``rotary_tables``.

    Returns:
        image tokens (B, N / 4, hidden).
    """
    import torch.nn.functional as F

    size, count = patches.shape[:2]
    states = F.linear(patches, visual.patch_embed.proj.weight.flatten(1), visual.patch_embed.proj.bias)
    for block in visual.blocks:
        states = vision_block(block, states, inside, *rotary)
    if hasattr(visual, "downsample"):
        fours = visual.post_layernorm(states).view(-1, MERGE, MERGE, states.shape[-1]).permute(0, 3, 1, 2)
        states = visual.downsample(fours).flatten(1)
    return visual.merger(states).view(size, count // MERGE**2, -1)


def placeholder_positions(ids, columns, rows, image_token, canvas_columns):
    """Where the image tokens of a picture go in ids (B, L): (B, L) bool, which of them, M-RoPE positions (3, B, L).

    ``columns`` and ``rows`` (B,) are the sides of each picture in image tokens.
    """
    import torch

    is_image = ids == image_token
    order = (is_image.cumsum(1) - 1).clamp(min=0)
    row, column = order // columns[:, None], order % columns[:, None]
    row, column = torch.minimum(row, rows[:, None] - 1), torch.where(is_image, column, 0)
    first = is_image.int().argmax(1, keepdim=True)
    after = is_image.flip(1).int().argmax(1, keepdim=True)
    end = ids.shape[1] - after  # index of the first token after the picture
    step = torch.arange(ids.shape[1], device=ids.device)[None]
    text = torch.where(step < first, step, step - end + first + torch.maximum(columns, rows)[:, None])
    positions = torch.stack([torch.where(is_image, p, text) for p in (first + 0 * row, first + row, first + column)])
    return is_image, row * canvas_columns + column, positions


def image_encoder(model, processor, size, device, vision_block=vision_block):
    """How pictures on canvases of ``size`` (width, height) pixels get into the text.

    Args:
        vision_block: the function of this name, or the same compiled.

    Returns:
        a function (grey (B, height, width), ids (B, L), columns (B,), rows (B,)) -> image tokens (B, T, hidden);
        where they go, (B, L) bool; which of them goes there, (B, L); rotary positions (3, B, L) or (B, L).
    """
    import torch

    wide, high = (side // GRID for side in size)
    visual, image_token = model.model.visual, model.config.image_token_id
    rotary = rotary_tables(visual, high, wide, device)
    cell = torch.arange(high * wide * MERGE**2, device=device) // MERGE**2

    def encode(grey, ids, columns, rows):
        inside = (cell % wide < columns[:, None]) & (cell // wide < rows[:, None])
        images = encode_canvases(visual, to_patches(grey), inside, rotary, vision_block)
        return images, *placeholder_positions(ids, columns, rows, image_token, wide)

    return encode


# --- the language model, the same for all families ------------------------------------------------


def text_layer(layer, states, cos, sin):
    """One layer of the language model: states (B, L, hidden) -> states."""
    return layer(states, attention_mask=None, position_embeddings=(cos, sin))


def loss(model, media, ids, info, encode, text_layer=text_layer):
    """Mean cross-entropy of the answer tokens and the end token.

    Args:
        media: pictures on their canvas (B, height, width), 0..255, or mel features of sounds (B, bands, frames).
        ids: token ids (B, L), padded on the right.
        info: (B, 4): picture width and height in units of 28 pixels, index of the first answer token, number of tokens.
        encode: from ``image_encoder`` or ``audio_encoder``.
        text_layer: the function of this name, or the same compiled.
    """
    import torch
    import torch.nn.functional as F

    columns, rows, start, length = info.unbind(1)
    encoded, is_placeholder, source, positions = encode(media, ids, columns, rows)
    language = model.llm.model if hasattr(model, "llm") else model.model.language_model
    states = language.embed_tokens(ids)
    inserted = encoded.gather(1, source[..., None].expand(-1, -1, encoded.shape[-1]))
    states = torch.where(is_placeholder[..., None], inserted.to(states.dtype), states)
    rotary = language.rotary_emb(states, positions)
    for layer in language.layers:
        states = text_layer(layer, states, *rotary)
    logits = model.get_output_embeddings()(language.norm(states[:, :-1]))
    step = torch.arange(1, ids.shape[1], device=ids.device)
    labels = torch.where((step >= start[:, None]) & (step < length[:, None]), ids[:, 1:], IGNORE)
    return F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
