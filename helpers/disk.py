"""Is there room on a disk, and may it be written? What is wrong is one line, whichever library stumbled over it."""

import errno
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from helpers.language import message
from helpers.paths import short

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, a quota, the largest file allowed
FULL_SAID = r"No space left|Disk quota exceeded|File too large|PytorchStreamWriter failed|unexpected pos \d+ vs"
REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}


class DiskError(OSError):
    """The disk is full or may not be written: says where, how much there is, and what to do."""


def require(folder, needed):
    """DiskError if less than ``needed`` bytes are free where ``folder`` is or will be."""
    if needed > (free := free_space(folder)):
        raise DiskError(message("files.needs", folder=short(folder), needed=_size(needed), free=_size(free)))


def free_space(folder):
    """Bytes that are free where ``folder`` is or will be."""
    folder = Path(os.path.abspath(folder))
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


@contextmanager
def disk(path, needed=0):
    """Say in one line if ``path`` or what is in it cannot be written: DiskError in place of a library's own error."""
    try:
        yield
    except (DiskError, BlockingIOError):
        raise
    except BaseException as error:  # safetensors, tokenizers and torch have each a class of their own for it
        facts = {"folder": short(path), "free": _size(free_space(path))}
        if is_full(error):
            key = "files.full_needed" if needed else "files.full"
            raise DiskError(message(key, **facts, **({"needed": _size(needed)} if needed else {}))) from error
        if isinstance(error, OSError) and error.errno in REFUSED and _lies_at(error.filename, path):
            raise DiskError(message("files.read_only", folder=short(path), why=error.strerror)) from error
        if isinstance(error, FileExistsError | NotADirectoryError) and error.filename:
            raise DiskError(message("files.no_folder", file=short(error.filename))) from error
        raise


def is_full(error):
    """Whether an error, or one that led to it, says that there is no space left."""
    while error:
        if getattr(error, "errno", None) in FULL or re.search(FULL_SAID, str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _lies_at(file, path):
    """Whether ``file``, which may be None, is ``path``, lies in it, or is the folder it lies in."""
    file, path = Path(os.path.realpath(file or "")), Path(os.path.realpath(path))
    return file.is_relative_to(path.parent) or path.is_relative_to(file)


def _size(count):
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
