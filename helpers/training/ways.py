"""How a run on a GPU is best made: plain, packed, with CUDA graphs, or with compiled layers as well.

Rates and starts were measured with Qwen2-VL-2B on an H200 (data/benchmarks/training.json; the start of compiled layers
by whole_runs.json, where nothing was compiled before). Other cards and sizes are taken to be slower by about the same
factor in every way, so that the choice, not the seconds, carries over.
"""

from dataclasses import dataclass, replace

from helpers import processes
from helpers.language import message
from helpers.models.attention import has_flash_attention
from helpers.models.families import get_family
from helpers.models.plan import SHAPES, fastest_step


@dataclass(frozen=True)
class Way:
    """What to do in a step, how fast it is (samples a second), and how long it takes to begin (seconds).

    parts: in so many equal ones the samples of a forward pass are taken one after the other, for want of memory.
    """

    name: str
    rate: float
    start: float
    capture: bool = False
    compiled: bool = False
    parts: int = 1

    def seconds(self, samples):
        """How long a run of so many samples takes, shared out among all processes."""
        return self.start + samples / processes.count() / self.rate


PLAIN = Way("plain", 49, 1.4)
WAYS = (
    Way("packed", 59, 1.5),
    Way("graphs", 152, 3.3, capture=True),
    Way("compiled", 213, 16, capture=True, compiled=True),
)


def choose_way(model, settings):
    """The ``Way`` to train ``model`` with ``settings``; a line says which, and why. On a CPU it is the plain one."""
    if settings.device != "cuda":
        return PLAIN
    reason = _no_packing(model, settings)
    if not reason:
        parts, size, reason = _parts(model, settings)
    if reason:
        print(message("ways.plain", reason=reason))
        return PLAIN
    samples = settings.train_samples * settings.epochs
    best = min(WAYS, key=lambda way: way.seconds(samples))
    words = {"packed": message("ways.packed"), "graphs": message("ways.graphs"), "compiled": message("ways.compiled")}
    faster = PLAIN.seconds(samples) / best.seconds(samples)
    print(message("ways.chosen", way=words[best.name], samples=f"{samples:,}", factor=f"{faster:.1f}"))
    if parts > 1:
        print(message("ways.parts", size=size, parts=parts))
    return replace(best, parts=parts)


def _no_packing(model, settings):
    """Why a run cannot be packed; "" if it can."""
    if not any(hasattr(part, "get_rope_index") or hasattr(part, "resampler") for part in model.modules()):
        return message("ways.other_family")
    if settings.four_bit:  # not worth it: MiniCPM-o, 4 at once, held to 16 GB on an H100: 4.2 samples/s, plainly 3.2
        return "four_bit"
    if settings.dtype != "bfloat16":
        return settings.dtype
    if has_flash_attention():
        return ""
    import torch

    major, minor = torch.cuda.get_device_capability()
    return message("ways.old_gpu", gpu=torch.cuda.get_device_name(), capability=f"{major}.{minor}")


def _parts(model, settings):
    """(parts, samples in each, "") with which this GPU has room for the graphs; if it has for none, why not."""
    import torch

    whole, _ = processes.share(settings.batch_size, settings.gradient_accumulation)
    family = next((name for name in SHAPES if get_family(name).model_type == model.config.model_type), None)
    if family is None:
        return 1, whole, ""
    memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    own = {"gradient_checkpointing": settings.gradient_checkpointing, "lora_r": settings.lora_r}
    for parts in [parts for parts in range(1, whole + 1) if whole % parts == 0]:
        step = fastest_step(memory, family, "lora", batch_size=whole // parts, graphs=True, **own)
        if step.fits:
            return parts, whole // parts, ""
    return 1, whole, message("ways.memory", needed=f"{step.needed:.0f}", gb=f"{memory:.0f}")
