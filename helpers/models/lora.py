"""LoRA: add it to a base, save the adapter, load it onto its base again, merge it into a model that loads alone."""

import json
from contextlib import contextmanager
from pathlib import Path

from helpers.files import whole_folder, write_text
from helpers.language import message
from helpers.models.adapter_names import find_renaming, layer_names, rename, rename_config
from helpers.models.checkpoint import described, is_json, is_whole
from helpers.models.families import get_family, public_name
from helpers.paths import ROOT, short

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PICKLE = "adapter_model.bin"  # of an older peft


def is_adapter(folder):
    """Whether ``folder`` (None is allowed) holds an adapter, whole or not, and no model of its own."""
    if folder is None:
        return False
    folder = Path(folder)
    return (
        any((folder / name).is_file() for name in (CONFIG, WEIGHTS, PICKLE)) and not (folder / "config.json").is_file()
    )


def base_of(folder):
    """The name of the base that an adapter was trained on, as its own file says; None if it does not.

    Raises:
        FileNotFoundError: files of the adapter are missing or cut off; names them.
        ValueError: its weights are a pickle, which may run any code when it is opened; or its configuration is none.
    """
    folder = Path(folder)
    if (folder / PICKLE).is_file() and not (folder / WEIGHTS).is_file():
        raise ValueError(message("lora.pickle", folder=short(folder), name=PICKLE, wanted=WEIGHTS))
    whole = {CONFIG: is_json(folder / CONFIG), WEIGHTS: is_whole(folder / WEIGHTS)}
    missing = [described(folder / name) for name in whole if not whole[name]]
    if missing:
        raise FileNotFoundError(message("lora.not_whole", folder=short(folder), missing=", ".join(missing)))
    facts = json.loads((folder / CONFIG).read_bytes())
    found = facts.get("peft_type") if isinstance(facts, dict) else type(facts).__name__
    if found != "LORA":
        raise ValueError(message("lora.no_lora", file=short(folder / CONFIG), found=found))
    return facts.get("base_model_name_or_path")


def load_adapter(model, folder):
    """``model`` (the base, changed in place) with the adapter in ``folder``: a ``peft.PeftModel`` for inference.

    Rank, scaling and layers come from the adapter's own file. One of an older transformers, which had other names for
    the layers, is renamed in memory, and a line says so.

    Raises:
        ValueError: layers, shapes or weights do not fit; ``PeftModel.from_pretrained`` only warns of missing weights.
        FileNotFoundError: files are missing or cut off; weights in another form than safetensors do not count.
    """
    from peft import PeftConfig, PeftModelForCausalLM

    base_of(folder)
    try:
        config = PeftConfig.from_pretrained(folder)
        config.inference_mode = True
        names = layer_names(Path(folder) / WEIGHTS)
        if renaming := find_renaming(model, names, folder):
            rename_config(config, names, renaming)
        tuned = PeftModelForCausalLM(model, config)
        found = tuned.load_adapter(folder, "default", key_mapping=renaming)
        if found.missing_keys or found.unexpected_keys:
            names = [*found.missing_keys, *found.unexpected_keys]
            raise ValueError(message("lora.weights", count=len(names), name=names[0]))
    except KeyError as error:  # a part that was to be saved whole (modules_to_save) is not in the file
        facts = {"folder": short(folder), "model": type(model).__name__}
        why = message("lora.weights", count=1, name=error.args[0])
        raise ValueError(message("lora.does_not_fit", **facts, why=why)) from error
    except (ValueError, RuntimeError, TypeError) as error:
        facts = {"folder": short(folder), "model": type(model).__name__, "why": str(error).splitlines()[0][:200]}
        raise ValueError(message("lora.does_not_fit", **facts)) from error
    if renaming:
        facts = {"folder": short(folder), "count": len(names), "old": names[0], "new": rename(names[0], renaming)}
        print(message("lora.renamed", **facts))
    return tuned


def merge(model, processor, folder):
    """Add the adapter into the weights and save the model with its processor: a folder that loads alone.

    An older folder is replaced when the new one is whole. The model that was given is merged in place.

    Args:
        model: base + adapter, from ``models.load``. The sums are taken in its own dtype.

    Returns:
        the merged model, a plain transformers model.

    Raises:
        ValueError: the model has no adapter, or its base is held in 4 bits.
    """
    if not hasattr(model, "merge_and_unload"):
        raise ValueError(message("lora.no_adapter"))
    if getattr(model, "is_loaded_in_4bit", False):
        raise ValueError(message("lora.four_bit"))
    merged = model.merge_and_unload()
    with whole_folder(folder, sum(weight.nbytes for weight in merged.parameters())) as partial:
        merged.save_pretrained(partial)
        _save_processor(processor, partial)
    return merged


@contextmanager
def merged(model):
    """``model`` with its adapter added into the weights; afterwards its weights are the very ones that it had.

    The sums are taken in copies, in the model's own dtype: ``merged_bytes`` more memory. Without an adapter nothing
    happens.
    """
    kept = []
    try:
        for layer in _unmerged(model):
            kept.append((layer, [(weight, weight.data) for weight in layer.get_base_layer().parameters()]))
            layer.merge(safe_merge=True)
        yield
    finally:
        for layer, weights in kept:
            if layer.merged:
                layer.unmerge()
            for weight, data in weights:
                weight.data = data


def merged_bytes(model):
    """How much more memory ``merged`` takes."""
    return sum(weight.nbytes for layer in _unmerged(model) for weight in layer.get_base_layer().parameters())


def _unmerged(model):
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [part for part in model.modules() if isinstance(part, BaseTunerLayer) and not part.merged]


def add_lora(model, family, settings, seed=None, modules_to_save=()):
    """Freeze the base and add LoRA matrices: ``(peft model)``; Hu et al. 2021, arXiv:2106.09685.

    ``modules_to_save`` names parts that are trained whole beside it and saved with the adapter, such as "resampler".
    """
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed if seed is None else seed)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=0.0,
        target_modules=get_family(family).lora_targets,
        modules_to_save=list(modules_to_save) or None,
    )
    return get_peft_model(model, config)


def save_adapter(model, processor, folder):
    """Write adapter and processor; an older folder is replaced when the new one is whole."""
    with whole_folder(folder) as partial:
        model.save_pretrained(partial, save_embedding_layers=False)  # LoRA leaves them as they are
        _save_processor(processor, partial)
        name_base(partial)


def _save_processor(processor, folder):
    """Write it as it was loaded: its tokenizer would write down how the last batch was padded, too."""
    processor.tokenizer.backend_tokenizer.no_padding()
    processor.tokenizer.backend_tokenizer.no_truncation()
    processor.save_pretrained(folder)


def name_base(folder):
    """Record the base of the adapter in ``folder`` by the name others know it by, not by a path on this machine."""
    config, card = folder / CONFIG, folder / "README.md"
    facts = json.loads(config.read_bytes())
    path = facts["base_model_name_or_path"]
    name = public_name(ROOT / path)
    facts["base_model_name_or_path"] = name
    write_text(config, json.dumps(facts, indent=2) + "\n")
    write_text(card, card.read_text(encoding="utf-8").replace(path, name))
