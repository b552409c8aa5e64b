"""What a failed LLaMA-Factory run says, in a few lines: the error itself, its likely cause, and the cure."""

import re
import signal

from helpers.paths import ROOT, short

CAUSES = (  # (pattern in the log, cause, cure); the first that is found counts
    (r"No space left on device|Disk quota exceeded", "the disk is full",
     "make room, or lower save_total_limit; checkpoints of a full fine-tune take several GB each"),
    (r"CUDA out of memory|OutOfMemoryError", "the GPU's memory is full",
     "halve per_device_train_batch_size and double gradient_accumulation_steps; then lower image_max_pixels or"
     " cutoff_len, keep disable_gradient_checkpointing: false, LoRA instead of full, or ZeRO on several GPUs"),
    (r"[Ii]mage features and image tokens do not match",
     "cutoff_len cut tokens of a picture, or tokens were counted from an old copy of the data",
     "run check(config), which names the rows; raise cutoff_len or lower image_max_pixels; overwrite_cache: true"),
    (r"Some keys are not used by the HfArgumentParser", "a key that this LLaMA-Factory does not know",
     "run check(config), which names it; keys of other versions and forks have to go"),
    (r"Undefined dataset|dataset_info\.json|File .* not found\.",
     "the data set is not registered, or its file is missing",
     "data.register enters it; dataset_dir must be the folder of dataset_info.json"),
    (r"Your setup doesn't support bf16|does not support `pure_bf16`", "bf16 without a GPU that knows it",
     "on a CPU bf16: false and use_cpu: true; on older GPUs fp16: true"),
    (r"same dtype, but got: float != c10::BFloat16",
     "full fine-tuning without bf16 of a base that is kept in bfloat16",
     'bf16: true on a GPU; on a CPU write "dtype": "float32" at the top of the base\'s config.json'),
    (r"EADDRINUSE|[Aa]ddress already in use", "another run uses the port the processes meet at",
     "end it, or choose another: MASTER_PORT=29501"),
    (r"DeepSpeed is not available|No module named 'deepspeed'|deepspeed.{0,40}is required|pip install deepspeed",
     "DeepSpeed is not installed",
     "pip install deepspeed, or leave deepspeed out"),
    (r"is required for a normal functioning of this module",
     "a package outside the range that LLaMA-Factory was tested with",
     "install this project's own versions again: pip install -r requirements.lock"),
    (r"Target module LayerNorm", "LoRA on all layers of vision tower and projector reaches a LayerNorm",
     "freeze_multi_modal_projector: true"),
    (r"Processor was not found|Image processor was not found", "the checkpoint folder lacks its processor's files",
     "copy or download the whole folder again"),
    (r"couldn't connect to|LocalEntryNotFoundError|offline mode is enabled|Max retries exceeded",
     "a model or data set is not on this machine, and the hub cannot be reached",
     "give a folder, choose the other hub, or set HF_ENDPOINT"),
    (r"NVIDIA driver on your system is too old|no kernel image is available",
     "the GPU's driver or its age does not fit this PyTorch",
     "update the driver, or install a PyTorch that fits"),
)  # fmt: skip


class LlamaFactoryError(RuntimeError):
    """LLaMA-Factory failed: what it said last, the likely cause, the cure. ``swanlab``: only the tracker did."""

    swanlab = False


def explain(log, code):
    """The LlamaFactoryError for a run that ended with exit status ``code`` and left ``log``."""
    text = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n")
    lines = last_lines(text)
    cause, cure = _cause("\n".join(lines), code) or _cause(text, code) or ("", f"read {short(log)}")
    said = "\n".join("  " + line.replace(f"{ROOT}/", "") for line in lines) or "  nothing"
    because = f"likely cause: {cause}\n" if cause else ""
    error = LlamaFactoryError(f"LLaMA-Factory stopped (exit status {code}). It said last:\n{said}\n{because}-> {cure}")
    error.swanlab = "swanlab" in text.rsplit("Traceback (most recent call last)", 1)[-1].lower()
    return error


def last_lines(text, count=8):
    """The error a log ends in, without its stack: of several processes the first one that failed; else the last lines.

    A process that ``torchrun`` started may be named in front of each line: ``[rank1]: ``.
    """
    lines = [re.sub(r"^\[rank\d+\]: ?", "", line).rstrip() for line in text.split("\n")]
    lines = [line for line in lines if line.strip() and not re.search(r"\d+%\|", line)]
    ends = [i for i, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    for start in ends:
        error = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines))
        chained = any("the above exception" in line.lower() or "During handling" in line for line in lines[error:][:6])
        if error < len(lines) and not chained:
            stop = next((i for i in range(error + 1, len(lines)) if _is_new(lines[i])), len(lines))
            return lines[error : min(stop, error + count)]
    return lines[-count:]


def _is_new(line):
    """True for a line that no longer belongs to the message of an error."""
    return line.startswith(("Traceback", "[INFO", "[WARNING", "[ERROR", "W0", "W1", "E0", "E1", "===", "---"))


def _cause(text, code):
    for pattern, cause, cure in CAUSES:
        if re.search(pattern, text):
            return cause, cure
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "the system killed it: the computer's memory (not the GPU's) was probably full", (
            "lower preprocessing_num_workers, dataloader_num_workers or the batch"
        )
    return None
