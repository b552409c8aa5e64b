"""Is a LLaMA-Factory run worth starting? Everything that would go wrong, or be lost quietly, is found before it does.

LLaMA-Factory cuts rows at ``cutoff_len`` (even inside the picture's tokens), shrinks pictures to ``image_max_pixels``
(768 x 768 if nothing is said) and goes on with a finished checkpoint, all without an error.
"""

import math
from dataclasses import dataclass, field, replace

from helpers.data import media
from helpers.data.rows import read_rows
from helpers.data.validate import NO_RULES, accept, examine
from helpers.language import message
from helpers.llamafactory.config import data_files, find_faults, refuse
from helpers.llamafactory.entries import entry_problems
from helpers.llamafactory.minicpm import budget_line
from helpers.llamafactory.resume import find_run
from helpers.llamafactory.tokens import TEMPLATES, find_long_rows, size_text
from helpers.llamafactory.values import DEFAULTS
from helpers.paths import short


@dataclass
class Report:
    """What a run will do, in lines fit for a reader.

    lengths  tokens of each row; shrunk  (file, size before, size after) of pictures over ``image_max_pixels``
    shrunk_by_processor  the same of those that the model's own processor makes smaller than they come
    clips    (videos or audios, path, tokens)
    """

    lines: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    shrunk: list[tuple] = field(default_factory=list)
    shrunk_by_processor: list[tuple] = field(default_factory=list)
    clips: list[tuple] = field(default_factory=list)
    steps: int = 0

    def __str__(self):
        return "\n".join(self.lines)


def check(config, nproc=1, may_shrink=True, overwrite=False):
    """Print and return what the training run of ``config`` will do; refuse it if anything would break or be lost.

    Args:
        config: a recipe with its changes.
        nproc, overwrite: as ``train`` will get them.
        may_shrink: False: a picture larger than a limit on its way to the model is an error, not a line of the report.

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
            found = examine(file, "sharegpt", replace(NO_RULES, special_tokens=()))  # find_long_rows knows the model's
            whole = all(problem.warning for problem in found.problems)
            problems += found.problems + (entry_problems(file) if whole else [])
            problems += find_long_rows(file, found.looks, config, report, may_shrink) if whole else []
            counts.append((key, len(read_rows(file)[0]), file))
    accept(problems)
    _, line = find_run(said, nproc, overwrite)
    _tell_data(config, counts, report)
    _tell_steps(config, counts, nproc, report)
    report.lines += [line] if line else []
    print(report)
    return report


def _template_fault(config):
    if (name := config.get("template")) in TEMPLATES:
        if name == "minicpm_o" and config.get("audio_sampling_rate", 16000) != 16000:
            return [message("check.sampling_rate")]
        return []
    return [message("check.template", name=name, known=", ".join(TEMPLATES))]


# --- the report ---------------------------------------------------------------------------------


def _tell_data(config, counts, report):
    limit = config["max_samples"]
    for _, count, file in counts:
        line = message("check.rows", file=short(file), count=count)
        cut = message("check.first_rows", limit=limit) if limit and limit < count else ""
        report.lines.append(line + cut)
    longest = max(report.lengths)
    facts = {"shortest": min(report.lengths), "longest": longest, "cutoff": config["cutoff_len"]}
    report.lines.append(message("check.tokens", **facts))
    if report.shrunk_by_processor:  # what is left after image_max_pixels, so always the smaller limit
        facts = _largest(report.shrunk_by_processor)
        report.lines.append(message("check.shrunk_by_processor", **facts))
    if report.shrunk:
        report.lines.append(message("check.shrunk", limit=config["image_max_pixels"], **_largest(report.shrunk)))
    elif len(report.clips) < len(report.lengths):
        report.lines.append(message("check.none_shrunk", limit=config["image_max_pixels"]))
    for kind in ("videos", "audios"):
        if found := [(tokens, path) for what, path, tokens in report.clips if what == kind]:
            report.lines.append(_tell_longest(config, kind, *max(found, key=lambda pair: pair[0])))


def _largest(shrunk):
    """How many pictures are shrunk, and the largest with its size before and after."""
    name, before, after = max(shrunk, key=lambda row: row[1][0] * row[1][1])
    return {"count": len(shrunk), "file": name, "before": size_text(before), "after": size_text(after)}


def _tell_longest(config, kind, tokens, path):
    """A line on the video or sound that takes most tokens."""
    if kind == "audios":
        seconds = f"{media.look_at_sound(path).seconds:.3g}"
        return message("check.longest_sound", file=path.name, seconds=seconds, tokens=tokens)
    video = media.look_at_video(path, decode=False)
    fps, max_frames = config["video_fps"], config["video_maxlen"]
    frames = len(media.frame_indices(video.declared, video.seconds, fps, max_frames))
    budget = budget_line(video.seconds, fps, max_frames, frames, tokens // frames)
    return message("check.longest_video", file=path.name, budget=budget)


def _tell_steps(config, counts, nproc, report):
    limit = config["max_samples"] or math.inf
    rows = sum(min(count, limit) for key, count, _ in counts if key == "dataset")
    held_out = config["val_size"] if config["val_size"] >= 1 else math.ceil(rows * config["val_size"])
    batches = math.ceil((rows - held_out) / (config["per_device_train_batch_size"] * nproc))
    per_epoch = math.ceil(batches / config["gradient_accumulation_steps"])
    report.steps = int(config["max_steps"] if config["max_steps"] > 0 else per_epoch * config["num_train_epochs"])
    every = {"loss": config["logging_steps"], "checkpoint": config["save_steps"]}
    report.lines.append(message("check.steps", rows=int(rows - held_out), steps=report.steps, **every))
    if every["loss"] > report.steps:
        report.lines.append(message("check.no_loss", every=every["loss"]))
    if every["checkpoint"] > report.steps:
        report.lines.append(message("check.no_checkpoint", every=every["checkpoint"]))
