"""Start a tiny model from another's weights.

From one of its own family it goes on. A tiny MiniCPM can start from the tiny Qwen2-VL that ships, since language model
and vision encoder have the same sizes: only what lies between them, the resampler, then starts from nothing, and all
parts get used to their new neighbours. A tiny MiniCPM-V 4.5 can start from a tiny MiniCPM-o in the same way.

Where the vocabulary has changed, words that both have keep their rows, and a new one starts as the mean of its pieces.
"""

from helpers.models import minicpm


def warm_start(model, processor, folder):
    """Copy what has the same name and shape from a checkpoint; its vocabulary may be another one.

    Args:
        model: gets the weights; ``processor`` is the one it will work with.
        folder: a checkpoint of the model's family, or for a tiny MiniCPM a tiny Qwen2-VL or MiniCPM-o.

    Returns:
        names of the parameters that keep their random numbers, sorted.
    """
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    minicpm.register()
    source = AutoModelForImageTextToText.from_pretrained(folder, dtype="float32")
    own, known = dict(model.named_parameters()), AutoTokenizer.from_pretrained(folder)
    found = dict(source.named_parameters())
    if type(source) is not type(model) and not hasattr(source, "resampler"):
        found = named_as_in_minicpm(source.model)
    for name in found.keys() & own.keys():
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            found[name] = of_vocabulary(found[name], known, own[name], processor.tokenizer)
    copied = found.keys() & own.keys()
    for name in copied:
        own[name].data.copy_(found[name].data)
    return sorted(own.keys() - copied)


def of_vocabulary(table, known, own, tokenizer):
    """The rows of ``table``, which belongs to the tokenizer ``known``, in the order of ``tokenizer``.

    A new word gets the mean of the pieces that ``known`` writes it with; one without any keeps its row of ``own``.
    """
    rows, old = own.detach().clone(), known.get_vocab()
    for token, row in tokenizer.get_vocab().items():
        if token in old:
            rows[row] = table[old[token]]
        elif pieces := known(tokenizer.decode([row])).input_ids:
            rows[row] = table[pieces].mean(0)
    return rows


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
