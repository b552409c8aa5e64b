"""The machine that lessons run on, as a tour writes it down."""

import platform
import shutil
import subprocess

from helpers.doctor import cores


def machine() -> dict:
    """Cores, memory (in units of 10^9 bytes), Python and system."""
    import psutil

    memory = round(psutil.virtual_memory().total / 1e9)
    return {"cores": cores(), "memory_gb": memory, "python": platform.python_version(), "system": platform.platform()}


def gpu() -> dict:
    """Names and memory of the GPUs, as nvidia-smi tells them, and the release of torch; {} without a GPU."""
    from importlib.metadata import version

    names = _ask("name,memory.total")
    return {"gpu": "; ".join(names), "torch": version("torch")} if names else {}


def vram_gb() -> float:
    """Memory that is taken on all GPUs together, whoever took it, in units of 10^9 bytes; 0 without a GPU."""
    return sum(float(line.split()[0]) for line in _ask("memory.used")) * 2**20 / 1e9


def _ask(what: str) -> list[str]:
    """One line a GPU of what nvidia-smi answers."""
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True)
    return answer.stdout.strip().splitlines() if answer.returncode == 0 else []
