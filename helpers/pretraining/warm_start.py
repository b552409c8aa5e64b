"""Start a tiny model from another's weights.

From one of its own family it goes on. A tiny MiniCPM can start from the tiny Qwen2-VL that ships, since language model
and vision encoder have the same sizes: only what lies between them, the resampler, then starts from nothing, and all
parts get used to their new neighbours. A tiny MiniCPM-V 4.5 can start from a tiny MiniCPM-o in the same way.
"""

from helpers.models import minicpm


def warm_start(model, processor, folder):
    """Copy what fits from the checkpoint in ``folder``: of the model's family, or a tiny Qwen2-VL or MiniCPM-o for a
    tiny MiniCPM.

    Returns:
        names of the parameters that keep their random numbers, sorted.

    Raises:
        ValueError: a checkpoint of the same family has another vocabulary.
    """
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    minicpm.register()
    source = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    if type(source) is type(model):
        if AutoTokenizer.from_pretrained(folder).get_vocab() != processor.tokenizer.get_vocab():
            raise ValueError(f"{folder} has another vocabulary")
        model.load_state_dict(source.state_dict())
        return []
    own, table = dict(model.named_parameters()), "llm.model.embed_tokens.weight"
    found = dict(source.named_parameters()) if hasattr(source, "resampler") else named_as_in_minicpm(source.model)
    embeddings = own[table].detach().clone()
    known = AutoTokenizer.from_pretrained(folder).get_vocab()
    for token, row in processor.tokenizer.get_vocab().items():
        if token in known:
            embeddings[row] = found[table][known[token]]
    found[table] = embeddings
    copied = found.keys() & own.keys()
    for name in copied:
        own[name].data.copy_(found[name].data)
    return sorted(own.keys() - copied)


def named_as_in_minicpm(source):
    """The weights of a tiny Qwen2-VL by the names that MiniCPM has for them."""
    language = {f"llm.model.{name}": weight for name, weight in source.language_model.named_parameters()}
    return language | vision_weights(source.visual)


def vision_weights(visual):
    """The weights of Qwen2-VL's vision encoder by the names they have in SigLIP's."""
    found = patch_weights(visual.patch_embed.proj)
    for number, block in enumerate(visual.blocks):
        prefix = f"vpm.encoder.layers.{number}"
        parts = {"layer_norm1": block.norm1, "layer_norm2": block.norm2, "self_attn.out_proj": block.attn.proj}
        parts |= {"mlp.fc1": block.mlp.fc1, "mlp.fc2": block.mlp.fc2}
        for name, part in parts.items():
            found |= {f"{prefix}.{name}.weight": part.weight, f"{prefix}.{name}.bias": part.bias}
        thirds = zip("qkv", block.attn.qkv.weight.chunk(3), block.attn.qkv.bias.chunk(3), strict=True)
        for letter, weight, bias in thirds:
            name = f"{prefix}.self_attn.{letter}_proj"
            found |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return found


def patch_weights(convolution):
    """The first layer for one frame instead of two, and for pixels of -1..1 instead of CLIP's mean and deviation."""
    import torch
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    frame = convolution.weight.detach().sum(2) / std  # (width, 3, 14, 14)
    prefix = "vpm.embeddings.patch_embedding"
    return {f"{prefix}.weight": frame / 2, f"{prefix}.bias": ((0.5 - mean) * frame).sum((1, 2, 3))}
