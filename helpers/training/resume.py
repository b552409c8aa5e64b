"""The one policy for a folder that may hold a run already, of either trainer: take it, go on with it, or refuse.

The same facts and finished: the result is taken. The same and unfinished: it goes on from its last whole checkpoint.
Other facts: refused, unless it may be overwritten; what is removed is named.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from helpers.files import NOTE, changed_recipe, note_recipe, read_text, write_text
from helpers.language import message
from helpers.models.checkpoint import is_json, last_checkpoint
from helpers.paths import short

FINISHED = "finished.json"  # written last of all: what a ``Run`` holds
WEIGHTS = ("checkpoint-*", "adapter", "adapter_config.json", "config.json", "*.safetensors", "*.safetensors.index.json")
RECORDS = ("*_results.json", "trainer_state.json", "trainer_log.jsonl", FINISHED)
DIGESTS = ("data", "base")  # facts whose values say nothing to a reader


@dataclass(frozen=True)
class Run:
    """A finished training.

    history, held_out  training and evaluation loss as (step, loss)
    metrics            what the Trainer measured: train_runtime in seconds, train_loss …
    seconds            how long the call took that finished it
    """

    history: list
    held_out: list
    metrics: dict
    folder: Path
    seconds: float


def save_run(run):
    """Mark the run in ``run.folder`` as finished; ``prepare`` gives it back."""
    values = {name: getattr(run, name) for name in ("history", "held_out", "metrics", "seconds")}
    write_text(run.folder / FINISHED, json.dumps({"run": values, "weights": _sizes(run.folder)}) + "\n")


def _sizes(folder):
    """{path in ``folder``: bytes} of the weights that a run leaves behind."""
    files = sorted([*folder.glob("*.safetensors"), *folder.glob("adapter/*.safetensors")])
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _is_finished(folder):
    """Whether the run in ``folder`` was finished and its weights are still there, whole."""
    note = folder / FINISHED
    return is_json(note) and json.loads(read_text(note))["weights"].items() <= _sizes(folder).items()


def _load_run(folder):
    values = json.loads(read_text(folder / FINISHED))["run"]
    points = {name: [tuple(point) for point in values[name]] for name in ("history", "held_out")}
    return Run(folder=folder, **values | points)


def find_run(folder, facts, overwrite=False):
    """What ``folder`` holds: ("new" | "unfinished" | "finished" | "overwritten", a line that says so, "" if new).

    Args:
        facts: all that the weights depend on, as a dict that JSON can hold; "data" and "base" are checksums.
        overwrite: whether what is there may be lost.

    Raises:
        FileExistsError: weights or checkpoints of other facts, or nobody knows of which; says what differs.
    """
    if not _found(folder, WEIGHTS):
        return "new", ""
    changed = changed_recipe(folder, facts)
    finished = _is_finished(folder) and _found(folder, WEIGHTS[1:])
    what = message("resume.finished" if finished else "resume.unfinished", folder=short(folder))
    if changed is None:
        what = message("resume.unknown", folder=short(folder), note=NOTE)
    elif changed:
        what = message("resume.other", run=what, difference=_difference(changed))
    if overwrite:
        names = ", ".join(_found(folder, WEIGHTS + RECORDS))
        return "overwritten", message("resume.overwrite", run=what, names=names)
    if changed is None or changed:
        raise FileExistsError(message("resume.refused", run=what))
    if finished:
        return "finished", message("resume.taken", run=what)
    return "unfinished", message("resume.goes_on", run=what)


def prepare(folder, facts, overwrite=False):
    """(the finished ``Run``, None), (None, the checkpoint to go on from), or (None, None) with a clean folder.

    Each comes with a line; arguments and errors are those of ``find_run``.
    """
    folder = Path(folder)
    state, line = find_run(folder, facts, overwrite)
    if state == "finished":
        print(line)
        return _load_run(folder), None
    if state == "unfinished" and (checkpoint := _last_whole(folder)):
        print(message("resume.from", checkpoint=short(checkpoint)))
        return None, checkpoint
    if names := _found(folder, WEIGHTS + RECORDS):
        removed = message("resume.no_checkpoint", folder=short(folder), names=", ".join(names))
        print(line if state == "overwritten" else removed)
    for path in (folder / name for name in names):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    note_recipe(folder, facts)
    return None, None


def _found(folder, patterns):
    return sorted({path.name for pattern in patterns for path in folder.glob(pattern)})


def _last_whole(folder):
    """The newest whole checkpoint or None; those that were cut off are removed, and named."""
    before = _found(folder, ("checkpoint-*",))
    checkpoint = last_checkpoint(folder)
    if gone := [name for name in before if not (folder / name).exists()]:
        print(message("resume.cut_off", folder=short(folder), names=", ".join(gone)))
    return checkpoint


def _difference(changed, most=3):
    """{name: (value there, value now)} in words: ``learning_rate 0.0015, now 0.001``."""
    parts = [
        name if name in DIGESTS else message("resume.changed", name=name, old=_shown(old), new=_shown(new))
        for name, (old, new) in changed.items()
    ]
    more = message("resume.more", count=len(parts) - most) if len(parts) > most else ""
    return "; ".join(parts[:most]) + more


def _shown(value):
    text = message("resume.not_set") if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
