"""Is a checkpoint folder whole? A download that broke off must not end in a puzzling error an hour later."""

import json
import shutil
import zipfile
from pathlib import Path

from helpers.language import message
from helpers.paths import short

NEEDED = (
    ("config.json",),
    ("tokenizer_config.json",),
    ("tokenizer.json", "vocab.json"),  # either will do
    ("processor_config.json", "preprocessor_config.json"),
)


def check_folder(folder, advice, weights=True):
    """Return ``folder`` if it holds a whole checkpoint; else raise FileNotFoundError that names what is missing."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(message("checkpoint.none", folder=short(folder), cure=advice))
    missing = [
        message("word.or").join(names) for names in NEEDED if not any((folder / name).is_file() for name in names)
    ]
    missing += [path.name for path in sorted(folder.glob("*.json")) if not is_json(path)]
    if weights:
        missing += [name for name in _weight_files(folder) if not is_whole(folder / name)]
    if missing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or message("checkpoint.nothing")
        facts = {"folder": short(folder), "missing": ", ".join(missing), "found": found}
        raise FileNotFoundError(message("checkpoint.not_whole", **facts, cure=advice))
    return folder


def last_checkpoint(folder):
    """The newest whole checkpoint of a run in ``folder``, or None; newer ones that were cut off are removed."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    for checkpoint in sorted(found, key=lambda path: int(path.name.split("-")[1]), reverse=True):
        if _is_whole_checkpoint(checkpoint):
            return checkpoint
        shutil.rmtree(checkpoint)
    return None


def _is_whole_checkpoint(checkpoint):
    """False if writing it, or removing it, was cut off. Holds an adapter or a whole model, and the Trainer's state."""
    adapter = (checkpoint / "adapter_config.json").is_file() or not (checkpoint / "config.json").is_file()
    texts = [checkpoint / "trainer_state.json", checkpoint / ("adapter_config.json" if adapter else "config.json")]
    names = ["adapter_model.safetensors"] if adapter else _weight_files(checkpoint)
    weights = [checkpoint / name for name in names]
    numbers = _state_files(checkpoint)
    return all(map(is_json, texts)) and all(map(is_whole, weights)) and all(map(_is_whole_zip, numbers))


def _state_files(checkpoint):
    """Files of the optimizer, the schedule and the random numbers; DeepSpeed keeps the first two in its own folder."""
    numbers = sorted(checkpoint.glob("rng_state*.pth")) or [checkpoint / "rng_state.pth"]
    if (checkpoint / "latest").is_file():
        step = (checkpoint / "latest").read_text(encoding="utf-8").strip()
        return numbers + (sorted((checkpoint / step).glob("*.pt")) or [checkpoint / "optimizer.pt"])
    return numbers + [checkpoint / "optimizer.pt", checkpoint / "scheduler.pt"]


def is_json(path):
    """True for a file that is there and holds JSON to its end."""
    try:
        json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return True


def _is_whole_zip(path):
    """True for a file of ``torch.save`` whose parts, each with a checksum, are what was written."""
    try:
        with zipfile.ZipFile(path) as parts:
            return parts.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _weight_files(folder):
    """Names of the files that must hold the weights: one, or the shards of an index."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return ["model.safetensors"]
    return sorted(set(json.loads(index.read_bytes())["weight_map"].values())) if is_json(index) else []


def is_whole(path):
    """True for a safetensors file that is there and whose length is what its header says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np"):
            return True
    except (OSError, SafetensorError):
        return False
