"""Adapters of an older transformers: the same layers under the names of that release.

From 4.52 on, the language model of Qwen2-VL stands in ``model.language_model`` and its vision encoder in
``model.visual``; before, in ``model`` and ``visual`` (illuin-tech/colpali#424, huggingface/peft#2566). transformers
knows that of whole checkpoints, not of adapters.
"""

import json
import re
from pathlib import Path

from helpers.files import read_text
from helpers.language import message

PREFIX = "base_model.model."  # that peft writes before the names of a model
RENAMINGS = (  # {pattern: replacement} for names without the prefix, as peft takes it as key_mapping; the first counts
    {r"^model\.(?!(?:language_model|visual)\.)": "model.language_model.", r"^visual\.": "model.visual."},
)
SHOWN = 3  # names in a message


def layer_names(weights):
    """The names of the layers that a safetensors file holds LoRA matrices for, sorted, without peft's prefix."""
    from safetensors import safe_open

    with safe_open(weights, "np") as file:
        return sorted({key.removeprefix(PREFIX).split(".lora_")[0] for key in file.keys() if ".lora_" in key})


def find_renaming(model, names, folder):
    """The one of ``RENAMINGS`` that makes ``names`` layers of ``model``; an empty dict where they already are.

    Raises:
        ValueError: none does; the first names that the model lacks are in the message, and the release that wrote them
            where a file in ``folder`` says it.
    """
    known = {name for name, _ in model.named_modules()}
    for renaming in ({}, *RENAMINGS):
        if known.issuperset(rename(name, renaming) for name in names):
            return renaming
    lacking = [name for name in names if name not in known]
    facts = {"count": len(lacking), "total": len(names), "names": ", ".join(lacking[:SHOWN]), "who": _writer(folder)}
    raise ValueError(message("lora.no_such_layers", **facts))


def rename(name, renaming):
    """``name`` by the first pattern of ``renaming`` that fits it."""
    for pattern, replacement in renaming.items():
        new, count = re.subn(pattern, replacement, name)
        if count:
            return new
    return name


def rename_config(config, names, renaming):
    """Let a ``peft.LoraConfig`` (changed in place) name the layers by their new names.

    Its targets become the layers that the file holds matrices for: a pattern written for the old names may fit others.
    """
    config.target_modules = "|".join(re.escape(rename(name, renaming)) for name in names)
    config.exclude_modules = config.layers_to_transform = config.layers_pattern = None
    config.modules_to_save = [rename(name, renaming) for name in config.modules_to_save or ()] or None
    for field in ("rank_pattern", "alpha_pattern"):
        pattern = getattr(config, field) or {}
        setattr(config, field, {rename(name, renaming): value for name, value in pattern.items()})


def _writer(folder):
    """ ", written by peft 0.11.1" as the configuration or the card of an adapter says it, or nothing."""
    release = json.loads((Path(folder) / "adapter_config.json").read_bytes()).get("peft_version")
    card = Path(folder) / "README.md"
    if not release and card.is_file():
        found = re.search(r"^- PEFT (\d[\w.]*)", read_text(card), re.MULTILINE)
        release = found and found[1]
    return message("lora.written_by", release=release) if release else ""
