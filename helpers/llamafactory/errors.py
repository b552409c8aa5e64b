"""What a failed LLaMA-Factory run says, in a few lines: the error itself, its likely cause, and the cure."""

import re
import signal

from helpers import hub
from helpers.disk import FULL_SAID, free_space
from helpers.language import message
from helpers.paths import ROOT, short

CAUSES = (  # (pattern in the log, cause and cure in messages.toml: why.<name>, why.<name>_cure); the first found counts
    (FULL_SAID, ("why.disk", "why.disk_cure")),
    (r"FloatingPointError", ("why.nan", "why.nan_cure")),
    (r"CUDA out of memory|OutOfMemoryError", ("why.gpu_memory", "why.gpu_memory_cure")),
    (r"[Ii]mage features and image tokens do not match", ("why.image_tokens", "why.image_tokens_cure")),
    (r"Some keys are not used by the HfArgumentParser", ("why.key", "why.key_cure")),
    (r"Undefined dataset|dataset_info\.json|File .* not found\.", ("why.data", "why.data_cure")),
    (r"Your setup doesn't support bf16|does not support `pure_bf16`", ("why.bf16", "why.bf16_cure")),
    (r"same dtype, but got: float != c10::BFloat16", ("why.float", "why.float_cure")),
    (r"EADDRINUSE|[Aa]ddress already in use", ("why.port", "why.port_cure")),
    (
        r"DeepSpeed is not available|No module named 'deepspeed'|deepspeed.{0,40}is required|pip install deepspeed",
        ("why.deepspeed", "why.deepspeed_cure"),
    ),
    (r"is required for a normal functioning of this module", ("why.package", "why.package_cure")),
    (r"UnpicklingError|Weights only load failed", ("why.pickle", "why.pickle_cure")),
    (r"Target module LayerNorm", ("why.layernorm", "why.layernorm_cure")),
    (r"Processor was not found|Image processor was not found", ("why.processor", "why.processor_cure")),
    (
        r"couldn't connect to|LocalEntryNotFoundError|offline mode is enabled|Max retries exceeded",
        ("why.hub", "why.hub_cure"),
    ),
    (
        r"NVIDIA driver on your system is too old|no kernel image is available",
        ("why.driver", "why.driver_cure"),
    ),
)


class LlamaFactoryError(RuntimeError):
    """LLaMA-Factory failed: what it said last, the likely cause, the cure. ``swanlab``: only the tracker did."""

    swanlab = False


def explain(log, code):
    """The LlamaFactoryError for a run that ended with exit status ``code`` and left ``log``."""
    text = hub.hide(log.read_text(encoding="utf-8", errors="replace")).replace("\r", "\n")
    lines = last_lines(text)
    full = free_space(log) < 2**20  # then the log ends before it could say so
    cause, cure = (
        (full and (message("why.disk"), message("why.disk_cure")))
        or _cause("\n".join(lines), code)
        or _cause(text, code)
        or ("", message("why.unknown_cure", file=short(log)))
    )
    said = "\n".join("  " + line.replace(f"{ROOT}/", "") for line in lines) or f"  {message('why.nothing_said')}"
    because = message("why.cause", cause=cause) + "\n" if cause else ""
    error = LlamaFactoryError(f"{message('why.stopped', code=code)}\n{said}\n{because}-> {cure}")
    error.swanlab = "swanlab" in text.rsplit("Traceback (most recent call last)", 1)[-1].lower()
    return error


def last_lines(text, count=8):
    """The error a log ends in, without its stack: of several processes the first one that failed; else the last lines.

    A process that ``torchrun`` started may be named in front of each line: ``[rank1]: ``.
    """
    text = re.sub(r"\d+%\|.*(?=Traceback \(most recent)", r"\g<0>\n", text)  # a bar has no line of its own
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
    for pattern, (cause, cure) in CAUSES:
        if re.search(pattern, text):
            return message(cause), message(cure)
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return message("why.memory"), message("why.memory_cure")
    return None
