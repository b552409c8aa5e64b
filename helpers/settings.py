"""What a lesson needs to know before it starts: how big, on what, from where.

`Settings.tiny()` runs on any laptop, offline, with the small models shipped in `data/`.
`Settings.real()` takes official weights and a GPU. The rest of a lesson never asks which of the two it got.
"""

import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from helpers.paths import OUTPUT, short

ROOMY_GB = 40  # GPU memory, in units of 10^9 bytes, from which batch 16 is taken in one go
SPARE_GB = 70  # and from which all that the layers made is kept: no gradient checkpointing
CHOICES = {
    "mode": ("tiny", "real"),
    "hub": ("modelscope", "huggingface", "local"),
    "device": ("cpu", "cuda", "mps"),
    "dtype": ("float32", "bfloat16"),
    "tracker": ("local", "offline", "cloud", "disabled"),
}
COUNTS = (
    *("train_samples", "test_samples", "batch_size", "gradient_accumulation"),
    *("epochs", "lora_r", "lora_alpha", "max_new_tokens"),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every choice of a lesson. Make one with `Settings.tiny()` or `Settings.real()`; print it to see the reasons.

    hub            where real weights and data come from; "local" is a folder (`models_dir`), or `data/` in tiny mode
    models_dir     folder with one sub-folder a model, such as Qwen2-VL-2B-Instruct/; only for hub="local"
    batch_size     pictures in one forward pass; times `gradient_accumulation` they make one optimizer step
    gradient_checkpointing  compute the layers a second time instead of keeping what they made: less memory, slower
    four_bit       QLoRA: 4 bits a weight in the language model; needs a CUDA GPU and bitsandbytes
    tracker        what SwanLab does: "local" and "offline" need no account, "cloud" does, "disabled" is silence
    max_new_tokens longest answer that is generated, in tokens
    """

    mode: str
    hub: str
    models_dir: Path | None
    device: str
    dtype: str
    train_samples: int
    test_samples: int
    batch_size: int
    gradient_accumulation: int = 1
    gradient_checkpointing: bool = False
    four_bit: bool = False
    epochs: int
    learning_rate: float
    lora_r: int
    lora_alpha: int
    max_new_tokens: int
    seed: int = 0
    tracker: str = "local"
    output_dir: Path = OUTPUT
    reasons: dict = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def tiny(cls, **overrides) -> "Settings":
        """Small shipped models in float32 on the CPU: no network, no account, a few minutes.

        Raises TypeError for a name that is not a setting, ValueError for a value that cannot be.
        """
        chosen = {
            "mode": ("tiny", "the same code on small models that come with the project"),
            "hub": ("local", "weights are in data/: no network, no account"),
            "models_dir": (None, "not needed in tiny mode"),
            "device": ("cpu", "tiny models need no GPU"),
            "dtype": ("float32", "CPUs are quickest and most exact in it"),
            "train_samples": (3000, "pictures drawn by this project"),
            "test_samples": (200, "held out: no formula of them is trained on"),
            "batch_size": (8, "small batches: more steps in the same time"),
            "epochs": (1, "a short run for two CPU cores"),
            "learning_rate": (1.5e-3, "small models take large steps"),
            "lora_r": (32, "rank of the two small matrices LoRA adds to a layer"),
            "lora_alpha": (32, "LoRA's update is scaled by alpha / r"),
            "max_new_tokens": (48, "longer than any tiny formula"),
        }
        return _make(cls, chosen, overrides)

    @classmethod
    def real(cls, **overrides) -> "Settings":
        """Official weights in bfloat16 on a GPU; looks at the machine and the environment (`HF_ENDPOINT`).

        Raises TypeError for a name that is not a setting, ValueError for a value that cannot be.
        """
        device, memory_gb, device_reason = _find_device()
        device = overrides.get("device", device)
        memory_gb = memory_gb if device == "cuda" else 0
        batch, accumulation = (16, 1) if memory_gb >= ROOMY_GB else (4, 4)
        room = f"{memory_gb:.0f} GB of GPU memory" if memory_gb else f"careful on {device}"
        chosen = {
            "mode": ("real", "official weights"),
            "hub": _find_hub(overrides),
            "models_dir": (None, "only for hub='local'"),
            "device": (device, device_reason),
            "dtype": ("bfloat16", "half the memory of float32, with its range")
            if device == "cuda"
            else ("float32", f"the safe choice on {device}"),
            "train_samples": (2000, "enough to learn the writing style; more helps"),
            "test_samples": (200, "held out: no formula of them is trained on"),
            "batch_size": (batch, f"{room}; 16 at once from {ROOMY_GB} GB on"),
            "gradient_accumulation": (accumulation, f"so that an optimizer step sees {batch * accumulation} pictures"),
            "gradient_checkpointing": (memory_gb < SPARE_GB, f"{room}; without it from {SPARE_GB} GB on"),
            "epochs": (2, "formulas are seen twice"),
            "learning_rate": (1e-4, "usual for LoRA; full fine-tuning wants about a tenth"),
            "lora_r": (64, "room for a new writing style, at about 3 % of the weights of Qwen2-VL-2B"),
            "lora_alpha": (128, "LoRA's update is scaled by alpha / r"),
            "max_new_tokens": (512, "longer than nearly every formula; a runaway answer stays cheap"),
        }
        return _make(cls, chosen, overrides)

    def __post_init__(self):
        _check(self)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole training run."""
        batches = math.ceil(self.train_samples / self.batch_size)
        return math.ceil(batches / self.gradient_accumulation) * self.epochs

    def __str__(self) -> str:
        rows = [(f.name, _shown(getattr(self, f.name))) for f in fields(self) if f.name != "reasons"]
        rows.insert(1, ("model", "tiny" if self.mode == "tiny" else "official"))
        rows.append(("steps", str(self.steps)))
        sums = f"{self.train_samples} samples x {self.epochs} epochs / {self.batch_size * self.gradient_accumulation}"
        source = "trained by this project, in data/" if self.mode == "tiny" else "the family's published weights"
        reasons = {**self.reasons, "steps": sums, "model": source}
        name, value = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{n:<{name}}  {v:<{value}}  {reasons.get(n, '')}".rstrip() for n, v in rows)

    def _repr_pretty_(self, printer, cycle):
        printer.text(str(self))


def _make(cls, chosen: dict, overrides: dict) -> Settings:
    """Settings from {name: (value, reason)} with the caller's own values over them."""
    allowed = [f.name for f in fields(cls) if f.name not in ("mode", "reasons")]
    unknown = sorted(set(overrides) - set(allowed))
    if unknown:
        raise TypeError(f"no such setting: {', '.join(unknown)}. Settings are: {', '.join(allowed)}")
    values = {name: value for name, (value, _) in chosen.items()} | overrides
    for name in ("models_dir", "output_dir"):
        if values.get(name) is not None:
            values[name] = Path(values[name]).expanduser()
    reasons = {
        "seed": "same seed, same pictures, same order",
        "gradient_accumulation": "every batch is an optimizer step",
        "gradient_checkpointing": "True needs less memory, and a third more time",
        "four_bit": "True is QLoRA: for GPUs that the weights would fill",
        "tracker": "SwanLab on this machine: no account",
        "output_dir": "adapters, checkpoints and logs",
    }
    reasons |= {name: reason for name, (_, reason) in chosen.items()}
    return cls(**values, reasons=reasons | dict.fromkeys(overrides, "your choice"))


def _find_device() -> tuple[str, float, str]:
    """(device, GPU memory in units of 10^9 bytes, why)."""
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return "cuda", properties.total_memory / 1e9, properties.name
    if torch.backends.mps.is_available():
        return "mps", 0.0, "no CUDA GPU found, but Apple's MPS"
    return "cpu", 0.0, "no CUDA GPU found: real weights will take hours; prefer Settings.tiny()"


def _find_hub(overrides: dict) -> tuple[str, str]:
    """The hub to ask for real weights, and why."""
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT", "")).hostname
    if overrides.get("models_dir") is not None:
        return "local", "because models_dir is given"
    if endpoint:
        return "huggingface", f"because HF_ENDPOINT is set: {endpoint}"
    return "modelscope", "answers without an account; hub='huggingface' also works"


def _check(settings: Settings):
    """Raise ValueError for a value that cannot be."""
    for name, allowed in CHOICES.items():
        if getattr(settings, name) not in allowed:
            raise ValueError(f"{name}={getattr(settings, name)!r} is not one of {', '.join(allowed)}")
    for name in ("gradient_checkpointing", "four_bit"):
        if type(getattr(settings, name)) is not bool:
            raise ValueError(f"{name}={getattr(settings, name)!r} must be True or False")
    for name in COUNTS + ("seed",):
        value, minimum = getattr(settings, name), 0 if name == "seed" else 1
        if type(value) is not int or value < minimum:
            raise ValueError(f"{name}={value!r} must be a whole number of at least {minimum}")
    if not 0 < settings.learning_rate < 1:
        raise ValueError(f"learning_rate={settings.learning_rate!r} must lie between 0 and 1; LoRA likes 1e-4 to 2e-3")
    _check_folder(settings)
    _check_device(settings.device)
    if settings.four_bit and settings.device != "cuda":
        raise ValueError(f"four_bit=True needs a CUDA GPU, device is {settings.device!r}; use four_bit=False")


def _check_folder(settings: Settings):
    if settings.mode == "real" and settings.hub == "local" and settings.models_dir is None:
        raise ValueError("hub='local' needs models_dir: the folder that holds, say, Qwen2-VL-2B-Instruct/")
    if settings.models_dir is not None and not settings.models_dir.is_dir():
        raise ValueError(f"models_dir: there is no folder {short(settings.models_dir)!r}; make it or give another")


def _check_device(device: str):
    """Raise ValueError for a device that PyTorch does not see (PyTorch is asked only about GPUs)."""
    if device == "cpu":
        return
    import torch

    found = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if not found:
        raise ValueError(f"device={device!r}: PyTorch sees no such device here; use device='cpu' or Settings.tiny()")


def _shown(value) -> str:
    if isinstance(value, Path):
        return short(value) or "."
    return f"{value:g}" if isinstance(value, float) else str(value)
