"""Opening pictures that somebody else made: what may be wrong with one, and what every path to a model makes of it."""

import hashlib
import io
import struct
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops, ImageFile, ImageOps

from helpers.data import depth, signatures
from helpers.language import message
from helpers.paths import short

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # no others: Pillow starts Ghostscript for an EPS
MAX_BYTES = 200 * 2**20  # of one picture file
MAX_PIXELS = 89_000_000  # of one picture; Pillow itself warns from 89,478,485 on
MAX_RATIO = 200  # longer side / shorter side; Qwen2-VL's smart_resize refuses more
MIN_SIDE = 2  # pixels
MAX_PAGES = 1000  # of a TIFF or MPO that are counted
ORIENTATION, REDUCED = 274, 254  # tags of EXIF and of TIFF: a turned picture; a page that is a smaller copy

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


@dataclass(frozen=True)
class Facts:
    """What is made of a picture on its way to a model.

    size      (width, height) in pixels, upright
    turned    EXIF says so, and who opens it plainly sees it lying
    see_through, deep    some of it is; its values do not fit into 8 bits
    plain     ``Image.open(…).convert("RGB")``, which is all that LLaMA-Factory does, gives what ``read_picture`` gives
    contrast  the largest difference within a channel of what ``read_picture`` gives, 0..255
    digest    SHA-256 of what ``read_picture`` gives, and of its size: equal for equal pictures in other bytes
    """

    size: tuple[int, int]
    turned: bool
    see_through: bool
    deep: bool
    plain: bool
    contrast: int
    digest: bytes


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
        image.getexif()  # a broken one would stop ``flatten``
    except BROKEN as error:
        raise _broken(error) from error
    return image


def look_at_picture(data):
    """(``Facts``, what ``read_picture`` gives) of the picture in ``data`` (bytes); raises as ``open_picture``."""
    image = open_picture(data)
    picture = flatten(image).convert("RGB")
    turned = image.getexif().get(ORIENTATION) in range(2, 9)
    deep = depth.is_deep(image)
    clear = not deep and image.has_transparency_data and _has_clear_parts(image)
    contrast = max(high - low for low, high in picture.getextrema())
    digest = hashlib.sha256(repr(picture.size).encode() + picture.tobytes()).digest()
    plain = not (turned or clear or deep) or _is_plain(image, picture)
    return Facts(picture.size, turned, clear, deep, plain, contrast, digest), picture


def _has_clear_parts(image):
    return image.convert("RGBA").getextrema()[3][0] < 255


def _is_plain(image, picture):
    """Whether ``convert`` alone gives the same pixels, but for rounding."""
    try:
        plain = image.convert("RGB")
    except ValueError:  # Pillow has no such conversion
        return False
    difference = plain.size == picture.size and ImageChops.difference(plain, picture).getextrema()
    return bool(difference) and max(high for _, high in difference) <= 1


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
        raise _none(data, error) from error
    _check_size(*image.size)
    try:
        pages = _count_pages(data) if image.format in ("TIFF", "MPO") else getattr(image, "n_frames", 1)
    except BROKEN as error:
        raise _broken(error) from error
    if pages > 1:
        raise PictureError(message("picture.pages", count=pages), message("picture.pages_cure"))
    return image


def _count_pages(data):
    """Pages of a TIFF or MPO that show something of their own: cameras and scanners add smaller copies."""
    image, count = Image.open(io.BytesIO(data), formats=FORMATS), 0
    size = image.size
    for page in range(MAX_PAGES):
        try:
            image.seek(page)
        except BROKEN:  # the last page was passed, or what is behind the first is broken and of no use
            return count
        count += not (image.tag_v2.get(REDUCED, 0) & 1 if image.format == "TIFF" else image.size != size)
    return count


def _none(data, error):
    """What bytes are that Pillow does not open."""
    if other := signatures.describe(data):
        return PictureError(message("picture.other", size=len(data), what=other[0]), other[1])
    return PictureError(message("picture.none", size=len(data)), message("picture.none_cure", why=_clause(error)))


def _broken(error):
    return PictureError(message("picture.broken", why=_clause(error)), message("picture.again_cure"))


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
    Deeper greys are scaled to 8 bits (``helpers.data.depth``); a camera's orientation mark is applied.
    """
    inverted = depth.is_inverted(image)
    image = ImageOps.exif_transpose(image)
    if depth.is_deep(image):
        return depth.to_8_bits(image, inverted)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        over = Image.alpha_composite(white, colours)
        return over.convert("L" if image.mode in ("L", "LA", "La", "1") else "RGB")
    return image if image.mode in ("1", "L", "RGB") else image.convert("RGB")


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
