"""What a LLaMA-Factory configuration says: keys, files and choices, judged without importing LLaMA-Factory (10 s)."""

import ast
import difflib
import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from helpers.models.checkpoint import check_folder
from helpers.paths import ROOT, short

DEFAULTS = {  # of LLaMA-Factory 0.9.5, where the configuration says nothing
    "cutoff_len": 2048, "image_max_pixels": 768 * 768, "image_min_pixels": 32 * 32, "max_samples": None,
    "val_size": 0.0, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "num_train_epochs": 3.0,
    "max_steps": -1, "logging_steps": 500, "save_steps": 500, "dataset_dir": "data",
    "video_fps": 2.0, "video_maxlen": 128, "video_max_pixels": 256 * 256, "video_min_pixels": 16 * 16,
    "audio_sampling_rate": 16000,
}  # fmt: skip

ARGUMENTS = {  # where the names of a configuration's keys are declared
    "llamafactory": [f"hparams/{name}_args.py" for name in ("model", "data", "training", "finetuning", "generating")],
    "transformers": ["training_args.py", "training_args_seq2seq.py"],
}


class ConfigError(ValueError):
    """A run that must not be started; the message has one line for each reason, with its cure."""


def refuse(faults):
    """Raise ConfigError if there are any faults, with all of them."""
    if faults:
        raise ConfigError(f"{len(faults)} reasons not to start\n" + "\n".join(faults))


def located(path):
    """A path of a configuration: LLaMA-Factory is started in the project's folder."""
    return ROOT / path


@cache
def known_keys(training=True):
    """Names of the keys LLaMA-Factory's parser takes, read from its source in milliseconds instead of importing it."""
    names = set()
    for package, files in ARGUMENTS.items():
        root = Path(find_spec(package).submodule_search_locations[0])
        for file in files:
            if training or (package == "llamafactory" and "training" not in file):
                names |= _declared(ast.parse((root / file).read_text(encoding="utf-8")))
    return frozenset(names)


def _declared(tree):
    """Names of the fields of all dataclasses in a module, without those that only the program itself sets."""
    names = set()
    for part in ast.walk(tree):
        if isinstance(part, ast.ClassDef):
            fields = [line for line in part.body if isinstance(line, ast.AnnAssign)]
            names |= {line.target.id for line in fields if "init=False" not in ast.unparse(line)}
    return names


def unknown_keys(config, training=True):
    """One line for each key that LLaMA-Factory would refuse, with the name that was probably meant."""
    known = known_keys(training)
    faults = []
    for key in sorted(set(config) - known):
        near = difflib.get_close_matches(key, known, 1, 0.8)
        cure = f"did you mean {near[0]}?" if near else "remove it; other versions and forks have other keys"
        faults.append(f"{key}: not a key of LLaMA-Factory -> {cure}")
    return faults


def run_faults(config, training=True):
    """What is wrong with any configuration, of a training or an export: its keys, its model, 4 bits; one line each."""
    return unknown_keys(config, training) + model_faults(config) + four_bit_faults(config)


def find_faults(config):
    """All that is wrong with the configuration of a training, one line each."""
    faults = run_faults(config)
    for key in ("dataset", "output_dir", "template"):
        if not config.get(key):
            faults.append(f"{key}: not set -> give it")
    if config.get("bf16") and config.get("use_cpu"):
        faults.append("bf16 and use_cpu: both are set -> on a CPU take bf16: false, which is also quicker")
    frozen = [config.get(f"freeze_{part}", True) for part in ("vision_tower", "multi_modal_projector")]
    if config.get("finetuning_type") == "lora" and config.get("lora_target") == "all" and frozen == [False, False]:
        faults.append(
            "freeze_multi_modal_projector: LLaMA-Factory would put LoRA on a LayerNorm and stop -> leave it true"
        )
    if plan := config.get("deepspeed"):
        if not located(plan).is_file():
            faults.append(
                f"deepspeed: no file {short(located(plan))} -> helpers/llamafactory/recipes/ds_z2_config.json is one"
            )
        if find_spec("deepspeed") is None:
            faults.append("deepspeed: not installed -> pip install deepspeed")
    return faults + (_dataset_faults(config) if config.get("dataset") else [])


def model_faults(config):
    """Faults of ``model_name_or_path``: a folder that is missing or not whole; names on a hub are not asked for."""
    name = config.get("model_name_or_path")
    if not name:
        return ["model_name_or_path: not set -> give a folder or a name on the hub"]
    if not located(name).is_dir() and (os.path.isabs(name) or str(name).count("/") != 1 or str(name)[0] in ".~"):
        return [f"model_name_or_path: no folder {short(located(name))} -> correct it, or give a name on the hub"]
    if located(name).is_dir():
        try:
            check_folder(located(name), "copy or download it again")
        except FileNotFoundError as error:
            return [f"model_name_or_path: {error}"]
    return []


def four_bit_faults(config):
    """Faults of ``quantization_bit``, which ``four_bit=True`` sets: it is for training LoRA, and needs bitsandbytes."""
    if config.get("quantization_bit") is None:
        return []
    said = f"quantization_bit: {config['quantization_bit']} (four_bit=True)"
    if "export_dir" in config:
        cure = "four_bit=False for the merge, and for what reads the merged model"
        return [f"{said}: an adapter is merged into whole weights, never into quantized ones -> {cure}"]
    if config.get("finetuning_type", "lora") not in ("lora", "oft"):
        return [f"{said}: quantized weights cannot be trained themselves -> finetuning_type: lora, or four_bit=False"]
    if config.get("use_cpu"):
        return [f"{said}: needs a CUDA GPU, and use_cpu is set -> four_bit=False"]
    if config.get("quantization_method", "bnb") == "bnb" and find_spec("bitsandbytes") is None:
        return [f"{said}: bitsandbytes is not installed -> pip install -e '.[qlora]', or four_bit=False"]
    return []


def _names(config, key):
    value = config.get(key) or []
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else list(value)


def _dataset_faults(config):
    info = located(config.get("dataset_dir", "data")) / "dataset_info.json"
    if not info.is_file():
        return [f"dataset_dir: no {short(info)} -> data.register writes it; or correct dataset_dir"]
    entries, faults = json.loads(info.read_bytes()), []
    for name in _names(config, "dataset") + _names(config, "eval_dataset"):
        entry = entries.get(name)
        if entry is None:
            faults.append(f"dataset: no {name!r} in {short(info)}, which has {', '.join(entries)} -> correct the name")
        elif entry.get("formatting") != "sharegpt" or not (info.parent / entry.get("file_name", "")).is_file():
            faults.append(f"dataset: {name!r} is no ShareGPT file beside {short(info)} -> data.write_sharegpt")
    if config.get("eval_dataset") and config.get("val_size"):
        faults.append("eval_dataset and val_size: LLaMA-Factory takes one of them -> set val_size: 0.0")
    return faults


def data_files(config, key="dataset"):
    """Paths of the data files that ``dataset`` (or ``eval_dataset``) names."""
    folder = located(config.get("dataset_dir", "data"))
    names = _names(config, key)
    entries = json.loads((folder / "dataset_info.json").read_bytes()) if names else {}
    return [folder / entries[name]["file_name"] for name in names]


def portable(value):
    """A path as it is written into a configuration: from the project's folder on if it lies there."""
    if not isinstance(value, Path):
        return value
    path = Path(os.path.abspath(value))
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
