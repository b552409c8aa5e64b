"""Text files that are UTF-8 everywhere and never half written."""

import os
from pathlib import Path

from helpers.settings import short


def read_text(path):
    """The text of a UTF-8 file. Raises ValueError with the first wrong byte for any other encoding."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        cure = 'save it as UTF-8; a file from Windows may be GBK: open(..., encoding="gb18030")'
        raise ValueError(f"{short(path)}: not UTF-8 at byte {error.start} -> {cure}") from error


def write_text(path, text):
    """Write a UTF-8 file under a temporary name and rename it when whole: a killed run leaves no half file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(text.encode("utf-8"))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def relative(image, path):
    """The path of a picture as written in the data file ``path``: from the file's folder, with forward slashes.

    Raises:
        ValueError: the picture lies outside that folder, so the data could not be moved or shared as one folder.
    """
    folder = Path(os.path.abspath(path)).parent
    image = Path(os.path.abspath(image))
    if not image.is_relative_to(folder):
        raise ValueError(
            f"{short(image)} lies outside {short(folder)}/, the folder of {Path(path).name}"
            " -> write the data file into the folder that holds the pictures"
        )
    return image.relative_to(folder).as_posix()
