"""Pictures that several tests stand on: of noise, with a size and no pixels, of noise beside answers."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from helpers.data.samples import Sample


def png(number=0, size=(40, 20)):
    """The bytes of a picture of noise, another for each number."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, size[::-1], np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds no pixels: 33 bytes of signature and IHDR, then an empty IDAT and IEND."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def noise_samples(folder, answers, sizes):
    """A sample for each answer, with a picture of noise."""
    draw, made = np.random.default_rng(0), []
    for number, (answer, (width, height)) in enumerate(zip(answers, sizes, strict=True)):
        made.append(Sample(folder / f"{number}.png", answer))
        Image.fromarray(draw.integers(0, 256, (height, width), dtype=np.uint8)).save(made[-1].file)
    return made
