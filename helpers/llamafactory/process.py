"""LLaMA-Factory's process: started, watched, and ended with everything it started itself."""

import json
import os
import signal
import subprocess
import sys
import time

from helpers import hub
from helpers.files import write_text
from helpers.jupyter import in_notebook
from helpers.language import message, reader_language
from helpers.llamafactory.child import PARENT
from helpers.llamafactory.config import located
from helpers.llamafactory.errors import explain
from helpers.paths import ROOT, short


def run_child(verb, config, yaml_path, log, nproc=1, losses=None, plot=None):
    """Run LLaMA-Factory to its end and show how it goes; whatever stops this process stops that one too.

    Args:
        verb: "train" or "export".
        config: written to ``yaml_path`` first.
        log: file for all that LLaMA-Factory prints.
        nproc: number of processes; more than one, or DeepSpeed, are started by torchrun.
        losses, plot: its trainer_log.jsonl, and the LossPlot that gets the rows of it.

    Raises:
        LlamaFactoryError: it failed.
    """
    write_yaml(config, yaml_path)
    command = [sys.executable, "-m", "helpers.llamafactory.child"]
    task = [verb, str(yaml_path)]
    if nproc > 1 or config.get("deepspeed"):
        launcher = ["torchrun", "--standalone", "--nproc_per_node", str(nproc), "-m", "helpers.llamafactory.child"]
        task = launcher + task
    print(message("run.starting", file=short(log)))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command + task,
            cwd=ROOT,
            env=environment(config, nproc),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a notebook's interrupt goes to its whole group; _stop passes it on, once
        )
        try:
            _follow(process, losses, plot)
        except BaseException:
            _stop(process)
            raise
        finally:
            if plot:
                plot.end()
            hub.hide_in(log)
    if process.returncode:
        raise explain(log, process.returncode)


def write_yaml(config, path):
    """Write a configuration as LLaMA-Factory reads it."""
    import yaml

    write_text(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def environment(config, nproc=1):
    """The child's environment: only the GPUs it may take, no hub for a model that is here, nothing sent home."""
    new = {"HF_HUB_DISABLE_TELEMETRY": "1", "MPLBACKEND": "Agg", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    new["LESSON_LANGUAGE"] = reader_language()  # it runs in another folder
    new[PARENT] = str(os.getpid())
    if located(config["model_name_or_path"]).is_dir():
        new["HF_HUB_OFFLINE"] = "1"
    gpus = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu] or map(str, range(nproc))
    new["CUDA_VISIBLE_DEVICES"] = "" if config.get("use_cpu") else ",".join(list(gpus)[:nproc])
    if config.get("use_swanlab"):  # no host name, folder, command or git remote in its record
        new |= {f"SWANLAB_PROBE_{what}": "false" for what in ("RUNTIME", "GIT", "REQUIREMENTS")}
    share = max(nproc, config.get("preprocessing_num_workers") or 1)
    if config.get("use_cpu"):  # matrices so small are no quicker with two threads, and threads wait for each other
        new["OMP_NUM_THREADS"] = "1"
    elif share > 1:  # else each process starts a thread a core, and they wait for each other
        new["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // share))
    # threads that wait without spinning: on two cores with other work to do, 8 s instead of 116 s for 40 steps
    return {"TOKENIZERS_PARALLELISM": "false", "OMP_WAIT_POLICY": "PASSIVE"} | os.environ | new


def _follow(process, losses, plot):
    """Wait for the child's end; show what it writes to ``losses`` (trainer_log.jsonl). A resumed run has rows there."""
    earlier = read_log(losses)
    shown, due = len(earlier), 0.0
    while True:
        ended = process.poll() is not None
        rows = read_log(losses)
        for row in rows[shown:]:
            step, total = row["current_steps"], row["total_steps"]
            if not plot.running:
                done = earlier[-1]["current_steps"] if earlier else 0
                plot.begin(total, done, [row | {"step": row["current_steps"]} for row in earlier])
            plot.advance(step, row)
            if not in_notebook() and "loss" in row and (time.monotonic() >= due or step == total):
                print(message("run.step_with_loss", step=step, steps=total, loss=f"{row['loss']:.3g}"))
                due = time.monotonic() + 5
        shown = len(rows)
        if ended:
            return
        time.sleep(0.2)


def read_log(path):
    """The whole rows of trainer_log.jsonl; of an export, which has none, nothing."""
    if path is None or not path.is_file():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def _stop(process):
    """End the child and all it started: asked as by Ctrl-C, and killed after 15 seconds."""
    import psutil

    family = []
    try:
        family += [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        psutil.wait_procs(family, timeout=15)
    except psutil.NoSuchProcess:
        return
    finally:
        for member in family:
            if member.is_running():
                member.kill()
    process.wait()
