"""helpers.data.images: what cannot be trained on is refused, and all else comes as it looks on white paper."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from helpers.data import images

PAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8))


def encoded(kind, image=PAGE, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", images.FORMATS)
def test_size_is_that_of_the_decoded_picture(kind):
    assert images.picture_size(encoded(kind)) == images.open_picture(encoded(kind)).size == (160, 90)


@pytest.mark.parametrize("kind", images.FORMATS)
def test_a_picture_cut_short_is_refused_by_both(kind):
    data = encoded(kind)[:-4000]
    for look in (images.open_picture, images.picture_size):
        with pytest.raises(images.PictureError, match="->"):
            look(data)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "not a picture"),
        (b"<svg/>", "not a picture"),
        (encoded("PNG", Image.new("L", (40, 1))), "1 pixel high"),
        (encoded("PNG", Image.new("L", (900, 2))), "450:1"),
        (encoded("PNG", Image.new("1", (10_000, 9_000))), "bomb"),
    ],
    ids=["empty", "svg", "line", "long", "bomb"],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_the_header_tells_is_refused_by_both(data, reason):
    for look in (images.open_picture, images.picture_size):
        with pytest.raises(images.PictureError, match=reason):
            look(data)


def test_a_png_without_its_last_chunk_is_taken_by_both():
    data = encoded("PNG")[:-12]
    assert images.open_picture(data).size == images.picture_size(data) == (160, 90)


@pytest.mark.parametrize("kind, sizes", [("PNG", []), ("JPEG", [(20, 12)])])
def test_looking_for_the_size_decodes_few_pixels(monkeypatch, kind, sizes):
    decoded = []
    load = ImageFile.ImageFile.load
    data = encoded(kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: decoded.append(self.size) or load(self))
    images.picture_size(data)
    assert decoded == sizes


# --- as RGB, on white ---------------------------------------------------------------------------

GREY = Image.linear_gradient("L").resize((84, 56))
DEEP = Image.fromarray(np.asarray(GREY, np.uint16) * 257)
CLEAR = Image.new("L", GREY.size, 0)  # black, and see-through but for what is inked
INKED = [Image.merge("LA", (CLEAR, GREY)), Image.merge("RGBA", (CLEAR, CLEAR, CLEAR, GREY))]
OVER_WHITE = 255 - np.asarray(GREY, int)


def read_back(folder, image, **options):
    image.save(folder / "picture.png", **options)
    return images.read_picture(folder / "picture.png")


@pytest.mark.parametrize("image", [GREY, GREY.convert("RGB"), GREY.convert("P"), DEEP], ids=lambda image: image.mode)
def test_opaque_pictures_come_as_they_are(tmp_path, image):
    read = read_back(tmp_path, image)
    assert read.mode == "RGB" and (np.asarray(read) == np.asarray(GREY)[..., None]).all()


@pytest.mark.parametrize("image", INKED, ids=lambda image: image.mode)
def test_see_through_pictures_lie_on_white(tmp_path, image):
    read = read_back(tmp_path, image)
    assert read.mode == "RGB" and np.abs(np.asarray(read, int) - OVER_WHITE[..., None]).max() <= 1


def test_see_through_palette_lies_on_white(tmp_path):
    page = Image.new("P", (84, 56), 0)
    page.putpalette([0, 0, 0, 9, 9, 9])
    page.paste(1, (20, 20, 60, 30))
    colours = read_back(tmp_path, page, transparency=0).getcolors()
    assert sorted(colours) == [(400, (9, 9, 9)), (84 * 56 - 400, (255, 255, 255))]


@pytest.mark.parametrize("read", [images.read_picture, images.read_size])
def test_picture_that_cannot_be_read_is_named_without_its_folder(tmp_path, read):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="^bad.png: not a picture") as bad:
        read(tmp_path / "bad.png")
    with pytest.raises(FileNotFoundError, match="^none.png: no such picture -> ") as missing:
        read(tmp_path / "none.png")
    assert str(tmp_path) not in str(bad.value) + str(missing.value)


# --- the table of pictures: what every path makes of each ---------------------------------------

INK = Image.new("L", (64, 40), 255)  # dark ink on white paper
INK.paste(40, (8, 8, 50, 20))
WIDE = np.asarray(INK, np.uint16) * 257


def turned(image, way):
    exif = image.getexif()
    exif[images.ORIENTATION] = way
    return encoded("PNG", image, exif=exif)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def colour_of_16_bits():
    """A PNG as Pillow does not write it, of the values of ``WIDE`` in each colour."""
    rows = b"".join(b"\0" + row.astype(">u2").repeat(3).tobytes() for row in WIDE)
    head = struct.pack(">IIBBBBB", *INK.size, 16, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def with_alpha(colour, alpha):
    return Image.merge("LA", (colour, alpha)).convert("RGBA")


FULL, MIDDLE, NONE = (Image.new("L", INK.size, grey) for grey in (255, 128, 0))
CUT = INK.point(lambda value: 255 if value < 128 else 0)  # where the ink is

DARK = Image.merge("RGB", [INK.point(lambda value: 9 if value > 128 else value)] * 3)  # on paper that is left out

PLAIN = {  # LLaMA-Factory sees what everybody sees
    "grey": encoded("PNG", INK),
    "one bit": encoded("PNG", INK.convert("1", dither=Image.Dither.NONE)),
    "colour": encoded("PNG", INK.convert("RGB")),
    "palette": encoded("PNG", INK.convert("P")),
    "colour of 16 bits": colour_of_16_bits(),
    "CMYK": encoded("JPEG", INK.convert("CMYK"), quality=95),
    "YCbCr": encoded("JPEG", INK.convert("RGB"), quality=95),
    "LAB": encoded("TIFF", Image.merge("LAB", (INK, MIDDLE, MIDDLE))),
    "GIF of one frame": encoded("GIF", INK),
    "WebP": encoded("WEBP", INK.convert("RGB"), lossless=True),
    "alpha that hides nothing": encoded("PNG", with_alpha(INK, FULL)),
    "white under the see-through parts": encoded("PNG", with_alpha(INK, CUT)),
    "mark that turns nothing": turned(INK, 1),
    "mark of a turn that there is not": turned(INK, 9),
    "TIFF turned by its own tag": encoded("TIFF", INK.transpose(Image.Transpose.ROTATE_90), tiffinfo={274: 6}),
}
OTHER = {  # what LLaMA-Factory would see differs: (bytes, which fact says so)
    "16 bits": (encoded("PNG", Image.fromarray(WIDE)), "deep"),
    "16 bits, big end first": (encoded("TIFF", Image.fromarray(WIDE.astype(">u2"))), "deep"),
    "12 of 16 bits": (encoded("TIFF", Image.fromarray(WIDE // 16)), "deep"),
    "32 bits": (encoded("TIFF", Image.fromarray(WIDE.astype(np.int32))), "deep"),
    "floats from 0 to 1": (encoded("TIFF", Image.fromarray(np.asarray(INK, np.float32) / 255)), "deep"),
    "signed": (encoded("TIFF", Image.fromarray(WIDE.astype(np.int32) - 70_000)), "deep"),
    "black on nothing": (encoded("PNG", with_alpha(NONE, CUT)), "see_through"),
    "a colour that is clear": (encoded("PNG", DARK, transparency=(9, 9, 9)), "see_through"),
    "half clear ink": (encoded("PNG", with_alpha(NONE, CUT.point(lambda value: value // 2))), "see_through"),
    "lying": (turned(INK.transpose(Image.Transpose.ROTATE_90), 6), "turned"),
    "mirrored": (turned(INK.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 2), "turned"),
}


@pytest.mark.parametrize("case", PLAIN)
def test_what_convert_alone_gets_right(case):
    facts, picture = images.look_at_picture(PLAIN[case])
    assert facts.plain and facts.size == picture.size == INK.size and not facts.turned
    assert np.abs(np.asarray(picture.convert("L"), int) - np.asarray(INK, int)).max() <= 40 and facts.contrast > 150


@pytest.mark.parametrize("case", OTHER)
def test_what_convert_alone_gets_wrong(case):
    data, fact = OTHER[case]
    facts, picture = images.look_at_picture(data)
    assert not facts.plain and facts.size == INK.size
    assert [name for name in ("turned", "see_through", "deep") if getattr(facts, name)] == [fact]
    paper, ink = picture.convert("L").getpixel((1, 1)), picture.convert("L").getpixel((20, 12))
    assert paper == 255 and ink < 150


def test_deep_values_that_fit_into_8_bits_come_the_same_by_either_way():
    facts, _ = images.look_at_picture(encoded("TIFF", Image.fromarray(np.asarray(INK, np.int32))))
    assert facts.deep and facts.plain


def test_the_same_picture_in_other_bytes_has_the_same_digest():
    same = [encoded("PNG", INK, compress_level=level) for level in (0, 9)]
    same += [encoded("BMP", INK), encoded("TIFF", INK.convert("RGB")), encoded("WEBP", INK, lossless=True)]
    same += [encoded("PNG", image) for image in (with_alpha(INK, FULL), Image.fromarray(WIDE), INK.convert("P"))]
    assert len({images.look_at_picture(data)[0].digest for data in same}) == 1
    other = INK.copy()
    other.putpixel((0, 0), 254)
    reshaped = Image.frombytes("L", (40, 64), INK.tobytes())
    assert len({images.look_at_picture(encoded("PNG", image))[0].digest for image in (INK, other, reshaped)}) == 3


# --- more than one page -------------------------------------------------------------------------

SECOND = Image.eval(INK, lambda value: 255 - value)


def three(kind, mode="L"):
    first, *rest = (image.convert(mode) for image in (INK, SECOND, INK))
    return encoded(kind, first, save_all=True, append_images=rest)


PAGES = {"TIFF": three("TIFF"), "GIF": three("GIF"), "animated PNG": three("PNG")}
PAGES |= {"WebP": three("WEBP", "RGB"), "MPO": three("MPO", "RGB")}


@pytest.mark.parametrize("kind", PAGES)
def test_pages_are_counted_and_refused(kind):
    for look in (images.open_picture, images.picture_size):
        with pytest.raises(images.PictureError, match="^3 pages or frames in one file.* -> save each page"):
            look(PAGES[kind])


def test_small_copies_that_cameras_and_scanners_add_are_no_pages():
    small = INK.convert("RGB").resize((32, 20))
    photo = encoded("MPO", INK.convert("RGB"), save_all=True, append_images=[small])
    reduced = INK.copy()
    reduced.encoderinfo = {"tiffinfo": {images.REDUCED: 1}}
    scan = encoded("TIFF", INK, save_all=True, append_images=[reduced])
    for data in (photo, scan):
        assert Image.open(io.BytesIO(data)).n_frames == 2 and images.open_picture(data).size == INK.size


# --- bombs ------------------------------------------------------------------------------------------


def stuffed(kind, head):
    """A small PNG with a chunk that unpacks to 80 MB."""
    data = encoded("PNG", INK)
    return data[:33] + chunk(kind, head + zlib.compress(bytes(80_000_000), 9)) + data[33:]


def huge_gif():
    data = bytearray(encoded("GIF", INK))
    data[6:10] = struct.pack("<HH", 65_000, 65_000)
    return bytes(data)


def huge_webp():
    """A canvas of 16,384 x 16,384 pixels with one small frame."""
    data = bytearray(encoded("WEBP", with_alpha(INK, CUT), save_all=True, append_images=[with_alpha(SECOND, CUT)]))
    assert data[12:16] == b"VP8X"
    data[24:30] = b"\xff\x3f\0" * 2
    return bytes(data)


WIDTH = struct.pack("<HHI", 256, 4, 1)  # a TIFF's entry for its width, up to the value
BOMBS = {
    "PNG, text": lambda: stuffed(b"zTXt", b"a\0\0"),
    "PNG, colour profile": lambda: stuffed(b"iCCP", b"a\0\0"),
    "GIF, canvas": huge_gif,
    "WebP, canvas": huge_webp,
    "TIFF, size": lambda: encoded("TIFF", INK).replace(
        WIDTH + struct.pack("<I", 64), WIDTH + struct.pack("<I", 64_000_000)
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_before_they_fill_the_memory(bomb):
    resource = pytest.importorskip("resource")  # none on Windows
    data, before = BOMBS[bomb](), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for look in (images.open_picture, images.picture_size):
        with pytest.raises(images.PictureError):
            look(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB
