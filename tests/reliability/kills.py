"""Kill each stage at random moments and run it again: is anything half taken for whole, lost, or left running?

python tests/reliability/kills.py                                   all stages, 50 kills each: an hour or two
python tests/reliability/kills.py --stage training --kills 5

A stage runs once unkilled, which gives its duration and its results. Then, for each kill, in a new folder: it is begun,
killed (SIGKILL) at a moment drawn from its own share of that duration, looked at, and run again to the end. A stage
that starts LLaMA-Factory is killed in three ways in turn: only the process that called it, only LLaMA-Factory, both.
Every process is a fork of this one, which has imported torch; LLaMA-Factory is a process of its own.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

from tests.reliability.stages import STAGES  # noqa: E402

FORKS = multiprocessing.get_context("fork")
CHILDREN = ("llamafactory", "export")  # stages that start a process which does the work
WAYS = ("parent", "child", "both")
GONE = 10  # seconds in which all processes of a killed run must have ended
LEFTOVERS = ("*.partial", ".*.replaced", ".lock", ".*.lock")


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--stage", nargs="*", choices=STAGES, default=list(STAGES))
    asked.add_argument("--kills", type=int, default=50, help="for each stage")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--out", type=Path, help="a JSON file for what happened at each kill")
    asked = asked.parse_args()
    import_heavy()
    found = {}
    for name in asked.stage:
        found[name] = []
        for kill in try_stage(name, asked.kills, asked.seed):
            found[name].append(kill)
            if asked.out:
                asked.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        whole, faulty = (sum(bool(kill[what]) for kill in found[name]) for what in ("whole", "faults"))
        print(f"{name}: {asked.kills} kills, {whole} when something was whole already, {faulty} faulty", flush=True)
    faults = sum(len(kill["faults"]) for kills in found.values() for kill in kills)
    sys.exit(min(faults, 100))


def import_heavy():
    """What every fork would import by itself; nothing here starts a thread."""
    import peft  # noqa: F401
    import transformers.models.qwen2_vl.modeling_qwen2_vl
    import transformers.trainer  # noqa: F401


def try_stage(name, count, seed):
    """Kill a stage ``count`` times: yields {moment, way, whole, faults} of each."""
    stage, rng = STAGES[name], random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory(prefix=f"kills-{name}-") as place:
        place = Path(place)
        run(lambda: stage.ready(place), place / "ready.log")
        began = time.monotonic()
        run(lambda: stage.work(place, place / "unkilled"), place / "unkilled.log")
        seconds = time.monotonic() - began
        expected = stage.results(place / "unkilled")
        print(f"{name}: {seconds:.1f} s unkilled, {len(expected)} results", flush=True)
        moments = [seconds * (number + rng.random()) / count for number in range(count)]
        rng.shuffle(moments)  # a script that is stopped early has tried all of the stage
        for number, moment in enumerate(moments):
            way = WAYS[number % 3] if name in CHILDREN else "parent"
            kill = try_kill(stage, place, place / f"kill-{number}", expected, moment, way)
            if kill["faults"]:
                print(f"  {number}: {way} killed after {moment:.2f} s: {kill['faults']}", flush=True)
            yield {"moment": round(moment, 3), "way": way} | kill


def try_kill(stage, place, folder, expected, moment, way):
    """Begin, kill, look, run again, look: {whole: names of what was whole after the kill, faults}."""
    faults, logs = [], (place / f"{folder.name}.log", place / f"{folder.name}-again.log")
    process = begin(lambda: stage.work(place, folder), logs[0])
    process.join(moment)
    left = kill_now(process, way)
    faults += [f"still running: {member}" for member in left]
    whole = looked_at(stage, folder, faults)
    faults += [f"half taken for whole: {key}" for key, value in whole.items() if expected.get(key) != value]
    if code := run(lambda: stage.work(place, folder), logs[1], check=False):
        faults.append(f"run again: exit {code}: {logs[1].read_text(errors='replace')[-2000:]}")
    again = looked_at(stage, folder, faults)
    differ = [key for key in expected | again if expected.get(key) != again.get(key)]
    faults += [f"other than without a kill: {key}" for key in differ]
    names = [path.name for pattern in LEFTOVERS for path in folder.rglob(pattern)]
    faults += [f"left lying: {name}" for name in names]
    if not faults:
        shutil.rmtree(folder, ignore_errors=True)
    return {"whole": sorted(whole), "faults": faults}


def looked_at(stage, folder, faults):
    """The results in ``folder``; what cannot be read is a fault."""
    try:
        return stage.results(folder)
    except (OSError, ValueError, KeyError) as error:
        faults.append(f"cannot be read: {error!r}")
        return {}


def begin(work, log):
    process = FORKS.Process(target=speak_into, args=(work, log))
    process.start()
    return process


def speak_into(work, log):
    """Do the work; all that it says goes to a file."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    work()


def run(work, log, check=True):
    """The exit code of a process that does the work to its end."""
    process = begin(work, log)
    process.join()
    if check and process.exitcode:
        raise RuntimeError(log.read_text(encoding="utf-8", errors="replace")[-3000:])
    return process.exitcode


def kill_now(process, way):
    """Kill what ``way`` says; the processes that are still there after a while, by their command lines."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    if way in ("child", "both"):
        for member in family:
            end(member.pid)
    if way in ("parent", "both"):
        end(process.pid)
    process.join(120)
    left = [] if process.exitcode is not None else [psutil.Process(process.pid)]
    return [described(member) for member in left + psutil.wait_procs(family, timeout=GONE)[1]]


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def described(member):
    try:
        return f"{member.pid} {' '.join(member.cmdline())[:200]}"
    except psutil.NoSuchProcess:
        return str(member.pid)


if __name__ == "__main__":
    main()
