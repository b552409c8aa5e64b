"""Is a LLaMA-Factory run worth starting? Everything that would go wrong, or be lost quietly, is found before it does.

LLaMA-Factory cuts rows at ``cutoff_len`` (even inside the picture's tokens), shrinks pictures to ``image_max_pixels``
(768 x 768 if nothing is said) and goes on with a finished checkpoint, all without an error.
"""

import hashlib
import json
import math
from dataclasses import dataclass, field

from helpers import clips
from helpers.files import read_rows
from helpers.formats import MARKS
from helpers.llamafactory.config import DEFAULTS, ConfigError, data_files, find_faults, located, refuse
from helpers.llamafactory.minicpm import budget_line
from helpers.llamafactory.tokens import TEMPLATES, by, find_long_rows
from helpers.settings import short
from helpers.validate import DataError, find_problems


@dataclass
class Report:
    """What a run will do, in lines fit for a reader.

    lengths  tokens of each row; shrunk  (file, size before, size after) of pictures over ``image_max_pixels``
    clips    (videos or audios, path, tokens)
    """

    lines: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    shrunk: list[tuple] = field(default_factory=list)
    clips: list[tuple] = field(default_factory=list)
    steps: int = 0

    def __str__(self):
        return "\n".join(self.lines)


def check(config, nproc=1, may_shrink=True):
    """Print and return what the training run of ``config`` will do; refuse it if anything would break or be lost.

    Args:
        config: a recipe with its changes.
        nproc: number of processes, for the number of steps.
        may_shrink: False: a picture larger than ``image_max_pixels`` is an error, not a line of the report.

    Raises:
        ConfigError: unknown keys, missing files, impossible choices, a finished run in ``output_dir``.
        DataError: broken rows, or rows of more tokens than ``cutoff_len``: all of them, each with file and row.
    """
    refuse(find_faults(config) + _template_fault(config))
    state, reason = find_state(config)
    if state == "other" and not config.get("overwrite_output_dir"):
        raise ConfigError(reason)
    config, report, problems = DEFAULTS | config, Report(), []
    counts = []
    for key in ("dataset", "eval_dataset"):
        for file in data_files(config, key):
            problems += find_problems(file, fmt="sharegpt") or find_long_rows(file, config, report, may_shrink)
            counts.append((key, len(read_rows(file)[0]), file))
    if problems:
        raise DataError(problems)
    _tell_data(config, counts, report)
    _tell_steps(config, counts, nproc, report)
    if state == "killed" and reason:
        report.lines.append(reason)
    print(report)
    return report


def _template_fault(config):
    if (name := config.get("template")) in TEMPLATES:
        if name == "minicpm_o" and config.get("audio_sampling_rate", 16000) != 16000:
            return ["audio_sampling_rate: MiniCPM-o hears 16000 -> leave it out; sounds are resampled"]
        return []
    return [f"template: {name!r} -> tokens can be counted for {', '.join(TEMPLATES)}; another is a row of TEMPLATES"]


# --- the report ---------------------------------------------------------------------------------


def _tell_data(config, counts, report):
    limit = config["max_samples"]
    for _, count, file in counts:
        first = f"; max_samples takes the first {limit}" if limit and limit < count else ""
        report.lines.append(f"{short(file)}, rows: {count}{first}")
    longest = max(report.lengths)
    report.lines.append(
        f"tokens a row: {min(report.lengths)} to {longest}; cutoff_len {config['cutoff_len']} cuts none"
    )
    if report.shrunk:
        name, before, after = max(report.shrunk, key=lambda row: row[1][0] * row[1][1])
        most = f"image_max_pixels {config['image_max_pixels']} shrinks pictures: {len(report.shrunk)}"
        report.lines.append(f"{most}; the largest, {name}, from {by(before)} to {by(after)}")
    elif len(report.clips) < len(report.lengths):
        report.lines.append(f"image_max_pixels {config['image_max_pixels']}: no picture is shrunk")
    report.lines += [
        line for line in (_tell_longest(config, report.clips, kind) for kind in ("videos", "audios")) if line
    ]


def _tell_longest(config, found, kind):
    """A line on the video or sound that takes most tokens; "" if there is none."""
    path, tokens = max(
        ((path, tokens) for what, path, tokens in found if what == kind), key=lambda p: p[1], default=("", 0)
    )
    if not tokens:
        return ""
    if kind == "audios":
        return f"longest sound, {path.name}: {clips.look_at_sound(path).seconds:.3g} s = {tokens} tokens"
    video = clips.look_at_video(path, decode=False)
    fps, most = config["video_fps"], config["video_maxlen"]
    frames = len(clips.sampled(video.told, video.seconds, fps, most))
    return f"longest video, {path.name}: {budget_line(video.seconds, fps, most, frames, tokens // frames)}"


def _tell_steps(config, counts, nproc, report):
    limit = config["max_samples"] or math.inf
    rows = sum(min(count, limit) for key, count, _ in counts if key == "dataset")
    held_out = config["val_size"] if config["val_size"] > 1 else math.ceil(rows * config["val_size"])
    batches = math.ceil((rows - held_out) / (config["per_device_train_batch_size"] * nproc))
    per_epoch = math.ceil(batches / config["gradient_accumulation_steps"])
    report.steps = int(config["max_steps"] if config["max_steps"] > 0 else per_epoch * config["num_train_epochs"])
    line = f"{int(rows - held_out)} rows to train on, {report.steps} steps"
    report.lines.append(f"{line}, a loss every {config['logging_steps']}, a checkpoint every {config['save_steps']}")
    for key, loss in (("logging_steps", "no loss is logged"), ("save_steps", "nothing is saved before the end")):
        if config[key] > report.steps:
            report.lines.append(f"{key} {config[key]} is more than there are steps: {loss}")


# --- what output_dir holds ----------------------------------------------------------------------


def find_state(config):
    """("new" | "killed" | "other", what to say): whether ``output_dir`` holds a run, and of this configuration.

    "killed" is an unfinished run of the same configuration, data and base; it can go on. "other" is a finished run, or
    the checkpoints of a different one: LLaMA-Factory would go on with them and say nothing.
    """
    folder = located(config["output_dir"])
    cure = "take another output_dir, or set overwrite_output_dir: true to lose it"
    if (folder / "train_results.json").is_file():
        return "other", f"output_dir: {short(folder)} holds a finished run -> {cure}"
    if not any(folder.glob("checkpoint-*")):
        return "new", ""
    note = folder / "run.json"
    if note.is_file() and note.read_text(encoding="utf-8") == facts(config):
        return "killed", f"{short(folder)} holds an unfinished run: it goes on from its last checkpoint"
    return "other", f"output_dir: {short(folder)} holds checkpoints of another configuration, data or base -> {cure}"


def facts(config):
    """What the weights of a run depend on, as JSON: its configuration, data and base."""
    left_out = ("overwrite_output_dir", "resume_from_checkpoint")
    said = {key: value for key, value in config.items() if key not in left_out and "swanlab" not in key}
    files = data_files(config) + data_files(config, "eval_dataset")
    marks = [_mark(file) for file in files]
    for file in files:
        names = [n for _, row in read_rows(file)[0] for kind in MARKS for n in row.get(f"{kind}s") or []]
        marks.append([(file.parent / name).stat().st_size for name in names])
    base = located(config["model_name_or_path"])
    marks += [_mark(path) for path in sorted(base.glob("*.safetensors"))]
    return json.dumps({"config": said, "digest": _digest(json.dumps(marks).encode())}, ensure_ascii=False, default=str)


def _mark(path):
    """Size and a checksum of a file; of a large one, of its last megabyte."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**20))
        return [path.name, path.stat().st_size, _digest(file.read())]


def _digest(data):
    return hashlib.sha256(data).hexdigest()[:16]
