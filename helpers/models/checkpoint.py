"""Is a checkpoint folder whole, and are its weights what its texts say? Is there nothing in it that wants to be run?

A download that broke off must not end in a puzzling error an hour later. Weights are read from safetensors alone, which
hold numbers and no code.
"""

import json
import math
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
TEXTS = tuple(name for names in NEEDED for name in names)
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
FOREIGN = ("pytorch_model*.bin", "adapter_model.bin", "consolidated*.pth", "*.ckpt", "*.gguf")  # never loaded
OWN_CLASSES = ("minicpmo", "minicpmv")  # the published files name Python classes, which those of this project replace
FLOATS = ("F64", "F32", "F16", "BF16")
POINTER = b"version https://git-lfs.github.com/spec/"


def check_folder(folder, advice, weights=True, model_type=None):
    """Return ``folder`` if it holds a whole checkpoint that may be loaded, of ``model_type`` where that is given.

    Raises:
        FileNotFoundError: files are missing or cut off; all are named.
        ValueError: it wants code to be run, or files outside it; weights, texts and index do not belong together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(message("checkpoint.none", folder=short(folder), cure=advice))
    names = _weight_files(folder) if weights else []
    if outside := [name for name in names if not _is_inside(name)]:
        raise ValueError(message("checkpoint.outside", folder=short(folder), index=INDEX, name=outside[0]))
    missing = [
        message("word.or").join(names) for names in NEEDED if not any((folder / name).is_file() for name in names)
    ]
    wrong = [path for path in sorted(folder.glob("*.json")) if not is_json(path, path.name in (*TEXTS, INDEX))]
    wrong += [folder / name for name in names if not is_whole(folder / name)]
    missing += [described(path) for path in dict.fromkeys(wrong)]
    if missing:
        found = ", ".join(sorted(path.name for path in folder.iterdir())) or message("checkpoint.nothing")
        facts = {"folder": short(folder), "missing": ", ".join(missing), "found": found}
        raise FileNotFoundError(message("checkpoint.not_whole", **facts, cure=advice))
    faults = _type_faults(folder, model_type) + _code_faults(folder) + _text_faults(folder)
    if faults := faults or (_weight_faults(folder, names) if weights else []):
        raise ValueError("\n".join(message("checkpoint.fault", folder=short(folder), fault=fault) for fault in faults))
    return folder


def described(path):
    """The name of a file that is missing or not whole; with what stands in its place, if that can be told."""
    if path.is_file():
        with path.open("rb") as file:
            start = file.read(len(POINTER))
        if start == POINTER:
            return message("checkpoint.pointer", name=path.name)
        return path.name if start else message("checkpoint.empty", name=path.name)
    others = sorted(other.name for pattern in FOREIGN for other in path.parent.glob(pattern))
    if path.suffix == ".safetensors" and others:
        return message("checkpoint.foreign", name=path.name, found=others[0])
    return path.name


def _is_inside(name):
    """Whether the name of a file of weights is one in the folder itself."""
    return Path(name).name == name and "\\" not in name and name.endswith((".safetensors", INDEX))


def _type_faults(folder, wanted):
    found = json.loads((folder / "config.json").read_bytes()).get("model_type")
    return [] if wanted in (None, found) else [message("checkpoint.other_type", found=found, wanted=wanted)]


def _code_faults(folder):
    """What in the texts asks for Python code, from the folder or from a hub, or for the weights of another folder."""
    config = json.loads((folder / "config.json").read_bytes())
    texts = [name for name in TEXTS if (folder / name).is_file()]
    coded = [name for name in texts if "auto_map" in json.loads((folder / name).read_bytes())]
    faults = []
    if coded and config.get("model_type") not in OWN_CLASSES:
        faults.append(message("checkpoint.code", file=", ".join(coded)))
    parts = [config, *(part for part in config.values() if isinstance(part, dict))]
    named = [str(part.get(key)) for part in parts for key in ("attn_implementation", "_attn_implementation")]
    if kernels := [name for name in named if "/" in name]:
        faults.append(message("checkpoint.kernel", name=kernels[0]))
    if (folder / "adapter_config.json").is_file():
        faults.append(message("checkpoint.adapter_too"))
    return faults


def _text_faults(folder):
    """A tokenizer.json that holds no tokenizer."""
    file = folder / "tokenizer.json"
    if not file.is_file():
        return []
    words = json.loads(file.read_bytes())
    right = isinstance(words.get("model"), dict) and isinstance(words.get("added_tokens"), list)
    return [] if right else [message("checkpoint.no_tokenizer")]


def _weight_faults(folder, names):
    """Weights that are no floating-point numbers, that only the index knows, or too few for the tokenizer's words."""
    held = {name: _header(folder / name) for name in names}
    tensors = {name: facts for header in held.values() for name, facts in header.items()}
    faults = []
    if names != [WEIGHTS]:
        places = json.loads((folder / INDEX).read_bytes())["weight_map"]
        if lost := [name for name, file in places.items() if name not in held[file]]:
            faults.append(message("checkpoint.lost", count=len(lost), file=places[lost[0]], name=lost[0]))
    config = json.loads((folder / "config.json").read_bytes())
    wrong = [name for name, (kind, _) in tensors.items() if kind not in FLOATS and name.endswith((".weight", ".bias"))]
    if wrong and "quantization_config" not in config:
        faults.append(message("checkpoint.integers", count=len(wrong), kind=tensors[wrong[0]][0], name=wrong[0]))
    rows = [shape[0] for name, (_, shape) in tensors.items() if name.endswith("embed_tokens.weight") and shape]
    words = _largest_id(folder) + 1
    if rows and words > max(rows):
        faults.append(message("checkpoint.words", words=words, rows=max(rows)))
    return faults


def _header(path):
    """{name: (dtype, shape)} of the tensors in a whole safetensors file."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {name: (facts["dtype"], facts["shape"]) for name, facts in header.items() if name != "__metadata__"}


def count_weights(folder):
    """How many numbers the weights in a whole folder are."""
    return sum(math.prod(shape) for name in _weight_files(folder) for _, shape in _header(folder / name).values())


def _largest_id(folder):
    """The largest id of a token in tokenizer.json, or -1 where there is none to be read."""
    file = folder / "tokenizer.json"
    words = json.loads(file.read_bytes()) if file.is_file() else {"model": {}, "added_tokens": []}
    vocabulary = words["model"].get("vocab", {})
    ids = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    return max([*ids, *(token["id"] for token in words["added_tokens"])], default=-1)


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
    weights = all(_is_inside(name) and is_whole(checkpoint / name) for name in names)
    return weights and all(map(is_json, texts)) and all(map(_is_whole_zip, _state_files(checkpoint)))


def _state_files(checkpoint):
    """Files of the optimizer, the schedule and the random numbers; DeepSpeed keeps the first two in its own folder."""
    numbers = sorted(checkpoint.glob("rng_state*.pth")) or [checkpoint / "rng_state.pth"]
    if (checkpoint / "latest").is_file():
        step = (checkpoint / "latest").read_text(encoding="utf-8").strip()
        return numbers + (sorted((checkpoint / step).glob("*.pt")) or [checkpoint / "optimizer.pt"])
    return numbers + [checkpoint / "optimizer.pt", checkpoint / "scheduler.pt"]


def is_json(path, table=False):
    """True for a file that is there and holds JSON to its end; with ``table`` only if it is names and values."""
    try:
        return isinstance(json.loads(path.read_bytes()), dict if table else object)
    except (FileNotFoundError, ValueError, RecursionError):
        return False


def _is_whole_zip(path):
    """True for a file of ``torch.save`` whose parts, each with a checksum, are what was written."""
    try:
        with zipfile.ZipFile(path) as parts:
            return parts.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _weight_files(folder):
    """Names of the files that must hold the weights, as transformers takes them: one, or else the shards of an index.

    Of an index that says nothing its own name, which is no whole file of weights.
    """
    index = folder / INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        return [WEIGHTS]
    places = json.loads(index.read_bytes()).get("weight_map") if is_json(index, True) else None
    right = isinstance(places, dict) and places and all(isinstance(name, str) for name in places.values())
    return sorted(set(places.values())) if right else [INDEX]


def is_whole(path):
    """True for a safetensors file that is there and whose length is what its header says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np"):
            return True
    except (OSError, SafetensorError):
        return False
