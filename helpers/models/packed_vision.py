"""What the vision towers make of pictures laid end to end (see ``packed``), in tensors whose sizes say everything.

The batches are those of ``training.pack``. Nothing here looks into a tensor, so a CUDA graph can be made of it.
"""

from helpers.models.packed import LONGEST, like_a_layers_output


def see_patches(model, batch):
    """Qwen2-VL's and GLM-OCR's tower: the pictures' tokens, (P / 4, width of the language model)."""
    import torch

    visual = model.model.visual
    patches = like_a_layers_output(visual.patch_embed(batch["pixel_values"]), visual.blocks[0])
    angles = (batch["patch_places"][..., None] * visual.rotary_pos_emb.inv_freq).flatten(1)
    angles = torch.cat((angles, angles), -1)
    turned = (angles.cos(), angles.sin())
    for block in visual.blocks:
        patches = block(patches, position_embeddings=turned, cu_seqlens=batch["picture_starts"], longest=LONGEST)
    if hasattr(visual, "downsample"):  # GLM-OCR
        size = visual.spatial_merge_size
        squares = visual.post_layernorm(patches).unflatten(0, (-1, size, size)).permute(0, 3, 1, 2)
        patches = visual.downsample(squares).flatten(1)
    return visual.merger(patches)


def see_slices(model, batch):
    """MiniCPM's tower and resampler: the pictures' tokens, (pictures * queries, width of the language model)."""
    import torch.nn.functional as F

    from helpers.models.minicpm.vision import place_embeddings, valid_mask

    vision, resampler = model.vpm, model.resampler
    kernel = vision.embeddings.patch_embedding
    pixels = batch["pixel_values"].to(kernel.weight.dtype)
    patches = F.linear(pixels, kernel.weight.flatten(1), kernel.bias)
    patches = patches + vision.embeddings.position_embedding(batch["patch_positions"])
    patches = like_a_layers_output(patches[None], vision.encoder.layers[0])
    for layer in vision.encoder.layers:
        patches = layer(patches, batch["picture_starts"])  # in the mask's place: SigLIP hands nothing else on
    value = resampler.ln_kv(resampler.kv_proj(vision.post_layernorm(patches)[0]))
    rows, columns = batch["patch_places"].unbind(1)
    key = value + place_embeddings(rows, columns, value.shape[-1]).to(value.dtype)
    mine = batch["picture_patches"]
    counts = batch["picture_starts"].diff()[: len(mine)].clamp(min=1)  # no picture is without any
    query = resampler.ln_q(resampler.query).expand(len(mine), -1, -1)
    seen = resampler.attn(query, key[mine], value[mine], valid_mask(counts, mine.shape[1]))
    return (resampler.ln_post(seen) @ resampler.proj).flatten(0, 1)
