"""Opening pictures that somebody else made: what may be wrong with one, and what training needs of it."""

import io
import struct
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageFile, ImageOps

from helpers.language import message
from helpers.paths import short

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # no others: Pillow starts Ghostscript for an EPS
MAX_BYTES = 200 * 2**20  # of one picture file
MAX_PIXELS = 89_000_000  # of one picture; Pillow itself warns from 89,478,485 on
MAX_RATIO = 200  # longer side / shorter side; Qwen2-VL's smart_resize refuses more
MIN_SIDE = 2  # pixels


# What Pillow's readers raise on damaged files: the documented errors and those of the modules they stand on.
BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError),
    *(MemoryError, RuntimeError, ZeroDivisionError, struct.error, zlib.error, Image.DecompressionBombError),
)


class PictureError(ValueError):
    """A picture that cannot be trained on: what is wrong (``reason``) and what to do about it (``cure``)."""

    def __init__(self, reason, cure):
        super().__init__(f"{reason} -> {cure}")
        self.reason, self.cure = reason, cure


@contextmanager
def strict_pillow():
    """Pillow as a check needs it: no half pictures, no printed warnings. Set once around any threads."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def open_picture(data):
    """Decode the picture in ``data`` (bytes) to its last pixel.

    The size is judged from the header alone, so a decompression bomb is refused before it can fill the memory.

    Raises:
        PictureError: no picture, broken, truncated, too thin, too long for its height, or a bomb.
    """
    image = _opened(data)
    try:
        image.load()
    except BROKEN as error:
        raise PictureError(message("picture.broken", why=_clause(error)), message("picture.again_cure")) from error
    return image


def picture_size(data):
    """(width, height) in pixels as the file says, after a cheap look for what ``open_picture`` would refuse.

    The checksums of a PNG take a fortieth of the time that its pixels take, a JPEG at an eighth of its size a third.
    Only a PNG whose pixels were wrong before its checksums were made gets through.

    Raises:
        PictureError: as ``open_picture``.
    """
    image = _opened(data)
    size = image.size
    try:
        if image.format == "PNG":
            image.verify()
        else:
            image.draft("L", (size[0] // 8, size[1] // 8))
            image.load()
    except BROKEN:
        open_picture(data)  # the full look decides, and says what is wrong
    return size


def _opened(data):
    """The picture in ``data`` with its header read and its size judged; PictureError says what is wrong."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _bomb(message("picture.twice_the_limit")) from error
    except BROKEN as error:
        reason, cure = message("picture.none", size=len(data)), message("picture.none_cure", why=_clause(error))
        raise PictureError(reason, cure) from error
    _check_size(*image.size)
    return image


def _check_size(width, height):
    """Raise PictureError for a size in pixels that no model here takes."""
    if min(width, height) < MIN_SIDE:
        size = {"side": min(width, height), "width": width, "height": height}
        reason = message("picture.low", **size) if height < width else message("picture.narrow", **size)
        raise PictureError(reason, message("picture.thin_cure", side=MIN_SIDE))
    if width * height > MAX_PIXELS:
        raise _bomb(message("picture.pixels", width=width, height=height))
    if max(width, height) > MAX_RATIO * min(width, height):
        ratio = f"{max(width, height) / min(width, height):.0f}"
        reason = message("picture.too_long", width=width, height=height, ratio=ratio, limit=MAX_RATIO)
        raise PictureError(reason, message("picture.too_long_cure"))


def _bomb(size):
    return PictureError(message("picture.bomb", size=size, limit=f"{MAX_PIXELS:,}"), message("picture.smaller_cure"))


def _clause(error):
    """The error's message on one line, short, without the address of a Python object."""
    first = " ".join(str(error).split()).split("<_io")[0].strip()
    return repr(first[:80])[1:-1] or type(error).__name__


def flatten(image):
    """The picture as PNG can hold it and every model reads it: mode "1", "L" or "RGB", upright.

    See-through parts are laid over white: a transparent formula would else turn black on black.
    16- and 32-bit greys are scaled to 8 bits; a camera's orientation mark is applied.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":
        return _to_8_bits(image)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        over = Image.alpha_composite(white, colours)
        return over.convert("L" if image.mode in ("L", "LA", "La", "1") else "RGB")
    return image if image.mode in ("1", "L", "RGB") else image.convert("RGB")


def _to_8_bits(image):
    """8-bit grey from 16- or 32-bit grey: 0..65535 is divided by 257, a picture within 0..255 stays as it is."""
    import numpy as np

    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    scale = 257 if image.mode.startswith("I;16") or values.max() > 255 else 1
    return Image.fromarray((values / scale).round().clip(0, 255).astype(np.uint8))


def read_picture(path):
    """The picture as RGB, upright, see-through parts white; see ``helpers.data.images``.

    Raises:
        FileNotFoundError, ValueError: no such file, or no picture that can be trained on; both name it.
    """
    with _naming(path):
        return flatten(open_picture(Path(path).read_bytes())).convert("RGB")


def read_size(path):
    """(width, height) of the picture's file in pixels, without decoding all of it; raises as ``read_picture``."""
    with _naming(path):
        return picture_size(Path(path).read_bytes())


@contextmanager
def _naming(path):
    """Say which file an error is about, and what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(message("picture.missing", file=short(path))) from error
    except PictureError as error:
        raise ValueError(message("file.fault", file=short(path), reason=error)) from error
