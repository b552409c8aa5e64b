"""Files that a data set names: is each one there, inside its folder, and whole to its last pixel, frame or sample?"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from helpers.data import media
from helpers.data.images import MAX_BYTES, PictureError, open_picture
from helpers.data.rows import half_character, shown


@dataclass(frozen=True)
class Look:
    """What was seen of a file that a record names: hash of its bytes, a picture's size in pixels, or what is wrong."""

    digest: bytes | None = None
    size: tuple[int, int] | None = None
    fault: tuple[str, str] | None = None


def look_at(root, name, modality):
    """Look at the file ``name`` (a path from a data file) under the folder ``root`` (a real path); never raises.

    ``modality`` is image, video or audio: the file is decoded to its end as that.
    """
    fault = _path_fault(root, name)
    if fault:
        return Look(fault=fault)
    try:
        data = Path(root, name).read_bytes()
    except OSError as error:
        return Look(fault=(f"{shown(name)} cannot be read ({error.strerror})", "check your rights to read it"))
    digest = hashlib.sha256(data).digest()
    try:
        if modality == "image":
            return Look(digest, open_picture(data).size)
        media.look_at_video(data) if modality == "video" else media.look_at_sound(data)
        return Look(digest)
    except PictureError as error:
        return Look(digest, fault=(f"{shown(name)}: {error.reason}", error.cure))


def _path_fault(root, name):
    """What is wrong with a path before the file is opened, as (reason, cure), or None."""
    inside = "keep pictures in the data folder and write paths relative to the data file"
    plain = name.replace("\\", "/")
    windows = PureWindowsPath(name)
    if not name.strip() or "\0" in name or half_character(name):
        return f"path {shown(name)} is empty or impossible", "give the path of the picture"
    if plain.startswith("/") or windows.drive:
        return f"absolute path {shown(name)}", inside
    if os.path.normpath(plain).split(os.sep)[0] == "..":
        return f"path {shown(name)} leaves the data folder", inside
    real = os.path.realpath(os.path.join(root, name))
    if not Path(real).is_relative_to(root):
        return f"{shown(name)} is a link that leads out of the data folder", "copy the file in its place"
    return _file_fault(real, name)


def _file_fault(real, name):
    try:
        found = os.stat(real)
    except (FileNotFoundError, NotADirectoryError):
        cure = "write / instead of \\ in paths" if "\\" in name else "copy the file there, or correct its name"
        return f"{shown(name)} is missing", cure
    except OSError as error:
        return f"{shown(name)} cannot be opened ({error.strerror})", "correct its name, or your rights to read it"
    if not stat.S_ISREG(found.st_mode):
        return f"{shown(name)} is not a file", "give the path of the picture itself"
    if found.st_size == 0:
        return f"{shown(name)} is an empty file", "copy or export the file again"
    if found.st_size > MAX_BYTES:
        return f"{shown(name)} has {found.st_size:,} bytes, over {MAX_BYTES:,}", "make it smaller, or take it out"
    return None
