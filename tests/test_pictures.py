import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from helpers import pictures

PAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8))


def encoded(kind, image=PAGE, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_size_is_that_of_the_decoded_picture(kind):
    assert pictures.picture_size(encoded(kind)) == pictures.open_picture(encoded(kind)).size == (160, 90)


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_a_picture_cut_short_is_refused_by_both(kind):
    data = encoded(kind)[:-4000]
    for look in (pictures.open_picture, pictures.picture_size):
        with pytest.raises(pictures.PictureError, match="->"):
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
    for look in (pictures.open_picture, pictures.picture_size):
        with pytest.raises(pictures.PictureError, match=reason):
            look(data)


def test_a_png_without_its_last_chunk_is_taken_by_both():
    data = encoded("PNG")[:-12]
    assert pictures.open_picture(data).size == pictures.picture_size(data) == (160, 90)


@pytest.mark.parametrize("kind, sizes", [("PNG", []), ("JPEG", [(20, 12)])])
def test_looking_for_the_size_decodes_few_pixels(monkeypatch, kind, sizes):
    decoded = []
    load = ImageFile.ImageFile.load
    data = encoded(kind)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: decoded.append(self.size) or load(self))
    pictures.picture_size(data)
    assert decoded == sizes
