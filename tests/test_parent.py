"""helpers.parent: a process ends with the one that started it, and so do those that it forks."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from helpers import parent
from helpers.paths import ROOT

CHILD = """
import os, sys, time
from helpers import parent
if sys.argv[2] == "watched":
    parent.sys.platform = "other"
parent.end_with(int(sys.argv[1]))
parent.sys.platform = "linux"
parent.tie_forks()
if os.fork() == 0:
    print("forked", flush=True)
time.sleep(60)
"""
PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid()), sys.argv[2]])
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not forked")
@pytest.mark.parametrize("how", ["linux", "watched"])
def test_killed_parent_takes_its_child_and_the_forks_of_that_along(how):
    process = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, how], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"forked\n"
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 2
    process.kill()
    left = psutil.wait_procs(family, timeout=20)[1]
    process.communicate()
    assert left == []


@pytest.mark.skipif(sys.platform != "linux", reason="a number of prctl")
def test_a_parent_that_has_ended_already_is_noticed():
    code = "import os; from helpers import parent; parent.end_with(os.getppid() + 1)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGKILL


def test_a_parent_that_is_gone_ends_the_one_that_looks_on(monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    parent._end_after(ended.pid)
    assert codes == [1]


def test_forks_are_tied_again_and_again():
    """A process that forks and goes on keeps nothing of it."""
    code = """
import os
from helpers import parent
parent.tie_forks()
for _ in range(3):
    if os.fork() == 0:
        os._exit(0 if os.fork() or os._exit(0) else 1)
    assert os.wait()[1] == 0
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
