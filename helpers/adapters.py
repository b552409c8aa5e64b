"""Adapters on disk: know one, put it on its base, merge it into a model that loads alone."""

import json
import shutil
import warnings
from pathlib import Path

from helpers.checkpoint import is_json, is_whole
from helpers.settings import short

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def is_adapter(folder):
    """Whether ``folder`` (None is allowed) holds an adapter, whole or not, and no model of its own."""
    if folder is None:
        return False
    folder = Path(folder)
    return any((folder / name).is_file() for name in (CONFIG, WEIGHTS)) and not (folder / "config.json").is_file()


def base_of(folder):
    """The name of the base that an adapter was trained on, as its own file says.

    Raises:
        FileNotFoundError: files of the adapter are missing or cut off; names them.
    """
    folder = Path(folder)
    missing = [CONFIG] * (not is_json(folder / CONFIG)) + [WEIGHTS] * (not is_whole(folder / WEIGHTS))
    if missing:
        cure = "copy the whole folder, or train again"
        raise FileNotFoundError(f"{short(folder)}: missing or cut off: {', '.join(missing)} -> {cure}")
    return json.loads((folder / CONFIG).read_bytes())["base_model_name_or_path"]


def put_on(model, folder):
    """``model`` (the base, changed in place) with the adapter in ``folder``: a ``peft.PeftModel`` for inference.

    Rank, scaling and layers come from the adapter's own file.

    Raises:
        ValueError: layers, shapes or weights do not fit; peft itself only warns of weights that are not there.
    """
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*missing adapter keys")
            return PeftModel.from_pretrained(model, folder)
    except (ValueError, RuntimeError, UserWarning) as error:
        first = f"{type(model).__name__}: {str(error).splitlines()[0][:200]}"
        raise ValueError(f"{short(folder)}: does not fit this {first} -> load its own base") from error


def merge(model, processor, folder):
    """Add the adapter into the weights and save the model with its processor: a folder that loads alone.

    The folder is written under a temporary name and renamed when whole; an older one is replaced. The model that was
    given is merged in place.

    Args:
        model: base + adapter, from ``models.load``. The sums are taken in its own dtype.

    Returns:
        the merged model, a plain transformers model.

    Raises:
        ValueError: the model has no adapter, or its base is held in 4 bits.
    """
    folder = Path(folder)
    if not hasattr(model, "merge_and_unload"):
        raise ValueError("merge: the model has no adapter -> load it with folder=<the adapter's folder>")
    if getattr(model, "is_loaded_in_4bit", False):
        raise ValueError("merge: the base is held in 4 bits -> load it with four_bit=False first")
    merged = model.merge_and_unload()
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    merged.save_pretrained(partial)
    processor.save_pretrained(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return merged
