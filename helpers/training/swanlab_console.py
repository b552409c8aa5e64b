"""The one patch of SwanLab: its console, which would print machine paths into the notebook, is replaced by a quiet one.

SwanLab has no setting for it. Whatever goes wrong in SwanLab becomes one line, and training goes on.
"""

import re
import sys
from contextlib import contextmanager
from importlib.metadata import version

from helpers.language import message

RELEASE = "0.10.3"  # whose console stands in swanlab.sdk.internal.pkg.console.c


class Console:
    """Takes the place of SwanLab's console and keeps its errors."""

    def __init__(self):
        self.errors = []
        self.failed = False  # whether a failure was printed
        self.before = self.callback = None  # SwanLab's own console; SwanLab's own Trainer callback

    def write(self, text: str) -> int:
        self.errors += [line.split(" - ", 1)[-1] for line in text.splitlines() if "| ERROR" in line]
        return len(text)

    def flush(self) -> None:
        pass

    def tell(self, what: str) -> None:
        """Print ``what`` if it is the first of this run: a tracker that failed once tends to fail at every step."""
        if not self.failed:
            print(message("swanlab.failed", what=what))
        self.failed = True

    def report(self) -> None:
        """Tell what SwanLab itself caught and printed."""
        if self.errors:
            self.tell(message("swanlab.reports", error=plain(self.errors[0])))


def put_in(console: Console) -> None:
    """Let SwanLab write to ``console``. Raises ImportError for a release other than ``RELEASE``."""
    if (found := version("swanlab")) != RELEASE:
        raise ImportError(message("swanlab.other_release", found=found, known=RELEASE))
    import rich.console
    from swanlab.sdk.internal.pkg import console as module

    console.before = module.c
    module.c = rich.console.Console(file=console, width=10_000, force_jupyter=False)


def in_place() -> Console | None:
    """The console that SwanLab writes to, if it is one of ours."""
    module = sys.modules.get("swanlab.sdk.internal.pkg.console")
    return module.c.file if module and isinstance(module.c.file, Console) else None


def take_out() -> None:
    """Give SwanLab its own console back."""
    sys.modules["swanlab.sdk.internal.pkg.console"].c = in_place().before


@contextmanager
def guard(what: str, console: Console):
    """Turn any failure inside into one printed line.

    The one place that catches Exception: SwanLab raises its own, pydantic's, yaml's, requests' and sqlite's errors, and
    a tracker must not end a training of hours.
    """
    try:
        yield
    except Exception as error:
        console.tell(f"{what} ({type(error).__name__}: {plain(str(error))})")
    console.report()


def plain(said: str) -> str:
    """The first line of ``said``, at most 160 characters, with file names instead of absolute paths."""
    line = next(iter(said.strip().splitlines()), "")
    line = re.sub(r"(?<![\w:/.])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\":]+)*[/\\](?=[^\s/\\'\":])", "", line)
    return line if len(line) <= 160 else line[:159] + "…"
