"""Recipe and changes, training and export: what a lesson calls. See the package's own docstring for the order."""

import json
import os
import shlex
import time
from pathlib import Path

from helpers.files import locked, whole_folder
from helpers.language import columns_of, message, padded
from helpers.llamafactory.config import adapter_faults, located, portable, refuse, run_faults
from helpers.llamafactory.errors import LlamaFactoryError
from helpers.llamafactory.process import run_child, write_yaml
from helpers.llamafactory.resume import prepare
from helpers.models import minicpm
from helpers.models.load import checkpoint_folder
from helpers.models.lora import name_base
from helpers.paths import short
from helpers.training.loss_plot import LossPlot
from helpers.training.resume import Run, save_run

RECIPES = Path(__file__).parent / "recipes"


# --- configurations ---------------------------------------------------------------------------


def recipe(name):
    """The keys and values of a recipe; raises as ``recipe_text``."""
    import yaml

    return yaml.safe_load(recipe_text(name))


def recipe_text(name):
    """The file ``helpers/llamafactory/recipes/<name>.yaml`` as it stands, with its remarks.

    Raises:
        FileNotFoundError: there is no such recipe; names those there are.
    """
    path = RECIPES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise FileNotFoundError(message("run.no_recipe", name=name, known=known))
    return path.read_text(encoding="utf-8")


def write(config, path):
    """Write ``config`` as a YAML file; return the line that runs it in a terminal, in the project's folder.

    For MiniCPM that is this project's launcher, since ``llamafactory-cli`` does not know its classes.
    """
    write_yaml(config, path)
    minicpm = config["template"].startswith("minicpm")
    program = ["python", "-m", "helpers.llamafactory.child"] if minicpm else ["llamafactory-cli"]
    return shlex.join([*program, "export" if "export_dir" in config else "train", str(portable(Path(path)))])


def overrides(settings, base, family="glm_ocr", **more):
    """What ``settings`` change in the recipe ``base``; ``more`` are keys of LLaMA-Factory, paths among them.

    Only what differs from the recipe is returned: ``base | overrides(...)`` is the configuration to run. Paths inside
    the project are written relative to it, since LLaMA-Factory is started there.

    Raises:
        ConfigError: float32 on a CUDA GPU, which no key of a training asks for.
    """
    cpu, tiny = settings.device == "cpu", settings.mode == "tiny"
    if "output_dir" in base and settings.device == "cuda" and settings.dtype == "float32":
        refuse([message("config.float32")])
    wanted = {
        "model_name_or_path": checkpoint_folder(family, settings),
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
        "disable_gradient_checkpointing": not settings.gradient_checkpointing,
        "preprocessing_num_workers": 1 if tiny else base.get("preprocessing_num_workers"),
        "dataloader_num_workers": 0 if cpu else base.get("dataloader_num_workers"),
    }
    wanted = {key: value for key, value in wanted.items() if key in base}
    wanted |= {"quantization_bit": 4, "quantization_method": "bnb"} if settings.four_bit else {}
    if "output_dir" in base:
        wanted |= {"seed": settings.seed} | ({"use_cpu": True} if cpu else {}) | _tracker(settings)
    wanted = {key: portable(value) for key, value in (wanted | more).items()}
    return {key: value for key, value in wanted.items() if key not in base or base[key] != value}


def _tracker(settings):
    """SwanLab's keys; report_to stays "none", else the Trainer would start a second record."""
    if settings.tracker == "disabled":
        return {}
    folder = portable(Path(settings.output_dir) / "swanlog")
    return {"use_swanlab": True, "swanlab_mode": settings.tracker, "swanlab_logdir": folder}


def changes(base, config):
    """What ``config`` changes in the recipe ``base``, as lines: key, value in the recipe, value now."""
    rows = [(message("run.key"), message("run.recipe"), message("run.now"))]
    rows += [(key, _shown(base.get(key)), _shown(config[key])) for key in config if base.get(key) != config[key]]
    first, second = (max(columns_of(row[i]) for row in rows) for i in (0, 1))
    return "\n".join(f"{padded(a, first)}  {padded(b, second)}  {c}" for a, b, c in rows)


def _shown(value):
    if value is None:
        return "-"
    if isinstance(value, str) and os.path.isabs(value):
        return short(value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- training and export ------------------------------------------------------------------------


def train(config, nproc=1, overwrite=False):
    """Train as ``config`` says, in ``nproc`` processes; the weights are in ``output_dir`` afterwards: ``training.Run``.

    A killed run goes on from its last whole checkpoint, a finished one is taken as it is; both only if configuration,
    data and base are the same. With SwanLab in trouble the training is begun again without it.

    Args:
        overwrite: train from the start, whatever ``output_dir`` holds; what is removed is named. LLaMA-Factory's key
            ``overwrite_output_dir`` does the same.

    Raises:
        ConfigError: keys are unknown, there is no such model, or it cannot be trained in 4 bits.
        FileExistsError: ``output_dir`` holds another run; says what differs.
        BlockingIOError, DiskError: another process trains in it; it is full or cannot be written.
        LlamaFactoryError: LLaMA-Factory failed; says why and what to do.
    """
    began = time.monotonic()
    refuse(run_faults(config))
    with locked(located(config["output_dir"])):
        return _train(config, nproc, overwrite, began)


def _train(config, nproc, overwrite, began):
    folder, plot = located(config["output_dir"]), LossPlot()
    finished, settled = prepare(config, nproc, overwrite)
    if finished:
        return finished
    files = (folder / name for name in ("train.yaml", "train.log"))
    try:
        run_child("train", settled, *files, nproc, folder / "trainer_log.jsonl", plot)
    except KeyboardInterrupt:
        print(message("run.stopped"))
        raise
    except LlamaFactoryError as error:
        if not (error.swanlab and settled.get("use_swanlab")):
            raise
        print(message("run.no_swanlab"))
        return _train(config | {"use_swanlab": False, "overwrite_output_dir": False}, nproc, False, began)
    if (folder / "adapter_config.json").is_file():
        name_base(folder)
    metrics = json.loads((folder / "all_results.json").read_bytes())
    run = Run(plot.history, plot.held_out, metrics, folder, time.monotonic() - began)
    save_run(run)
    return run


def export(config):
    """Merge base and adapter into ``export_dir`` (model, processor, Ollama ``Modelfile``); return that folder.

    It is written under a temporary name, loaded once to see that nothing is missing, and then renamed.

    Raises:
        ConfigError: no adapter, the base is to be held in 4 bits, or ``export_dir`` holds something else.
        LlamaFactoryError: LLaMA-Factory failed, or the result lacks weights.
    """
    adapter, folder = located(config["adapter_name_or_path"]), located(config["export_dir"])
    refuse(run_faults(config, training=False) + _export_faults(config, adapter, folder))
    files = (folder.with_name(f"{folder.name}.export.{kind}") for kind in ("yaml", "log"))
    base = located(config["model_name_or_path"])
    with whole_folder(folder, sum(path.stat().st_size for path in base.glob("*.safetensors"))) as partial:
        run_child("export", config | {"export_dir": portable(partial)}, *files)
        _check_export(partial)
    return folder


def _export_faults(config, adapter, folder):
    faults = []
    if not (adapter / "adapter_config.json").is_file():
        faults.append(message("config.no_adapter", folder=short(adapter)))
    else:
        faults += adapter_faults(config)
    if folder.is_relative_to(adapter):
        faults.append(message("config.export_in_adapter", folder=short(adapter)))
    elif folder.is_dir() and any(folder.iterdir()) and not (folder / "Modelfile").is_file():
        faults.append(message("config.export_other", folder=short(folder)))
    return faults


def _check_export(folder):
    """Raise LlamaFactoryError if the merged model in ``folder`` does not load whole."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    minicpm.register()
    safe = {"trust_remote_code": False}
    AutoProcessor.from_pretrained(folder, **safe)
    _, loading = AutoModelForImageTextToText.from_pretrained(folder, dtype="auto", output_loading_info=True, **safe)
    wrong = {kind: sorted(map(str, names)) for kind, names in loading.items() if names}
    if wrong or not (folder / "Modelfile").is_file():
        raise LlamaFactoryError(message("run.export_not_whole", folder=short(folder), wrong=wrong))
