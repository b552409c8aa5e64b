"""Files that a data set names: is each one there, inside its folder, and whole to its last pixel, frame or sample?"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from helpers.data import media
from helpers.data.images import MAX_BYTES, PictureError, open_picture
from helpers.data.lookalikes import find_lookalike, first_difference
from helpers.data.rows import half_character, shown
from helpers.language import message


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
        reason = message("file.unreadable", file=shown(name), why=error.strerror)
        return Look(fault=(reason, message("file.unreadable_cure")))
    digest = hashlib.sha256(data).digest()
    try:
        if modality == "image":
            return Look(digest, open_picture(data).size)
        media.look_at_video(data) if modality == "video" else media.look_at_sound(data)
        return Look(digest)
    except PictureError as error:
        return Look(digest, fault=(message("file.fault", file=shown(name), reason=error.reason), error.cure))


def _path_fault(root, name):
    """What is wrong with a path before the file is opened, as (reason, cure), or None."""
    inside = message("file.outside_cure")
    plain = name.replace("\\", "/")
    windows = PureWindowsPath(name)
    if not name.strip() or "\0" in name or half_character(name):
        return message("file.impossible", file=shown(name)), message("file.impossible_cure")
    if plain.startswith("/") or windows.drive:
        return message("file.absolute", file=shown(name)), inside
    if os.path.normpath(plain).split(os.sep)[0] == "..":
        return message("file.outside", file=shown(name)), inside
    real = os.path.realpath(os.path.join(root, name))
    if not Path(real).is_relative_to(root):
        return message("file.link", file=shown(name)), message("file.link_cure")
    return _file_fault(real, name)


def _file_fault(real, name):
    try:
        found = os.stat(real)
    except (FileNotFoundError, NotADirectoryError):
        cure = message("file.backslash_cure" if "\\" in name else "file.missing_cure")
        if other := find_lookalike(real):
            facts = {"other": shown(other.name), "codes": first_difference(real, str(other))}
            cure = message("file.look_alike_cure", **facts)
        return message("file.missing", file=shown(name)), cure
    except OSError as error:
        return message("file.not_opened", file=shown(name), why=error.strerror), message("file.not_opened_cure")
    if not stat.S_ISREG(found.st_mode):
        return message("file.no_file", file=shown(name)), message("file.no_file_cure")
    if found.st_size == 0:
        return message("file.empty", file=shown(name)), message("picture.again_cure")
    if found.st_size > MAX_BYTES:
        reason = message("file.too_large", file=shown(name), size=f"{found.st_size:,}", limit=f"{MAX_BYTES:,}")
        return reason, message("picture.smaller_cure")
    return None
