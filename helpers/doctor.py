"""Look at the machine before a lesson does: each check says what it found, and what to do if that is not enough.

Nothing here raises, downloads or changes anything; a lesson in tiny mode runs whatever the checks say.
"""

import os
import platform
import shutil
import sys
import tomllib
from dataclasses import dataclass
from importlib import metadata

from helpers import hub
from helpers.language import columns_of, message, padded
from helpers.models import FAMILIES
from helpers.models.plan import fastest_step
from helpers.paths import ROOT

PYTHONS = ((3, 11), (3, 12), (3, 13))
HUB_SECONDS = 4.0
DISK_GB = 20
MEMORY_GB = 6
GPU_GB = 8
HUBS = {"modelscope": "ModelScope", "huggingface": "Hugging Face"}
RUNS = (("glm_ocr", "lora"), ("glm_ocr", "full"), ("qwen2_vl", "lora"), ("minicpm_o", "lora"), ("minicpm_o", "qlora"))


@dataclass(frozen=True)
class Check:
    """One thing looked at. `advice` is empty when there is nothing to do."""

    name: str
    ok: bool
    value: str
    advice: str = ""


def examine() -> list[Check]:
    """All checks, in a few seconds, also without a network."""
    return [python(), packages(), processor(), gpu(), *trainable(), disk(), *hubs()]


def report(checks: list[Check]) -> str:
    """The checks as an aligned text: "ok" or "note", name, value, and the advice on a line of its own."""
    width = max(columns_of(check.name) for check in checks)
    lines = []
    for check in checks:
        state = padded(message("doctor.ok" if check.ok else "doctor.note"), 4)
        lines.append(f"{state}  {padded(check.name, width)}  {check.value}")
        if check.advice:
            lines.append(f"{'':<{width + 8}}-> {check.advice}")
    return "\n".join(lines)


def python() -> Check:
    """Is this a Python that the pinned packages exist for?"""
    ok = sys.version_info[:2] in PYTHONS
    advice = "" if ok else message("doctor.python_advice")
    return Check("Python", ok, platform.python_version(), advice)


def versions(*names: str) -> dict[str, str]:
    """Installed version of each package, or "missing"."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = message("doctor.missing")
    return found


def packages() -> Check:
    """Is every package installed in the version that pyproject.toml pins?"""
    with open(ROOT / "pyproject.toml", "rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    pins = dict(line.split("[")[0].split("==")[:1] + line.split("==")[1:] for line in lines)
    installed = versions(*pins)
    other = [
        message("doctor.other_version", name=name, found=installed[name], pin=pin)
        for name, pin in pins.items()
        if installed[name] != pin
    ]
    if other:
        return Check(message("doctor.packages"), False, "; ".join(other), message("doctor.packages_advice"))
    return Check(message("doctor.packages"), True, message("doctor.all_pinned", count=len(pins)))


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> Check:
    """Processor cores this process may use, and memory in units of 10^9 bytes."""
    import psutil

    memory = psutil.virtual_memory().total / 1e9
    ok = memory >= MEMORY_GB
    advice = "" if ok else message("doctor.memory_advice")
    return Check(message("doctor.processor"), ok, message("doctor.cores", count=cores(), gb=f"{memory:.0f}"), advice)


def gpu() -> Check:
    """What PyTorch can compute on, with GPU memory (VRAM) in units of 10^9 bytes."""
    try:
        import torch
    except ImportError:
        return Check("GPU", False, message("doctor.no_torch"), message("doctor.no_torch_advice"))
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        memory = card.total_memory / 1e9
        value = f"{torch.cuda.device_count()} x {card.name}, {memory:.0f} GB, torch {torch.__version__}"
        advice = "" if memory >= GPU_GB else message("doctor.small_gpu")
        return Check("GPU", memory >= GPU_GB, value, advice)
    if torch.backends.mps.is_available():
        advice = message("doctor.mps_advice")
        return Check("GPU", True, f"Apple MPS, torch {torch.__version__}", advice)
    advice = message("doctor.no_gpu_advice")
    return Check("GPU", False, message("doctor.no_gpu", torch=torch.__version__), advice)


def trainable() -> list[Check]:
    """What fits on the GPU by ``models.plan``, each run with the fastest step that does; nothing without one."""
    try:
        import torch
    except ImportError:
        return []
    if not torch.cuda.is_available():
        return []
    memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    lines = []
    for family, method in RUNS:
        facts = {"model": FAMILIES[family].folder, "method": {"lora": "LoRA", "qlora": "QLoRA"}.get(method, method)}
        step = fastest_step(memory, family, method)
        facts["extra"] = message("doctor.checkpointing") if step.gradient_checkpointing else ""
        lines.append(message("doctor.fits" if step.fits else "doctor.does_not_fit", **facts, size=step.batch_size))
    return [Check(message("doctor.trainable"), True, "; ".join(lines))]


def disk() -> Check:
    """Free space where the project lies, in units of 10^9 bytes."""
    free = shutil.disk_usage(ROOT).free / 1e9
    ok = free >= DISK_GB
    advice = "" if ok else message("doctor.disk_advice", gb=DISK_GB)
    return Check(message("doctor.disk"), ok, message("doctor.free", gb=f"{free:.0f}"), advice)


def hubs(seconds: float = HUB_SECONDS) -> list[Check]:
    """Does each hub answer within `seconds`? All are asked at the same time, where `hub.addresses` says they are."""
    addresses = {HUBS[name]: address for name, address in hub.addresses().items()}
    if hub.offline():
        advice = message("doctor.offline_advice")
        return [Check(name, True, message("doctor.offline"), advice) for name in addresses]
    answers = hub.ask(addresses, seconds)
    return [_hub(name, address, answers[name]) for name, address in addresses.items()]


def _hub(name: str, address: str, why: str) -> Check:
    host = hub.host_of(address)
    if not why:
        return Check(name, True, message("doctor.answers", host=host))
    advice = message("doctor.hub_advice" if name != HUBS["huggingface"] else "doctor.huggingface_advice")
    return Check(name, False, f"{host}: {why}", advice)
