"""Files and folders that are never seen by halves: written under another name, renamed when whole; text is UTF-8.

A folder that a run writes into is held by one process at a time.
"""

import errno
import json
import os
import re
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.disk import disk, require
from helpers.language import message
from helpers.paths import short

NOTE = "made_from.json"
WAIT = 5  # seconds that a lock is waited for: a killed process of several takes a moment to go
LOCKLESS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}  # some network drives know no locks


def read_text(path):
    """The text of a UTF-8 file.

    Raises:
        ValueError: another encoding; says which byte is wrong first. FileNotFoundError: there is no such file.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(message("files.missing", file=short(path))) from error
    except UnicodeDecodeError as error:
        raise ValueError(message("files.not_utf8", file=short(path), byte=error.start)) from error


def write_text(path, text):
    """Write a UTF-8 file under a temporary name and rename it when whole: a killed run leaves no half file.

    Raises:
        ValueError: the text holds half a character, which UTF-8 cannot hold.
        DiskError: no space, or the folder may not be written.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        near = repr(text[max(0, error.start - 20) : error.start + 20])
        raise ValueError(message("files.half_character", file=short(path), text=near)) from error
    write_bytes(path, data)


def write_bytes(path, data):
    """Write a file as ``write_text`` does."""
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with disk(path, len(data)):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        try:
            partial.write_bytes(data)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def _remove_leftovers(path):
    """Remove what killed processes left of ``path``; processes that live are at work on theirs."""
    for leftover in path.parent.glob(f"{_escaped(path.name)}.*.partial"):
        number = leftover.name.split(".")[-2]
        if number.isdigit() and int(number) != os.getpid():
            from psutil import pid_exists

            if not pid_exists(int(number)):
                leftover.unlink(missing_ok=True)


def _escaped(name):
    """``name`` for ``Path.glob``, which takes brackets, stars and question marks for patterns."""
    return re.sub(r"([*?[])", r"[\1]", name)


def relative(file, path):
    """The path of a sample's file as the data file ``path`` writes it: from its own folder, with forward slashes.

    Raises:
        ValueError: it lies outside that folder, so the data could not be moved or shared as one folder.
    """
    folder = Path(os.path.abspath(path)).parent
    file = Path(os.path.abspath(file))
    if not file.is_relative_to(folder):
        raise ValueError(message("files.outside", file=short(file), folder=short(folder), name=Path(path).name))
    return file.relative_to(folder).as_posix()


# --- folders that are whole or not there --------------------------------------------------------


@contextmanager
def whole_folder(folder, needed=0):
    """A new, empty folder to write into; at the end of the block it takes the place of ``folder``, all at once.

    If the block fails or the process is killed, ``folder`` stays as it was. ``needed``: bytes it will take, if known.

    Raises:
        BlockingIOError: another process is writing it. DiskError: no space, or the place may not be written.
    """
    folder = Path(folder)
    partial, replaced = _beside(folder)
    with _held(folder, folder.with_name(f".{folder.name}.lock"), needed):
        _settle(folder)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if folder.exists():
            folder.rename(replaced)
        partial.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)


def settle(folder):
    """Finish what a kill left between the two renames of ``whole_folder``: call it where such a folder is read."""
    folder = Path(folder)
    if _beside(folder)[1].is_dir() and not folder.exists():
        with _held(folder, folder.with_name(f".{folder.name}.lock")):
            _settle(folder)


def _settle(folder):
    """The old folder is put aside only once the new one is whole: if ``folder`` is not there, the new one takes it."""
    partial, replaced = _beside(folder)
    if replaced.is_dir() and not folder.exists():
        (partial if partial.is_dir() else replaced).rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def _beside(folder):
    return folder.with_name(f"{folder.name}.partial"), folder.with_name(f".{folder.name}.replaced")


# --- one process at a time, and a disk that takes it --------------------------------------------


@contextmanager
def locked(folder, needed=0):
    """Make ``folder`` and hold it until the block ends, or the process does: another that wants it is refused.

    Raises:
        BlockingIOError: another process or thread holds it; says which and since when.
        DiskError: less than ``needed`` bytes are free, no space is left in the block, or it may not be written.
    """
    with _held(Path(folder), Path(folder) / ".lock", needed):
        yield


@contextmanager
def changing(file):
    """Hold ``file`` alone until the block ends: it is read, changed and written back with nobody in between.

    Raises:
        BlockingIOError: another process or thread has held it for seconds.
        DiskError: no space is left in the block, or its folder may not be written.
    """
    file = Path(file)
    with _held(file.parent, file.with_name(f".{file.name}.lock")):
        yield


@contextmanager
def _held(folder, file, needed=0):
    """Hold ``folder`` by a lock on ``file``, which names the holder; its last act is to remove it."""
    from filelock import FileLock, Timeout

    lock = FileLock(os.path.realpath(file), timeout=WAIT, fallback_to_soft=False)
    with disk(folder):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as error:
            raise BlockingIOError(message("files.held", folder=short(folder), **_holder(file))) from error
        except OSError as error:
            if error.errno not in LOCKLESS:
                raise
            print(message("files.lockless", folder=short(folder)))
        try:
            with suppress(PermissionError):  # Windows lets nobody write into a locked file
                file.write_text(f"{os.getpid()} {time.strftime('%Y-%m-%d %H:%M:%S')}", encoding="utf-8")
            require(folder, needed)
            yield
        finally:
            with suppress(OSError):  # whoever waits for it sees that it is gone, and makes its own
                file.unlink()
            lock.release()


def _holder(file):
    """{pid, since} of who holds a lock, as its file says."""
    try:
        pid, since = file.read_text(encoding="utf-8").split(" ", 1)
    except (OSError, ValueError):  # it is only just being written; Windows lets nobody read it
        pid, since = "?", "?"
    return {"pid": pid, "since": since}


# --- what a folder was made from ----------------------------------------------------------------


def note_recipe(folder, recipe):
    """Note in ``folder`` what its content is made from: a dict that JSON can hold."""
    write_text(Path(folder) / NOTE, json.dumps(recipe, ensure_ascii=False))


def changed_recipe(folder, recipe):
    """How ``recipe`` differs from the one noted in ``folder``: {name: (value there, value now)}, empty if it does not.

    None where nothing is noted. A value is None on the side that lacks it. A note of any other form is another recipe.
    """
    note = Path(folder) / NOTE
    if not note.is_file():
        return None
    try:
        old = json.loads(read_text(note))
    except ValueError:  # neither UTF-8 nor JSON
        old = "unreadable"
    old, new = old if isinstance(old, dict) else {NOTE: old}, json.loads(json.dumps(recipe))
    return {name: (old.get(name), new.get(name)) for name in old | new if old.get(name) != new.get(name)}
