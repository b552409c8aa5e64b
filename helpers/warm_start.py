"""Start a tiny model from another's weights.

From one of its own family it goes on. A tiny MiniCPM can start from the tiny Qwen2-VL that ships, since language model
and vision tower have the same sizes: only what lies between them, the resampler, then starts from nothing, and all
parts get used to their new neighbours. A tiny MiniCPM-V 4.5 can start from a tiny MiniCPM-o in the same way.
"""


def warm_start(model, processor, folder):
    """Copy what fits from the checkpoint in ``folder``: of the model's family, or a tiny Qwen2-VL or MiniCPM-o for a
    tiny MiniCPM.

    Returns:
        names of the parameters that keep their random numbers, sorted.

    Raises:
        ValueError: a checkpoint of the same family has another vocabulary.
    """
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    source = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    if type(source) is type(model):
        if AutoTokenizer.from_pretrained(folder).get_vocab() != processor.tokenizer.get_vocab():
            raise ValueError(f"{folder} has another vocabulary")
        model.load_state_dict(source.state_dict())
        return []
    own, table = dict(model.named_parameters()), "llm.model.embed_tokens.weight"
    found = dict(source.named_parameters()) if hasattr(source, "resampler") else named_as_in_minicpm(source.model)
    words = own[table].detach().clone()
    known = AutoTokenizer.from_pretrained(folder).get_vocab()
    for token, row in processor.tokenizer.get_vocab().items():
        if token in known:
            words[row] = found[table][known[token]]
    found[table] = words
    copied = found.keys() & own.keys()
    for name in copied:
        own[name].data.copy_(found[name].data)
    return sorted(own.keys() - copied)


def named_as_in_minicpm(source):
    """The weights of a tiny Qwen2-VL by the names that MiniCPM has for them."""
    language = {f"llm.model.{name}": weight for name, weight in source.language_model.named_parameters()}
    return language | tower_weights(source.visual)


def tower_weights(visual):
    """The weights of Qwen2-VL's vision tower by the names they have in SigLIP's."""
    found = patch_weights(visual.patch_embed.proj)
    for number, block in enumerate(visual.blocks):
        place = f"vpm.encoder.layers.{number}"
        parts = {"layer_norm1": block.norm1, "layer_norm2": block.norm2, "self_attn.out_proj": block.attn.proj}
        parts |= {"mlp.fc1": block.mlp.fc1, "mlp.fc2": block.mlp.fc2}
        for name, part in parts.items():
            found |= {f"{place}.{name}.weight": part.weight, f"{place}.{name}.bias": part.bias}
        thirds = zip("qkv", block.attn.qkv.weight.chunk(3), block.attn.qkv.bias.chunk(3), strict=True)
        for letter, weight, bias in thirds:
            name = f"{place}.self_attn.{letter}_proj"
            found |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return found


def patch_weights(convolution):
    """The first layer for one frame instead of two, and for pixels of -1..1 instead of CLIP's mean and deviation."""
    import torch
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    frame = convolution.weight.detach().sum(2) / std  # (width, 3, 14, 14)
    place = "vpm.embeddings.patch_embedding"
    return {f"{place}.weight": frame / 2, f"{place}.bias": ((0.5 - mean) * frame).sum((1, 2, 3))}


FAST = 13  # of the waves that tell places apart, the shortest: 6 to 60 patches long
SHARPNESS = 3.6  # makes a query look at about 3 x 3 patches


def point_queries(resampler, columns=19, rows=(1.0, 3.5)):
    """Let each query begin by looking at a place of its own, and hand on what is there.

    From random numbers, finding out that queries may look at places takes longer than all the rest. The places lie in
    columns from left to right, ``len(rows)`` to a column, spread over ``columns`` patches: about the widest picture.
    The channels of the shortest waves are kept free of what the tower saw.
    """
    import torch

    from helpers.minicpm.vision import wave_positions

    width, half = resampler.query.shape[1], resampler.query.shape[1] // 2
    index = torch.arange(len(resampler.query))
    column = index // len(rows) * (columns * len(rows) / len(index))
    row = torch.tensor(rows)[index % len(rows)]
    waves = torch.cat([wave_positions(column, half), wave_positions(row, half)], dim=-1)
    fast = (torch.arange(width) % (half // 2) < FAST).float()
    seen = (fast == 0).nonzero()[:, 0]
    spread = torch.zeros_like(resampler.kv_proj.weight)
    spread[seen[: spread.shape[1]], torch.arange(min(len(seen), spread.shape[1]))] = 1
    weights = {"query": waves * fast, "kv_proj.weight": spread, "proj": torch.eye(width)}
    weights |= {"attn.in_proj_weight": torch.cat([fast.diag(), SHARPNESS * fast.diag(), torch.eye(width)])}
    weights |= {"attn.out_proj.weight": torch.eye(width)}
    resampler.load_state_dict(resampler.state_dict() | weights)
