"""helpers.data.images: what cannot be trained on is refused, and all else comes as it looks on white paper."""

import io

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
