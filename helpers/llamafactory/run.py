"""Recipe and changes, training and export: what a lesson calls. See the package's own docstring for the order."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from helpers import models
from helpers.checkpoint import last_checkpoint
from helpers.files import write_text
from helpers.llamafactory.checks import facts, find_state
from helpers.llamafactory.config import ConfigError, located, model_faults, refuse, unknown_keys
from helpers.llamafactory.errors import LlamaFactoryError
from helpers.llamafactory.process import read_log, run_child
from helpers.lossplot import LossPlot
from helpers.settings import ROOT, short
from helpers.train import name_base

RECIPES = ROOT / "helpers" / "recipes"
RESULTS = ("train_results.json", "all_results.json", "eval_results.json", "trainer_state.json", "trainer_log.jsonl")
WEIGHTS = ("adapter_config.json", "adapter_model.safetensors", "model*.safetensors", "model.safetensors.index.json")


@dataclass(frozen=True)
class Run:
    """A finished training: losses as (step, loss), what LLaMA-Factory measured, where it is and how long it took."""

    history: list
    held_out: list
    metrics: dict
    folder: Path
    seconds: float


# --- configurations ---------------------------------------------------------------------------


def recipe(name):
    """The keys and values of ``helpers/recipes/<name>.yaml``. FileNotFoundError names the recipes there are."""
    import yaml

    path = RECIPES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise FileNotFoundError(f"no recipe {name!r} -> one of {known}")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def overrides(settings, base, family="glm_ocr", **more):
    """What ``settings`` change in the recipe ``base``; ``more`` are keys of LLaMA-Factory, paths among them.

    Only what differs from the recipe is returned: ``base | overrides(...)`` is the configuration to run. Paths inside
    the project are written relative to it, since LLaMA-Factory is started there.
    """
    cpu, tiny = settings.device == "cpu", settings.mode == "tiny"
    wanted = {
        "model_name_or_path": models.checkpoint_folder(family, settings),
        "infer_dtype": settings.dtype,
        "lora_rank": settings.lora_r,
        "lora_alpha": settings.lora_alpha,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation,
        "learning_rate": settings.learning_rate,
        "num_train_epochs": float(settings.epochs),
        "logging_steps": max(1, settings.steps // 40),
        "save_steps": max(1, settings.steps // 4),
        "eval_steps": max(1, settings.steps // 4),
        "bf16": settings.dtype == "bfloat16",
        "disable_gradient_checkpointing": True if tiny else base.get("disable_gradient_checkpointing"),
        "preprocessing_num_workers": 1 if tiny else base.get("preprocessing_num_workers"),
        "dataloader_num_workers": 0 if cpu else base.get("dataloader_num_workers"),
    }
    wanted = {key: value for key, value in wanted.items() if key in base}
    if "output_dir" in base:
        wanted |= {"seed": settings.seed} | ({"use_cpu": True} if cpu else {}) | _tracker(settings)
    wanted = {key: _portable(value) for key, value in (wanted | more).items()}
    return {key: value for key, value in wanted.items() if key not in base or base[key] != value}


def _tracker(settings):
    """SwanLab's keys; report_to stays "none", else the Trainer would start a second record."""
    if settings.tracker == "disabled":
        return {}
    folder = _portable(Path(settings.output_dir) / "swanlog")
    return {"use_swanlab": True, "swanlab_mode": settings.tracker, "swanlab_logdir": folder}


def _portable(value):
    """A path as it is written into a configuration: from the project's folder on if it lies there."""
    if not isinstance(value, Path):
        return value
    path = Path(os.path.abspath(value))
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def changes(base, config):
    """What ``config`` changes in the recipe ``base``, as lines: key, value in the recipe, value now."""
    rows = [("key", "recipe", "now")]
    rows += [(key, _shown(base.get(key)), _shown(config[key])) for key in config if base.get(key) != config[key]]
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    return "\n".join(f"{a:<{first}}  {b:<{second}}  {c}" for a, b, c in rows)


def _shown(value):
    if value is None:
        return "-"
    if isinstance(value, str) and os.path.isabs(value):
        return short(value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- training and export ------------------------------------------------------------------------


def train(config, nproc=1):
    """Train as ``config`` says, in ``nproc`` processes; the weights are in ``output_dir`` afterwards.

    A killed run of the same configuration and data goes on from its last whole checkpoint. A folder with a finished or
    another run is refused, unless ``overwrite_output_dir`` is true: then it is begun anew. With SwanLab in trouble the
    training is begun again without it.

    Raises:
        ConfigError: ``output_dir`` holds another run, or keys are unknown.
        LlamaFactoryError: LLaMA-Factory failed; says why and what to do.
    """
    began = time.monotonic()
    refuse(unknown_keys(config) + model_faults(config))
    folder = located(config["output_dir"])
    settled = _prepare(config, folder)
    plot = LossPlot()
    try:
        run_child(
            "train", settled, folder / "train.yaml", folder / "train.log", nproc, folder / "trainer_log.jsonl", plot
        )
    except KeyboardInterrupt:
        print("stopped; the same train(config) goes on from the last checkpoint, if there is one")
        raise
    except LlamaFactoryError as error:
        if not (error.swanlab and settled.get("use_swanlab")):
            raise
        print("SwanLab did not start; training goes on without it")
        return train(config | {"use_swanlab": False}, nproc)
    if (folder / "adapter_config.json").is_file():
        name_base(folder)
    metrics = json.loads((folder / "all_results.json").read_bytes())
    return Run(plot.history, plot.held_out, metrics, folder, time.monotonic() - began)


def _prepare(config, folder):
    """The configuration as it will run: with the checkpoint to go on from, or in a folder without old results."""
    state, reason = find_state(config)
    if state == "other" and not config.get("overwrite_output_dir"):
        raise ConfigError(reason)
    checkpoint = last_checkpoint(folder) if state == "killed" else None
    if checkpoint:
        print(f"resuming from {short(checkpoint)}")
        _cut_log(folder / "trainer_log.jsonl", int(checkpoint.name.split("-")[1]))
        return config | {"overwrite_output_dir": False, "resume_from_checkpoint": _portable(checkpoint)}
    for old in folder.glob("checkpoint-*"):
        shutil.rmtree(old)
    for old in [path for name in RESULTS + WEIGHTS for path in folder.glob(name)]:
        old.unlink()
    write_text(folder / "run.json", facts(config))
    return config | {"overwrite_output_dir": True}


def _cut_log(path, step):
    """Leave out the rows after ``step``: those steps will be done again."""
    rows = [row for row in read_log(path) if row["current_steps"] <= step]
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def export(config):
    """Merge base and adapter into ``export_dir`` (model, processor, Ollama ``Modelfile``); return that folder.

    It is written under a temporary name, loaded once to see that nothing is missing, and then renamed.

    Raises:
        ConfigError: no adapter, or ``export_dir`` holds something else.
        LlamaFactoryError: LLaMA-Factory failed, or the result lacks weights.
    """
    adapter, folder = located(config["adapter_name_or_path"]), located(config["export_dir"])
    refuse(unknown_keys(config, training=False) + model_faults(config) + _export_faults(adapter, folder))
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    settled = config | {"export_dir": _portable(partial)}
    run_child("export", settled, *(folder.with_name(f"{folder.name}.export.{kind}") for kind in ("yaml", "log")))
    _check_export(partial)
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder


def _export_faults(adapter, folder):
    faults = []
    if not (adapter / "adapter_config.json").is_file():
        faults.append(f"adapter_name_or_path: no adapter in {short(adapter)} -> the output_dir of a finished LoRA run")
    if folder.is_relative_to(adapter):
        faults.append(f"export_dir: inside the adapter's folder {short(adapter)} -> give a folder of its own")
    elif folder.is_dir() and any(folder.iterdir()) and not (folder / "Modelfile").is_file():
        faults.append(f"export_dir: {short(folder)} holds something else -> give a new folder")
    return faults


def _check_export(folder):
    """Raise LlamaFactoryError if the merged model in ``folder`` does not load whole."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    AutoProcessor.from_pretrained(folder)
    _, loading = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto", output_loading_info=True)
    wrong = {kind: sorted(map(str, names)) for kind, names in loading.items() if names}
    if wrong or not (folder / "Modelfile").is_file():
        raise LlamaFactoryError(f"{short(folder)}: the export is not whole {wrong} -> export again")
