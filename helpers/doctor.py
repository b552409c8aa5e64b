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
from urllib.parse import urlsplit

from helpers import hub
from helpers.paths import ROOT

PYTHONS = ((3, 11), (3, 12), (3, 13))
HUB_SECONDS = 4.0
DISK_GB = 20
MEMORY_GB = 6
GPU_GB = 8
HUBS = {"modelscope": "ModelScope", "huggingface": "Hugging Face"}


@dataclass(frozen=True)
class Check:
    """One thing looked at. `advice` is empty when there is nothing to do."""

    name: str
    ok: bool
    value: str
    advice: str = ""


def examine() -> list[Check]:
    """All checks, in a few seconds, also without a network."""
    return [python(), packages(), processor(), gpu(), disk(), *hubs()]


def report(checks: list[Check]) -> str:
    """The checks as an aligned text: "ok" or "note", name, value, and the advice on a line of its own."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{'ok  ' if check.ok else 'note'}  {check.name:<{width}}  {check.value}")
        if check.advice:
            lines.append(f"{'':<{width + 8}}-> {check.advice}")
    return "\n".join(lines)


def python() -> Check:
    """Is this a Python that the pinned packages exist for?"""
    ok = sys.version_info[:2] in PYTHONS
    advice = "" if ok else "use 3.11, 3.12 or 3.13: make setup PYTHON=python3.12"
    return Check("Python", ok, platform.python_version(), advice)


def versions(*names: str) -> dict[str, str]:
    """Installed version of each package, or "missing"."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def packages() -> Check:
    """Is every package installed in the version that pyproject.toml pins?"""
    with open(ROOT / "pyproject.toml", "rb") as file:
        lines = tomllib.load(file)["project"]["dependencies"]
    pins = dict(line.split("[")[0].split("==")[:1] + line.split("==")[1:] for line in lines)
    installed = versions(*pins)
    other = [f"{name} {installed[name]}, not {pin}" for name, pin in pins.items() if installed[name] != pin]
    if other:
        return Check("packages", False, "; ".join(other), "bring them in line: make setup (on Colab: lesson 1)")
    return Check("packages", True, f"all {len(pins)} as pinned")


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> Check:
    """Processor cores this process may use, and memory in units of 10^9 bytes."""
    import psutil

    memory = psutil.virtual_memory().total / 1e9
    ok = memory >= MEMORY_GB
    advice = "" if ok else "close other programs; a smaller batch_size helps"
    return Check("processor", ok, f"{cores()} cores, {memory:.0f} GB of memory", advice)


def gpu() -> Check:
    """What PyTorch can compute on, with GPU memory (VRAM) in units of 10^9 bytes."""
    try:
        import torch
    except ImportError:
        return Check("GPU", False, "PyTorch is missing", "make setup; with pip: pip install -e '.[torch]'")
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0)
        memory = card.total_memory / 1e9
        value = f"{torch.cuda.device_count()} x {card.name}, {memory:.0f} GB, torch {torch.__version__}"
        advice = "" if memory >= GPU_GB else "too small for Settings.real(): stay with Settings.tiny()"
        return Check("GPU", memory >= GPU_GB, value, advice)
    if torch.backends.mps.is_available():
        advice = "enough for tiny mode; real mode was made for CUDA"
        return Check("GPU", True, f"Apple MPS, torch {torch.__version__}", advice)
    advice = "enough for tiny mode; for Settings.real() rent a machine with an NVIDIA GPU"
    return Check("GPU", False, f"none, torch {torch.__version__}", advice)


def disk() -> Check:
    """Free space where the project lies, in units of 10^9 bytes."""
    free = shutil.disk_usage(ROOT).free / 1e9
    ok = free >= DISK_GB
    advice = "" if ok else f"real weights want {DISK_GB} GB or more: put models on a larger disk and give models_dir"
    return Check("disk", ok, f"{free:.0f} GB free", advice)


def hubs(seconds: float = HUB_SECONDS) -> list[Check]:
    """Does each hub answer within `seconds`? All are asked at the same time, where `hub.addresses` says they are."""
    addresses = {HUBS[name]: address for name, address in hub.addresses().items()}
    if hub.offline():
        advice = "fine for tiny mode; unset HF_HUB_OFFLINE for real weights"
        return [Check(name, True, "not asked: HF_HUB_OFFLINE is set", advice) for name in addresses]
    answers = hub.ask(addresses, seconds)
    return [_hub(name, address, answers[name]) for name, address in addresses.items()]


def _hub(name: str, address: str, why: str) -> Check:
    host = urlsplit(address).hostname or address
    if not why:
        return Check(name, True, f"{host} answers")
    mirror = ", or set HF_ENDPOINT to a mirror" if name == "Hugging Face" else ""
    advice = f"fine for tiny mode; for real weights use the other hub or models_dir{mirror}"
    return Check(name, False, f"{host}: {why}", advice)
