"""Files that a data set names: is each one there, inside its folder, and whole to its last pixel, frame or sample?"""

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from helpers.data import media, near_duplicates
from helpers.data.images import MAX_BYTES, Facts, PictureError, look_at_picture, strict_pillow
from helpers.data.lookalikes import find_lookalike, first_difference
from helpers.data.near_duplicates import Print
from helpers.data.rows import half_character, shown
from helpers.language import message

BLANK = 2  # greys of 255 that nobody sees
FAINT = 16  # greys of 255 that few see
MANY = 3000  # files: looking at more of them takes long enough for a progress bar


@dataclass(frozen=True)
class Look:
    """What was seen of a file that a record names.

    digest    of what a picture shows or a sound plays (its pixels or samples); of a video's bytes
    picture   ``Facts`` of a picture; print: what it shows, for ``near_duplicates``
    fault, warning    (reason, cure) or None
    """

    digest: bytes | None = None
    picture: Facts | None = None
    print: Print | None = None
    fault: tuple[str, str] | None = None
    warning: tuple[str, str] | None = None


def look_at_all(look, files):
    """``[look(file) for file in files]`` by threads: Pillow and PyAV let go of Python's lock. Many files show a bar."""
    from tqdm.auto import tqdm

    with strict_pillow(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        few = len(files) <= MANY
        return list(tqdm(pool.map(look, files), message("file.looking"), len(files), leave=False, disable=few))


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
    try:
        if modality == "image":
            return _look_at_picture(data, name)
        media.look_at_video(data) if modality == "video" else media.look_at_sound(data)
    except PictureError as error:
        return Look(hashlib.sha256(data).digest(), fault=_named(name, error.reason, error.cure))
    return Look(content_digest(data, modality))


def _look_at_picture(data, name):
    facts, picture = look_at_picture(data)
    fault = warning = None
    if facts.contrast <= BLANK and facts.see_through:
        fault = _named(name, message("picture.clear"), message("picture.clear_cure"))
    elif facts.contrast <= BLANK:
        fault = _named(name, message("picture.blank", contrast=facts.contrast), message("picture.blank_cure"))
    elif facts.contrast < FAINT:
        warning = _named(name, message("picture.faint", contrast=facts.contrast), message("picture.faint_cure"))
    return Look(facts.digest, facts, near_duplicates.take_print(picture), fault, warning)


def _named(name, reason, cure):
    return message("file.fault", file=shown(name), reason=reason), cure


def content_digest(data, modality):
    """SHA-256 of what a file shows or plays, so that equal pictures and sounds are equal in whatever bytes.

    Of a picture its pixels, of a sound its samples; of a video, and of what cannot be read, the bytes.
    """
    try:
        if modality == "image":
            return look_at_picture(data)[0].digest
        if modality == "audio":
            samples, rate = media.read_sound(data)
            return hashlib.sha256(repr((samples.shape, rate)).encode() + samples.tobytes()).digest()
    except PictureError:
        pass
    return hashlib.sha256(data).digest()


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
