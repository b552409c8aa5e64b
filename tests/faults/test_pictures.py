"""Broken pictures, videos and sounds: what ``data.find_problems``, and whoever opens one, says of each."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
from faults import encoded, hold, made, rows, said_by, said_of, write
from PIL import Image

from helpers import data, inference
from helpers.data import media
from helpers.data.images import MAX_BYTES
from helpers.data.synthetic.sounds import write_wav
from helpers.data.synthetic.videos import write_video
from helpers.show import widget

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234\n"
GOOD = made("L")


def png_of(width, height):
    """A PNG whose header promises that size, and which holds nothing."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def picture(content, name="1.png"):
    """A data set of one picture with that content."""

    def maker(folder):
        write(folder, name, content)
        return named(name)(folder)

    return maker


def named(*names, make=lambda folder: None):
    """A data set that names these pictures, whatever there is."""

    def maker(folder):
        make(folder)
        rows = [{"image": name, "text": f"x = {number}"} for number, name in enumerate(names)]
        return said_of(write(folder, "data.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows)))

    return maker


def link(folder):
    outside = write(folder.parent, f"{folder.name}.outside.png", GOOD)
    (folder / "1.png").symlink_to(outside)


def huge(folder):
    with (folder / "1.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)


def pages(form, count=2, **options):
    frames = [Image.new("L", (40, 20), 255) for _ in range(count)]
    for number, frame in enumerate(frames):
        frame.paste(0, (5, 5, 12 + 9 * number, 9))
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)


def white_on_clear():
    image = Image.new("RGBA", (60, 20), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (5, 5, 40, 9))
    return encoded(image)


def media_row(modality, name, make):
    """A data set of one video or sound that ``make`` writes."""

    def maker(folder):
        make(folder / name)
        return said_of(write(folder, "data.jsonl", {modality: name, "text": "x"}))

    return maker


def frames_of(count):
    return lambda path: write_video(np.zeros((count, 32, 64), np.uint8), path)


def torn(make, part):
    def write_torn(path):
        make(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])

    return write_torn


def sound(samples):
    return lambda path: write_wav(np.asarray(samples, float), path)


TONE = np.sin(np.arange(16000) / 9) / 2
WEB = b"<!DOCTYPE html><html>404 Not Found</html>"

MAKERS = {
    "an empty file": picture(b""),
    "a PNG that was cut off": picture(GOOD[:-40]),
    "a PNG with a wrong byte in it": picture(GOOD[:45] + b"\x00\x01\x02\x03" + GOOD[49:]),
    "a JPEG that was cut off": picture(made("L", (200, 200), "JPEG")[:-200], "1.jpg"),
    "a text named .png": picture(b"hello"),
    "a web page saved as a picture": picture(WEB),
    "a Git LFS pointer": picture(LFS),
    "an SVG": picture(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "1.svg"),
    "a PDF": picture(b"%PDF-1.7\n1 0 obj\n", "1.pdf"),
    "a bomb that Pillow knows": picture(png_of(30_000, 30_000)),
    "a picture of too many pixels": picture(png_of(9_500, 9_500)),
    "a file over the limit": named("1.png", make=huge),
    "one pixel high": picture(made("L", (30, 1))),
    "one pixel wide": picture(made("L", (1, 30))),
    "too long for its height": picture(made("L", (2050, 10))),
    "all white": picture(encoded(Image.new("L", (60, 20), 255))),
    "all black": picture(encoded(Image.new("RGB", (60, 20), 0))),
    "white ink on transparency": picture(white_on_clear()),
    "a TIFF of two pages": picture(pages("TIFF"), "1.tiff"),
    "a GIF that moves": picture(pages("GIF"), "1.gif"),
    "a WebP that moves": picture(pages("WEBP", lossless=True), "1.webp"),
    "no such picture": named("1.png"),
    "a folder": named("1.png", make=lambda folder: (folder / "1.png").mkdir()),
    "a pipe": named("1.png", make=lambda folder: os.mkfifo(folder / "1.png")),
    "a link out of the folder": named("1.png", make=link),
    "an absolute path": named("/etc/hostname"),
    "a path of Windows": named("C:\\data\\1.png"),
    "a path that leaves the folder": named("../1.png"),
    "backslashes": named("images\\1.png", make=lambda folder: write(folder, "images/1.png", GOOD)),
    "a NUL in the path": named("1\0.png"),
    "an empty path": named(" "),
    "half a character in the path": named("\ud800.png"),
    "a name too long for any disk": named("a" * 300 + ".png"),
    "a name that looks the same": named("caf\u00e9.png", make=lambda folder: write(folder, "cafe\u0301.png", GOOD)),
    "another case of letters": named("A.PNG", make=lambda folder: write(folder, "a.png", GOOD)),
    "the same picture in other bytes": named(
        "1.png", "2.bmp",
        make=lambda folder: (write(folder, "1.png", GOOD), write(folder, "2.bmp", made("L", form="BMP"))),
    ),
    "read_picture: no such file": lambda folder: data.read_picture(folder / "1.png"),
    "read_picture: cut off": lambda folder: data.read_picture(write(folder, "1.png", GOOD[:-40])),
    "read_size: empty": lambda folder: data.read_size(write(folder, "1.png", b"")),
    "find_pictures: an empty folder": inference.find_pictures,
    "find_pictures: a broken one among others": lambda folder: (
        write(folder, "1.png", GOOD), write(folder, "2.png", b"x"), inference.find_pictures(folder),
    ),
    "find_pictures: a folder in a list": lambda folder: inference.find_pictures([folder]),
    "find_pictures: files that are not read": lambda folder: (
        write(folder, "1.png", GOOD), write(folder, "2.heic", b"x"), write(folder, "3.pdf", b"x"),
        said_by(inference.find_pictures, folder),
    )[-1],
    "chat_messages: a broken picture": lambda folder: inference.chat_messages(write(folder, "1.png", GOOD[:-40])),
    "recognise: no such file": lambda folder: recognised("nothing.png"),
    "recognise: an empty file": lambda folder: recognised(b""),
    "recognise: an address": lambda folder: recognised("data:text/html,<p>"),
    "recognise: a damaged data URL": lambda folder: recognised("data:image/png;base64,§"),
    "recognise: too large": lambda folder: (huge(folder), recognised(folder / "1.png"))[1],
    "a video that was cut off": media_row("video", "1.mp4", torn(frames_of(8), 0.6)),
    "a video of one frame": media_row("video", "1.mp4", frames_of(1)),
    "a sound where a video should be": media_row("video", "1.wav", sound(TONE)),
    "a text named .mp4": media_row("video", "1.mp4", lambda path: path.write_bytes(b"hello")),
    "a sound too short": media_row("audio", "1.wav", sound(TONE[:100])),
    "a silent sound": media_row("audio", "1.wav", sound(np.zeros(16000))),
    "a sound of no samples": media_row("audio", "1.wav", sound([])),
    "a text named .wav": media_row("audio", "1.wav", lambda path: path.write_bytes(b"hello")),
    "an empty sound file": media_row("audio", "1.wav", lambda path: path.write_bytes(b"")),
    "read_sound: no such file": lambda folder: media.read_sound(folder / "1.wav"),
}  # fmt: skip


def recognised(source):
    return widget.answer(source, None, None, None)[1]


@pytest.mark.parametrize(("maker", "row", "language"), rows("pictures", MAKERS))
def test_what_is_said_of(maker, row, language, tmp_path, monkeypatch):
    hold(maker, row, language, tmp_path, monkeypatch)
