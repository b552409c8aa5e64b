"""helpers.course.machine: what a tour writes down of its machine."""

import os

from helpers import doctor
from helpers.course import machine

SMI = """#!/bin/sh
case "$1" in
  *memory.used*) echo "1000 MiB"; echo "24 MiB";;
  *) echo "NVIDIA H100, 81559 MiB"; echo "NVIDIA H100, 81559 MiB";;
esac
"""


def test_cores_are_those_this_process_may_use():
    assert machine.machine()["cores"] == doctor.cores() <= os.cpu_count()


def test_memory_of_all_gpus_is_counted_as_nvidia_smi_tells_it(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text(SMI, encoding="utf-8")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert machine.vram_gb() == 1024 * 2**20 / 1e9
    assert machine.gpu()["gpu"] == "NVIDIA H100, 81559 MiB; NVIDIA H100, 81559 MiB"


def test_without_a_gpu_there_is_nothing_to_tell(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.gpu() == {} and machine.vram_gb() == 0
