"""How a run on a GPU is best made: plain, packed, with CUDA graphs, or with compiled layers as well.

The rates were measured with Qwen2-VL-2B on an H100 (data/benchmarks/training.json). Other cards and sizes are taken to
be slower by about the same factor in every way, so that the choice, not the seconds, carries over.
"""

from dataclasses import dataclass

from helpers import processes
from helpers.language import message
from helpers.models.families import get_family
from helpers.models.plan import GRAPHS, fastest_step


@dataclass(frozen=True)
class Way:
    """What to do in a step, how fast it is (samples a second), and how long it takes to begin (seconds)."""

    name: str
    rate: float
    start: float
    capture: bool = False
    compiled: bool = False

    def seconds(self, samples):
        """How long a run of so many samples takes, shared out among all processes."""
        return self.start + samples / processes.count() / self.rate


PLAIN = Way("plain", 32, 2)
WAYS = (
    Way("packed", 63, 2),
    Way("graphs", 140, 17, capture=True),
    Way("compiled", 216, 107, capture=True, compiled=True),
)


def choose_way(model, settings):
    """The ``Way`` to train ``model`` with ``settings``; a line says which, and why. On a CPU it is the plain one."""
    if settings.device != "cuda":
        return PLAIN
    reason = _no_packing(model, settings)
    if reason:
        print(message("ways.plain", reason=reason))
        return PLAIN
    samples = settings.train_samples * settings.epochs
    best = min(WAYS, key=lambda way: way.seconds(samples))
    words = {"packed": message("ways.packed"), "graphs": message("ways.graphs"), "compiled": message("ways.compiled")}
    faster = PLAIN.seconds(samples) / best.seconds(samples)
    print(message("ways.chosen", way=words[best.name], samples=f"{samples:,}", factor=f"{faster:.1f}"))
    return best


def _no_packing(model, settings):
    """Why a run cannot be packed; "" if it can."""
    if not any(hasattr(part, "get_rope_index") or hasattr(part, "resampler") for part in model.modules()):
        return message("ways.other_family")
    for name in ("four_bit", "gradient_checkpointing"):
        if getattr(settings, name):
            return name
    if settings.dtype != "bfloat16":
        return settings.dtype
    return _no_flash_attention() or _no_memory(model, settings)


def _no_memory(model, settings):
    """Why MiniCPM is too large for it; "" if it is not. The smaller models take no more than in the plain way."""
    import torch

    family = next((name for name in GRAPHS if get_family(name).model_type == model.config.model_type), None)
    if family is None:
        return ""
    memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    size = max(1, settings.batch_size // processes.count())
    step = fastest_step(memory, family, "lora", batch_size=size, gradient_checkpointing=False, lora_r=settings.lora_r)
    facts = {"size": size, "needed": f"{step.needed:.0f}", "gb": f"{memory:.0f}"}
    return "" if step.fits else message("ways.memory", **facts)


def _no_flash_attention():
    """What is wrong with this GPU for flash attention as PyTorch has it; "" if it can."""
    import torch

    major, minor = torch.cuda.get_device_capability()
    return (
        "" if major >= 8 else message("ways.old_gpu", gpu=torch.cuda.get_device_name(), capability=f"{major}.{minor}")
    )
