"""Processes that end when the one that started them does, however that ends: none is left to write on alone."""

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def end_with(parent):
    """From now on this process is killed as soon as its parent, the process ``parent``, has ended.

    On Linux by the system, as soon as the thread ends that started it; elsewhere by a thread that looks on.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it had ended before it was asked to take this one along
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def tie_forks():
    """Processes that this one forks from now on, such as those that read data, end when it does (Linux)."""
    if sys.platform == "linux":
        here = []
        os.register_at_fork(
            before=lambda: here.append(os.getpid()),
            after_in_parent=here.pop,
            after_in_child=lambda: end_with(here.pop()),
        )


def _end_after(parent):
    if os.name == "posix":
        while os.getppid() == parent:  # it changes even if nobody has asked yet how the parent ended
            time.sleep(0.5)
    else:
        import psutil

        try:
            psutil.Process(parent).wait()
        except psutil.NoSuchProcess:
            pass
    os._exit(1)
