"""Is a LLaMA-Factory run worth starting? Everything that would go wrong, or be lost quietly, is found before it does.

LLaMA-Factory cuts rows at ``cutoff_len`` (even inside the picture's tokens), shrinks pictures to ``image_max_pixels``
(768 x 768 if nothing is said) and goes on with a finished checkpoint, all without an error.
"""

import math
from dataclasses import dataclass, field

from helpers.data import media
from helpers.data.rows import read_rows
from helpers.data.validate import DataError, find_problems
from helpers.llamafactory.config import DEFAULTS, data_files, find_faults, refuse
from helpers.llamafactory.minicpm import budget_line
from helpers.llamafactory.resume import find_run
from helpers.llamafactory.tokens import TEMPLATES, find_long_rows, size_text
from helpers.paths import short


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


def check(config, nproc=1, may_shrink=True, overwrite=False):
    """Print and return what the training run of ``config`` will do; refuse it if anything would break or be lost.

    Args:
        config: a recipe with its changes.
        nproc, overwrite: as ``train`` will get them.
        may_shrink: False: a picture larger than ``image_max_pixels`` is an error, not a line of the report.

    Raises:
        ConfigError: unknown keys, missing files, impossible choices.
        DataError: broken rows, or rows of more tokens than ``cutoff_len``: all of them, each with file and row.
        FileExistsError: ``output_dir`` holds a run of another configuration, data or base; says what differs.
    """
    refuse(find_faults(config) + _template_fault(config))
    said, config = config, DEFAULTS | config
    report, problems, counts = Report(), [], []
    for key in ("dataset", "eval_dataset"):
        for file in data_files(config, key):
            problems += find_problems(file, fmt="sharegpt") or find_long_rows(file, config, report, may_shrink)
            counts.append((key, len(read_rows(file)[0]), file))
    if problems:
        raise DataError(problems)
    _, line = find_run(said, nproc, overwrite)
    _tell_data(config, counts, report)
    _tell_steps(config, counts, nproc, report)
    report.lines += [line] if line else []
    print(report)
    return report


def _template_fault(config):
    if (name := config.get("template")) in TEMPLATES:
        if name == "minicpm_o" and config.get("audio_sampling_rate", 16000) != 16000:
            return ["audio_sampling_rate: MiniCPM-o takes 16000 -> leave it out; sounds are resampled"]
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
        line = f"image_max_pixels {config['image_max_pixels']} shrinks pictures: {len(report.shrunk)}"
        report.lines.append(f"{line}; the largest, {name}, from {size_text(before)} to {size_text(after)}")
    elif len(report.clips) < len(report.lengths):
        report.lines.append(f"image_max_pixels {config['image_max_pixels']}: no picture is shrunk")
    for kind in ("videos", "audios"):
        if found := [(tokens, path) for what, path, tokens in report.clips if what == kind]:
            report.lines.append(_tell_longest(config, kind, *max(found, key=lambda pair: pair[0])))


def _tell_longest(config, kind, tokens, path):
    """A line on the video or sound that takes most tokens."""
    if kind == "audios":
        return f"longest sound, {path.name}: {media.look_at_sound(path).seconds:.3g} s = {tokens} tokens"
    video = media.look_at_video(path, decode=False)
    fps, max_frames = config["video_fps"], config["video_maxlen"]
    frames = len(media.frame_indices(video.declared, video.seconds, fps, max_frames))
    return f"longest video, {path.name}: {budget_line(video.seconds, fps, max_frames, frames, tokens // frames)}"


def _tell_steps(config, counts, nproc, report):
    limit = config["max_samples"] or math.inf
    rows = sum(min(count, limit) for key, count, _ in counts if key == "dataset")
    held_out = config["val_size"] if config["val_size"] >= 1 else math.ceil(rows * config["val_size"])
    batches = math.ceil((rows - held_out) / (config["per_device_train_batch_size"] * nproc))
    per_epoch = math.ceil(batches / config["gradient_accumulation_steps"])
    report.steps = int(config["max_steps"] if config["max_steps"] > 0 else per_epoch * config["num_train_epochs"])
    line = f"{int(rows - held_out)} rows to train on, {report.steps} steps"
    report.lines.append(f"{line}, a loss every {config['logging_steps']}, a checkpoint every {config['save_steps']}")
    for key, loss in (("logging_steps", "no loss is logged"), ("save_steps", "nothing is saved before the end")):
        if config[key] > report.steps:
            report.lines.append(f"{key} {config[key]} is more than there are steps: {loss}")
