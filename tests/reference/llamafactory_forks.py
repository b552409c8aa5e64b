"""LLaMA-Factory's processes, forked from one that has imported it: half a second each instead of 15 s of imports.

A child forked here does what ``python -m helpers.llamafactory.child`` does, as test_run sees: the weights of a run that
was begun in a child of its own, killed and gone on with here, are those of a run made here to its end.
"""

import json
import multiprocessing
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import forkserver
from types import SimpleNamespace

import pytest

from helpers.llamafactory.child import PARENT
from helpers.paths import ROOT

FORKS = multiprocessing.get_context("forkserver")
IMPORTED = "llamafactory_imports"  # beside this file


def serve():
    """Start the process that imports LLaMA-Factory, in the surroundings of helpers.llamafactory.process."""
    surroundings = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    FORKS.set_forkserver_preload([IMPORTED])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in surroundings.items():
            patch.setenv(name, value)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests" / "reference")]))
        forkserver.ensure_running()


class Forked:
    """Stands for ``subprocess.Popen`` in helpers.llamafactory.process."""

    def __init__(self, command, cwd, env, stdout, **options):
        assert command[:3] == [sys.executable, "-m", "helpers.llamafactory.child"]
        self.process = FORKS.Process(target=run_child, args=(command[2:], str(cwd), env, stdout.name))
        self.process.start()
        self.pid = self.process.pid

    @property
    def returncode(self):
        return self.process.exitcode

    def poll(self):
        return self.process.exitcode


@contextmanager
def forking():
    """Meanwhile helpers.llamafactory.process forks its children, and does not begin them from nothing."""
    stand_in = SimpleNamespace(Popen=Forked, DEVNULL=subprocess.DEVNULL, STDOUT=subprocess.STDOUT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("helpers.llamafactory.process.subprocess", stand_in)
        yield


def run_child(words, folder, environment, log):
    """What a new process would do with these command line, folder, environment and file for all it prints."""
    from helpers.llamafactory import child

    assert IMPORTED in sys.modules, f"{IMPORTED} was not imported before this fork"
    begin(words, folder, environment, log)
    child.main()


def begin(words, folder, environment, log):
    os.setsid()
    os.chdir(folder)
    with open(log, "ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop(PARENT, None)  # it is no child of the one that asks
    sys.argv = words


def ask(script, log, *words):
    """What a script beside this file prints as its last line, JSON; all of it goes to ``log``, beside which it runs."""
    process = FORKS.Process(target=run_script, args=(script, list(map(str, words)), str(log.parent), str(log)))
    process.start()
    process.join()
    said = log.read_text(encoding="utf-8")
    assert process.exitcode == 0, said[-3000:]
    return json.loads(said.splitlines()[-1])


def run_script(script, words, folder, log):
    begin([script, *words], folder, dict(os.environ), log)
    import_module(script).main()
