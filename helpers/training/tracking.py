"""What a training run leaves behind: a loss curve in the notebook and a SwanLab record beside the adapter.

SwanLab works without an account and without a network in the modes "local" and "offline"; nothing it does or fails to
do stops a training. The host name, the working folder and the git remote are not recorded.
"""

import os
import sys
from pathlib import Path

from helpers.language import message
from helpers.paths import ROOT, short
from helpers.training import swanlab_console
from helpers.training.loss_plot import LossPlot
from helpers.training.swanlab_console import Console, guard

# What the Trainer really used, read from its arguments and not copied by hand.
ARGUMENTS = (
    "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "optim", "max_grad_norm", "num_train_epochs",
    "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "gradient_checkpointing", "bf16", "fp16",
    "seed",
)  # fmt: skip


def start_tracking(settings, project: str, experiment: str, config: dict) -> list:
    """Callbacks for ``Trainer(callbacks=...)``: SwanLab as ``settings.tracker`` says, and the live loss curve.

    ``config`` is stored with the run; the Trainer's own arguments and LoRA's are added when training begins. A SwanLab
    that is missing or fails is reported in one line, and training goes on without it. A run still open is ended first.
    """
    finish_tracking()
    if settings.tracker == "disabled" or os.environ.get("RANK", "0") != "0":
        return _callbacks(LossPlot(), None)
    console = Console()
    with guard(message("swanlab.no_cloud" if settings.tracker == "cloud" else "swanlab.no_start"), console):
        hint = _open(settings, project, experiment, config, console)
    if console.failed:
        finish_tracking()
        return _callbacks(LossPlot(), None)
    print(hint)
    return _callbacks(LossPlot(), console)


def finish_tracking() -> None:
    """End the SwanLab run, if there is one, so that all of it is on disk (or uploaded)."""
    console = swanlab_console.in_place()
    if console is None:
        return  # no run of ours was begun
    with guard(message("swanlab.no_end"), console):
        if _running():
            sys.modules["swanlab"].finish()
    swanlab_console.take_out()


def log_predictions(samples, predictions: list[str], count: int = 8) -> None:
    """Store the first ``count`` pictures with prediction and truth in the SwanLab run; without a run, do nothing."""
    if not _running():
        return
    swanlab, pairs = sys.modules["swanlab"], list(zip(samples, predictions, strict=True))[:count]
    with guard(message("swanlab.no_predictions"), Console()):
        pictures = [
            swanlab.Image(str(s.file), caption=message("swanlab.caption", prediction=p, truth=s.text)) for s, p in pairs
        ]
        swanlab.log({"predictions": pictures})


def _running() -> bool:
    return "swanlab" in sys.modules and sys.modules["swanlab"].has_run()


def _open(settings, project: str, experiment: str, config: dict, console: Console) -> str:
    """Begin a SwanLab run; the line that tells the reader where it is."""
    import swanlab
    from swanlab.integration.transformers import SwanLabCallback

    swanlab_console.put_in(console)
    folder = Path(settings.output_dir).resolve() / "swanlog"
    folder.parent.mkdir(parents=True, exist_ok=True)
    probe = swanlab.Settings.Probe(
        runtime=False, git=False, requirements=False, swanlab=False, monitor=settings.mode == "real"
    )  # runtime holds the host name, the folder and the command line
    terminal = swanlab.Settings.Terminal(proxy_type="none")
    quiet = swanlab.Settings(interactive=False, probe=probe, terminal=terminal)
    if settings.tracker == "cloud":
        _reach(quiet.api_host)
    run = swanlab.init(
        mode=settings.tracker, project=project, experiment_name=experiment, log_dir=str(folder), config=dict(config),
        settings=quiet,
    )  # fmt: skip
    console.callback = SwanLabCallback(log_config=False)  # its own config would hold machine paths
    return _hint(settings.tracker, short(folder) if folder.is_relative_to(ROOT) else "<output_dir>/swanlog", run)


def _reach(host: str) -> None:
    """Fail at once where SwanLab would try for a quarter of a minute."""
    import requests

    try:
        requests.head(host, timeout=5)
    except requests.RequestException as error:
        raise ConnectionError(message("swanlab.out_of_reach", host=host)) from error


def _hint(mode: str, place: str, run) -> str:
    if mode == "cloud":
        return message("swanlab.cloud", url=run.url)
    if mode == "offline":
        return message("swanlab.offline", folder=f"{place}/{run.dir.name}")
    return message("swanlab.local", folder=place)


def _callbacks(plot: LossPlot, tracker: Console | None) -> list:
    from transformers import TrainerCallback

    class LossPlotCallback(TrainerCallback):
        history = property(lambda self: plot.history)

        def on_train_begin(self, args, state, control, **kwargs):
            plot.begin(state.max_steps, state.global_step, state.log_history)

        def on_step_end(self, args, state, control, **kwargs):
            plot.advance(state.global_step)

        def on_log(self, args, state, control, logs=None, **kwargs):
            plot.advance(state.global_step, logs)

        def on_train_end(self, args, state, control, **kwargs):
            plot.end()

    if tracker is None:
        return [LossPlotCallback()]

    class GuardedSwanLab(TrainerCallback):
        def on_train_begin(self, args, state, control, model=None, **kwargs):
            with guard(message("swanlab.no_config"), tracker):
                if _running():
                    sys.modules["swanlab"].config.update(trainer_facts(args, model))

        def on_log(self, args, state, control, logs=None, **kwargs):
            with guard(message("swanlab.no_log"), tracker):
                if _running():
                    tracker.callback.on_log(args, state, control, logs=logs)

    return [GuardedSwanLab(), LossPlotCallback()]


def trainer_facts(args, model) -> dict:
    """What the run used: the Trainer's arguments (``ARGUMENTS``), the number of weights, and LoRA's settings."""
    used = args.to_dict()
    facts = {name: used[name] for name in ARGUMENTS}
    facts["weights"] = sum(weight.numel() for weight in model.parameters())
    facts["trained_weights"] = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    for name, lora in getattr(model, "peft_config", {}).items():
        facts[f"adapter_{name}"] = {key: getattr(lora, key, None) for key in ("r", "lora_alpha", "lora_dropout")}
    return facts
