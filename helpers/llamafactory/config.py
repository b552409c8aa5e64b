"""What a LLaMA-Factory configuration says: keys, files and choices, judged without importing LLaMA-Factory (10 s)."""

import ast
import difflib
import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from helpers.language import message
from helpers.llamafactory.values import DEFAULTS, text_faults, value_faults
from helpers.models import lora
from helpers.models.checkpoint import check_folder, is_json
from helpers.paths import ROOT, short

SECRETS = {  # variable of the environment: keys whose values would otherwise stand in files and in what is printed
    "HF_TOKEN": ("hf_hub_token", "hub_token", "push_to_hub_token"),
    "MODELSCOPE_API_TOKEN": ("ms_hub_token",),
    "OM_TOKEN": ("om_hub_token",),
    "SWANLAB_API_KEY": ("swanlab_api_key",),
    "": ("swanlab_lark_webhook_url", "swanlab_lark_secret"),
}
ELSEWHERE = ("hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name")  # come before file_name

ARGUMENTS = {  # where the names of a configuration's keys are declared
    "llamafactory": [f"hparams/{name}_args.py" for name in ("model", "data", "training", "finetuning", "generating")],
    "transformers": ["training_args.py", "training_args_seq2seq.py"],
}


class ConfigError(ValueError):
    """A run that must not be started; the message has one line for each reason, with its cure."""


def refuse(faults):
    """Raise ConfigError if there are any faults, with all of them."""
    if faults:
        raise ConfigError(message("config.faults", count=len(faults)) + "\n" + "\n".join(faults))


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
        cure = message("config.did_you_mean", near=near[0]) if near else message("config.unknown_cure")
        faults.append(message("config.unknown", key=key, cure=cure))
    return faults


def run_faults(config, training=True):
    """What is wrong with any configuration, of a training or an export: its keys, values and model; one line each."""
    return (
        unknown_keys(config, training)
        + value_faults(config)
        + text_faults(config)
        + safety_faults(config)
        + model_faults(config)
        + four_bit_faults(config)
    )


def safety_faults(config):
    """Keys that let a checkpoint run code of its own, or that would write a password into files."""
    faults = [message("config.trust")] if config.get("trust_remote_code") else []
    for variable, key in ((variable, key) for variable, keys in SECRETS.items() for key in keys):
        if config.get(key):
            cure = message("config.secret_cure", variable=variable) if variable else message("config.no_secret_cure")
            faults.append(message("config.secret", key=key, cure=cure))
    return faults


def adapter_faults(config):
    """Faults of the folders in ``adapter_name_or_path``: no safetensors, or cut off; names on a hub are not asked."""
    faults = []
    for name in _names(config, "adapter_name_or_path"):
        if located(name).is_dir():
            try:
                lora.base_of(located(name))
            except (FileNotFoundError, ValueError) as error:
                faults.append(message("file.fault", file="adapter_name_or_path", reason=error))
    return faults


def find_faults(config):
    """All that is wrong with the configuration of a training, one line each."""
    faults = run_faults(config) + adapter_faults(config)
    for key in ("dataset", "output_dir", "template"):
        if not config.get(key):
            faults.append(message("config.not_set", key=key))
    if config.get("bf16") and config.get("use_cpu"):
        faults.append(message("config.bf16_on_cpu"))
    frozen = [config.get(f"freeze_{part}", True) for part in ("vision_tower", "multi_modal_projector")]
    if config.get("finetuning_type") == "lora" and config.get("lora_target") == "all" and frozen == [False, False]:
        faults.append(message("config.projector"))
    if (plan := config.get("deepspeed")) and not text_faults(config):
        if not located(plan).is_file():
            faults.append(message("config.no_plan", file=short(located(plan))))
        if find_spec("deepspeed") is None:
            faults.append(message("config.no_deepspeed"))
    return faults + (_dataset_faults(config) if config.get("dataset") and not text_faults(config) else [])


def model_faults(config):
    """Faults of ``model_name_or_path``: a folder that is missing or not whole; names on a hub are not asked for."""
    name = config.get("model_name_or_path")
    if text_faults(config):
        return []
    if not name:
        return [message("config.no_model")]
    if not located(name).is_dir() and (os.path.isabs(name) or str(name).count("/") != 1 or str(name)[0] in ".~"):
        return [message("config.no_model_folder", folder=short(located(name)))]
    if located(name).is_dir():
        try:
            check_folder(located(name), message("checkpoint.copy_again"))
        except (FileNotFoundError, ValueError) as error:
            return [message("file.fault", file="model_name_or_path", reason=error)]
    return []


def four_bit_faults(config):
    """Faults of ``quantization_bit``, which ``four_bit=True`` sets: it is for training LoRA, and needs bitsandbytes."""
    if config.get("quantization_bit") is None:
        return []
    bits = config["quantization_bit"]
    if "export_dir" in config:
        return [message("config.four_bit_merge", bits=bits)]
    if config.get("finetuning_type", "lora") not in ("lora", "oft"):
        return [message("config.four_bit_full", bits=bits)]
    if config.get("use_cpu"):
        return [message("config.four_bit_cpu", bits=bits)]
    if config.get("quantization_method", "bnb") == "bnb" and find_spec("bitsandbytes") is None:
        return [message("config.no_bitsandbytes", bits=bits)]
    return []


def _names(config, key):
    value = config.get(key) or []
    return [name.strip() for name in (value.split(",") if isinstance(value, str) else value)]


def _dataset_faults(config):
    info = located(config.get("dataset_dir") or DEFAULTS["dataset_dir"]) / "dataset_info.json"
    if not info.is_file():
        return [message("config.no_info", file=short(info))]
    if not is_json(info, True):
        return [message("config.torn_info", file=short(info))]
    entries, faults = json.loads(info.read_bytes()), []
    for name in _names(config, "dataset") + _names(config, "eval_dataset"):
        entry = entries.get(name)
        if entry is None:
            faults.append(message("config.not_registered", name=name, file=short(info), known=", ".join(entries)))
        elif isinstance(entry, dict) and (found := [key for key in ELSEWHERE if key in entry]):
            faults.append(message("config.elsewhere", name=name, file=short(info), key=found[0]))
        elif not _is_sharegpt(entry, info):
            faults.append(message("config.no_sharegpt", name=name, file=short(info)))
    if config.get("eval_dataset") and config.get("val_size"):
        faults.append(message("config.eval_and_val"))
    return faults


def _is_sharegpt(entry, info):
    return (
        isinstance(entry, dict) and entry.get("formatting") == "sharegpt" and _is_beside(info, entry.get("file_name"))
    )


def _is_beside(info, name):
    """Whether ``name`` is that of a file in the folder of ``info``, also where links lead."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    file = (info.parent / name).resolve()
    return file.is_relative_to(info.parent.resolve()) and file.is_file()


def data_files(config, key="dataset"):
    """Paths of the data files that ``dataset`` (or ``eval_dataset``) names."""
    folder = located(config.get("dataset_dir") or DEFAULTS["dataset_dir"])
    names = _names(config, key)
    entries = json.loads((folder / "dataset_info.json").read_bytes()) if names else {}
    return [folder / entries[name]["file_name"] for name in names]


def portable(value):
    """A path as it is written into a configuration: from the project's folder on if it lies there."""
    if not isinstance(value, Path):
        return value
    path = Path(os.path.abspath(value))
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
