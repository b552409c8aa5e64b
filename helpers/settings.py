"""What a lesson needs to know before it starts: how big, on what, from where.

`Settings.tiny()` runs on any laptop, offline, with the small models shipped in `data/`.
`Settings.real()` takes official weights and a GPU. The rest of a lesson never asks which of the two it got.
"""

import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from helpers.hub import host_of
from helpers.language import message
from helpers.paths import OUTPUT, short

STEP = 16  # samples of an optimizer step in real mode, whatever the card
LARGEST_SEED, LARGEST_COUNT = 2**32 - 1, 10**9  # NumPy takes no larger seed
CHOICES = {
    "mode": ("tiny", "real"),
    "hub": ("modelscope", "huggingface", "local"),
    "device": ("cpu", "cuda", "mps"),
    "dtype": ("float32", "bfloat16"),
    "tracker": ("local", "offline", "cloud", "disabled"),
}
COUNTS = "train_samples test_samples batch_size gradient_accumulation epochs lora_r lora_alpha max_new_tokens".split()


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
            "mode": ("tiny", message("settings.tiny_mode")),
            "hub": ("local", message("settings.tiny_hub")),
            "models_dir": (None, message("settings.tiny_models_dir")),
            "device": ("cpu", message("settings.tiny_device")),
            "dtype": ("float32", message("settings.tiny_dtype")),
            "train_samples": (3000, message("settings.tiny_train_samples")),
            "test_samples": (200, message("settings.test_samples")),
            "batch_size": (8, message("settings.tiny_batch_size")),
            "epochs": (1, message("settings.tiny_epochs")),
            "learning_rate": (1.5e-3, message("settings.tiny_learning_rate")),
            "lora_r": (32, message("settings.tiny_lora_r")),
            "lora_alpha": (32, message("settings.lora_alpha")),
            "max_new_tokens": (48, message("settings.tiny_max_new_tokens")),
        }
        return _make(cls, chosen, overrides)

    @classmethod
    def real(cls, family=None, **overrides) -> "Settings":
        """Official weights in bfloat16 on a GPU; looks at the machine and the environment (`HF_ENDPOINT`).

        How many samples go at once, and whether with gradient checkpointing, is planned (`models.plan`): for `family`
        of `models.FAMILIES`, in 4 bits if need be, or for the largest model of the lessons that fits in this GPU.

        Raises TypeError for a name that is not a setting, ValueError for a value that cannot be.
        """
        device, memory_gb, device_reason = _find_device()
        device = overrides.get("device", device)
        batch, again, four_bit, room = _find_step(device, memory_gb, family, overrides)
        accumulation = STEP // batch if batch in range(1, STEP) else 1
        whole = batch * accumulation if accumulation > 1 else batch
        chosen = {
            "mode": ("real", message("settings.real_mode")),
            "hub": _find_hub(overrides),
            "models_dir": (None, message("settings.real_models_dir")),
            "device": (device, device_reason),
            "dtype": ("bfloat16", message("settings.bfloat16"))
            if device == "cuda"
            else ("float32", message("settings.float32", device=device)),
            "train_samples": (2000, message("settings.real_train_samples")),
            "test_samples": (200, message("settings.test_samples")),
            "batch_size": (batch, room),
            "gradient_accumulation": (accumulation, message("settings.real_accumulation", count=whole)),
            "gradient_checkpointing": (again, room),
            "four_bit": (four_bit, room if four_bit else message("settings.four_bit")),
            "epochs": (2, message("settings.real_epochs")),
            "learning_rate": (1e-4, message("settings.real_learning_rate")),
            "lora_r": (64, message("settings.real_lora_r")),
            "lora_alpha": (128, message("settings.lora_alpha")),
            "max_new_tokens": (512, message("settings.real_max_new_tokens")),
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
        batch = self.batch_size * self.gradient_accumulation
        sums = message("settings.steps", samples=self.train_samples, epochs=self.epochs, batch=batch)
        source = message("settings.tiny_model" if self.mode == "tiny" else "settings.real_model")
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
        raise TypeError(message("settings.unknown", names=", ".join(unknown), known=", ".join(allowed)))
    values = {name: value for name, (value, _) in chosen.items()} | overrides
    for name in ("models_dir", "output_dir"):
        if values.get(name) is not None:
            values[name] = _folder(name, values[name])
    reasons = {
        "seed": message("settings.seed"),
        "gradient_accumulation": message("settings.accumulation"),
        "gradient_checkpointing": message("settings.checkpointing"),
        "four_bit": message("settings.four_bit"),
        "tracker": message("settings.tracker"),
        "output_dir": message("settings.output_dir"),
    }
    reasons |= {name: reason for name, (_, reason) in chosen.items()}
    return cls(**values, reasons=reasons | dict.fromkeys(overrides, message("settings.yours")))


def _folder(name: str, value) -> Path:
    """``value`` as a path; ValueError if it cannot be one."""
    if not isinstance(value, str | os.PathLike) or not str(value).strip() or "\0" in str(value):
        raise ValueError(message("settings.no_path", name=name, value=value))
    return Path(value).expanduser()


def _find_device() -> tuple[str, float, str]:
    """(device, GPU memory in units of 10^9 bytes, why)."""
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return "cuda", properties.total_memory / 1e9, properties.name
    if torch.backends.mps.is_available():
        return "mps", 0.0, message("settings.mps")
    return "cpu", 0.0, message("settings.no_gpu")


def _find_step(device: str, memory_gb: float, family: str | None, overrides: dict) -> tuple[int, bool, bool, str]:
    """(samples at once, gradient checkpointing, 4 bits, why); the caller's own values are planned with."""
    from helpers.models.plan import fastest_step, get_family

    if device != "cuda" or not memory_gb:
        return overrides.get("batch_size", 4), True, False, message("settings.careful", device=device)
    own = {key: overrides[key] for key in ("batch_size", "gradient_checkpointing", "lora_r") if key in overrides}
    own |= {"method": "qlora" if overrides["four_bit"] else "lora"} if "four_bit" in overrides else {}
    step = fastest_step(memory_gb, family, **own)
    facts = {"gb": f"{memory_gb:.0f}", "model": get_family(step.family).folder, "needed": f"{step.needed:.0f}"}
    why = message("settings.planned" if step.fits else "settings.no_room", **facts)
    return step.batch_size, step.gradient_checkpointing, step.method == "qlora", why


def _find_hub(overrides: dict) -> tuple[str, str]:
    """The hub to ask for real weights, and why."""
    endpoint = host_of(os.environ.get("HF_ENDPOINT", ""))
    if overrides.get("models_dir") is not None:
        return "local", message("settings.hub_local")
    if endpoint:
        return "huggingface", message("settings.hub_endpoint", host=endpoint)
    return "modelscope", message("settings.hub_modelscope")


def _check(settings: Settings):
    """Raise ValueError for a value that cannot be."""
    for name, allowed in CHOICES.items():
        value = getattr(settings, name)
        if value not in allowed:
            raise ValueError(message("settings.no_choice", name=name, value=value, known=", ".join(allowed)))
    for name in ("gradient_checkpointing", "four_bit"):
        if type(getattr(settings, name)) is not bool:
            raise ValueError(message("settings.no_bool", name=name, value=getattr(settings, name)))
    for name in [*COUNTS, "seed"]:
        value, (minimum, maximum) = getattr(settings, name), (0, LARGEST_SEED) if name == "seed" else (1, LARGEST_COUNT)
        if type(value) is not int or not minimum <= value <= maximum:
            raise ValueError(message("settings.no_count", name=name, value=value, minimum=minimum, maximum=maximum))
    if type(settings.learning_rate) not in (int, float) or not 0 < settings.learning_rate < 1:
        raise ValueError(message("settings.wrong_rate", value=settings.learning_rate))
    if not isinstance(settings.output_dir, Path):
        raise ValueError(message("settings.no_path", name="output_dir", value=settings.output_dir))
    _check_folder(settings)
    _check_device(settings.device)
    if settings.four_bit and settings.device != "cuda":
        raise ValueError(message("settings.four_bit_device", device=settings.device))


def _check_folder(settings: Settings):
    for name in ("models_dir", "output_dir"):
        value = getattr(settings, name)
        if not isinstance(value, Path) and (name, value) != ("models_dir", None):
            raise ValueError(message("settings.no_path", name=name, value=value))
    if settings.output_dir.is_file():
        raise ValueError(message("settings.output_file", file=short(settings.output_dir)))
    if settings.mode == "real" and settings.hub == "local" and settings.models_dir is None:
        raise ValueError(message("settings.no_models_dir"))
    if settings.models_dir is not None and not settings.models_dir.is_dir():
        raise ValueError(message("settings.missing_models_dir", folder=short(settings.models_dir)))


def _check_device(device: str):
    """Raise ValueError for a device that PyTorch does not see (PyTorch is asked only about GPUs)."""
    if device == "cpu":
        return
    import torch

    found = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if not found:
        raise ValueError(message("settings.no_device", device=device))


def _shown(value) -> str:
    if isinstance(value, Path):
        return short(value) or "."
    return f"{value:g}" if isinstance(value, float) else str(value)
