"""What a training run leaves behind: a loss curve in the notebook and a SwanLab record beside the adapter.

SwanLab works without an account and without a network in the modes "local" and "offline"; nothing it does or fails to
do stops a training. The host name, the working folder and the git remote are not recorded.
"""

import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

from helpers.lossplot import LossPlot
from helpers.settings import ROOT, short

# What the Trainer really used, read from its arguments and not copied by hand.
FACTS = (
    "learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "optim", "max_grad_norm", "num_train_epochs",
    "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "gradient_checkpointing", "bf16", "fp16",
    "seed",
)  # fmt: skip


def start(settings, project: str, experiment: str, config: dict) -> list:
    """Callbacks for ``Trainer(callbacks=...)``: SwanLab as ``settings.tracker`` says, and the live loss curve.

    ``config`` is stored with the run; the Trainer's own arguments and LoRA's are added when training begins. A SwanLab
    that is missing or fails is reported in one line, and training goes on without it. A run still open is ended first.
    """
    finish()
    if settings.tracker == "disabled" or os.environ.get("RANK", "0") != "0":
        return _callbacks(LossPlot(), None)
    console, advice = _Console(), ""
    if settings.tracker == "cloud":
        advice = "; for the cloud run `swanlab login` in a terminal once, or choose tracker='local'"
    with _guard(f"did not start{advice}", console):
        hint = _open(settings, project, experiment, config, console)
    if console.told:
        finish()
        return _callbacks(LossPlot(), None)
    print(hint)
    return _callbacks(LossPlot(), console)


def finish() -> None:
    """End the SwanLab run, if there is one, so that all of it is on disk (or uploaded)."""
    module = sys.modules.get("swanlab.sdk.internal.pkg.console")
    if module is None or not isinstance(module.c.file, _Console):
        return  # no run of ours was begun
    console = module.c.file
    with _guard("did not end well", console):
        if _running():
            sys.modules["swanlab"].finish()
    module.c = console.before


def log_predictions(samples, predictions: list[str], count: int = 8) -> None:
    """Store the first ``count`` pictures with prediction and truth in the SwanLab run; without a run, do nothing."""
    if not _running():
        return
    swanlab, pairs = sys.modules["swanlab"], list(zip(samples, predictions, strict=True))[:count]
    with _guard("did not store the predictions", _Console()):
        pictures = [swanlab.Image(str(s.image), caption=f"{p}\ntruth: {s.text}") for s, p in pairs]
        swanlab.log({"predictions": pictures})


def _running() -> bool:
    return "swanlab" in sys.modules and sys.modules["swanlab"].has_run()


class _Console:
    """Takes the place of SwanLab's console, which would print machine paths into the notebook; keeps its errors."""

    def __init__(self):
        self.errors = []
        self.told = False  # whether a failure was printed
        self.before = self.callback = None  # SwanLab's own console; SwanLab's own Trainer callback

    def write(self, text: str) -> int:
        self.errors += [line.split(" - ", 1)[-1] for line in text.splitlines() if "| ERROR" in line]
        return len(text)

    def flush(self) -> None:
        pass

    def tell(self, message: str) -> None:
        """Print ``message`` if it is the first of this run: a tracker that failed once tends to fail at every step."""
        if not self.told:
            print(f"SwanLab {message}; everything else goes on")
        self.told = True

    def report(self) -> None:
        """Tell what SwanLab itself caught and printed."""
        if self.errors:
            self.tell(f"reports: {_plain(self.errors[0])}")


@contextmanager
def _guard(what: str, console: _Console):
    """Turn any failure inside into one printed line.

    The one place that catches Exception: SwanLab raises its own, pydantic's, yaml's, requests' and sqlite's errors, and
    a tracker must not end a training of hours.
    """
    try:
        yield
    except Exception as error:
        console.tell(f"{what} ({type(error).__name__}: {_plain(str(error))})")
    console.report()


def _plain(message: str) -> str:
    """The first line of ``message``, at most 160 characters, with file names instead of absolute paths."""
    line = next(iter(message.strip().splitlines()), "")
    line = re.sub(r"(?<![\w:/.])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\":]+)*[/\\](?=[^\s/\\'\":])", "", line)
    return line if len(line) <= 160 else line[:159] + "…"


def _open(settings, project: str, experiment: str, config: dict, console: _Console) -> str:
    """Begin a SwanLab run; the line that tells the reader where it is."""
    import swanlab
    from rich.console import Console
    from swanlab.integration.transformers import SwanLabCallback
    from swanlab.sdk.internal.pkg import console as swanlab_console

    console.before = swanlab_console.c
    swanlab_console.c = Console(file=console, width=10_000, force_jupyter=False)  # else it prints into the notebook
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
        raise ConnectionError(f"{host} cannot be reached") from error


def _hint(mode: str, place: str, run) -> str:
    if mode == "cloud":
        return f"SwanLab (cloud): {run.url}"
    if mode == "offline":
        return f"SwanLab (offline): in the project folder, upload later with: swanlab sync {place}/{run.dir.name}"
    return f"SwanLab (local): in the project folder, open the board with: swanlab watch {place}"


def _callbacks(plot: LossPlot, tracker: _Console | None) -> list:
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
            with _guard("did not store the configuration", tracker):
                if _running():
                    sys.modules["swanlab"].config.update(_facts(args, model))

        def on_log(self, args, state, control, logs=None, **kwargs):
            with _guard("did not log", tracker):
                if _running():
                    tracker.callback.on_log(args, state, control, logs=logs)

    return [GuardedSwanLab(), LossPlotCallback()]


def _facts(args, model) -> dict:
    """What the run used: the Trainer's arguments (``FACTS``), the number of weights, and LoRA's settings."""
    used = args.to_dict()
    facts = {name: used[name] for name in FACTS}
    facts["weights"] = sum(weight.numel() for weight in model.parameters())
    facts["trained_weights"] = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    for name, lora in getattr(model, "peft_config", {}).items():
        facts[f"adapter_{name}"] = {key: getattr(lora, key, None) for key in ("r", "lora_alpha", "lora_dropout")}
    return facts
