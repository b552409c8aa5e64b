"""Where things are: the project, what lessons write, and how a path may be printed."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / os.environ.get("LESSON_OUTPUT", "output")  # a folder each for lessons that run at the same time


def short(path) -> str:
    """The path as it may be printed: relative to the project, or only its last part when it lies outside."""
    path = Path(path)
    absolute = path if path.is_absolute() else Path.cwd() / path
    absolute = Path(os.path.normpath(absolute))
    return absolute.relative_to(ROOT).as_posix() if absolute.is_relative_to(ROOT) else absolute.name
