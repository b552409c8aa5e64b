"""A short share of ``make kills``: stages that hold, and one with faults, which the script must find."""

import json
import subprocess
import sys
import time
from pathlib import Path

from helpers.paths import ROOT

HERE = Path(__file__).parent


def test_killed_stages_end_as_if_nothing_had_been(tmp_path):
    command = [sys.executable, HERE / "kills.py", "--stage", "training", "preparation"]
    command += ["--kills", "2", "--seed", str(int(time.time())), "--out", tmp_path / "kills.json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    found = json.loads((tmp_path / "kills.json").read_bytes())
    assert [len(kills) for kills in found.values()] == [2, 2]


FAULTY = """
import os, subprocess, sys, time
sys.path[:0] = ["tests/reliability", "."]
import kills
from stages import Stage

def work(place, folder):
    folder.mkdir(exist_ok=True)
    subprocess.Popen(["sleep", "30"])  # goes on alone
    if (folder / "half").exists():
        (folder / "another").touch()
    (folder / "half").write_bytes(b"half")
    (folder / "x.partial").touch()
    time.sleep(1)
    (folder / "half").write_bytes(b"whole")

def results(folder):
    return {path.name: path.read_bytes().decode() for path in folder.glob("[!x]*")}

kills.GONE = 1
kills.STAGES["faulty"] = Stage(lambda place: None, work, results)
for kill in kills.try_stage("faulty", 3, 0):
    print(kill["faults"])
"""


def test_script_finds_half_results_and_what_is_left():
    done = subprocess.run([sys.executable, "-c", FAULTY], cwd=ROOT, capture_output=True, encoding="utf-8")
    for fault in (
        "half taken for whole: half",
        "still running: ",
        "left lying: x.partial",
        "other than without a kill",
    ):
        assert fault in done.stdout, done.stdout + done.stderr[-2000:]
