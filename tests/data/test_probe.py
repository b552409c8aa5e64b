"""helpers.data.probe: what a data file names is opened only inside its folder, and decoded to its end."""

import hashlib
import io
import os
import random

import numpy as np
import pytest
from pictures import png, png_header
from PIL import Image

from helpers.data import probe
from helpers.data.images import strict_pillow
from helpers.data.probe import content_digest, look_at
from helpers.data.synthetic import sounds, videos


def reason(folder, name, modality="image"):
    """What is wrong with a file, None if nothing is; every fault has a cure."""
    with strict_pillow():
        look = look_at(os.path.realpath(folder), name, modality)
    assert look.fault is None or (look.fault[1] and "\n" not in look.fault[0])
    return look.fault and look.fault[0]


NOISE = random.Random(0).randbytes(40 * 20)
NOISY = io.BytesIO()
Image.frombytes("L", (40, 20), NOISE).save(NOISY, "PNG")
TWO = io.BytesIO()
Image.open(NOISY).save(TWO, "TIFF", save_all=True, append_images=[Image.open(NOISY)])

PICTURES = {
    "empty file": (b"", "is an empty file"),
    "text": (b"not a picture at all", "not a picture (20 bytes)"),
    "truncated": (NOISY.getvalue()[:-200], "broken or cut short"),
    "truncated header": (png()[:20], "not a picture"),
    "broken middle": (NOISY.getvalue()[:100] + b"\xff" * 300 + NOISY.getvalue()[400:], "broken or cut short"),
    "one pixel high": (png(size=(300, 1)), "1 pixel high (300x1)"),
    "one pixel wide": (png(size=(1, 30)), "1 pixel wide (1x30)"),
    "absurd ratio": (png(size=(802, 4)), "Qwen2-VL refuses over 200:1"),
    "bomb": (png_header(9500, 9500), "decompression bomb? 9500x9500"),
    "large bomb": (png_header(60_000, 60_000), "decompression bomb?"),
    "two pages": (TWO.getvalue(), "2 pages or frames in one file"),
    "a web page": (b"<html><body>404</body></html>", "it is a web page"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),
}


@pytest.mark.parametrize("case", PICTURES)
def test_bad_picture_is_named(tmp_path, case):
    data, said = PICTURES[case]
    (tmp_path / "2.png").write_bytes(data)
    assert said in reason(tmp_path, "2.png") and "'2.png'" in reason(tmp_path, "2.png")


def test_good_picture_gives_its_size_and_a_hash_of_what_it_shows(tmp_path):
    for name, number in (("a.png", 1), ("c.png", 2)):
        (tmp_path / name).write_bytes(png(number))
    Image.open(tmp_path / "a.png").save(tmp_path / "b.bmp")
    one, same, other = (look_at(os.path.realpath(tmp_path), name, "image") for name in ("a.png", "b.bmp", "c.png"))
    assert one == same and one.picture.size == other.picture.size == (40, 20) and one.digest != other.digest


def inked(grey, paper=255, mode="L"):
    page = Image.new("L", (60, 40), paper)
    page.paste(grey, (10, 10, 40, 20))
    return page.convert(mode)


HIDDEN = Image.merge("LA", (Image.new("L", (60, 40), 255), inked(255, 0)))  # white ink on transparency
UNSEEN = {
    "white": (inked(255), "'2.png': nothing to be seen: all of it has one colour"),
    "black": (inked(0, 0), "'2.png': nothing to be seen: all of it has one colour"),
    "two greys": (inked(253), "differs by 2 of 255"),
    "16 bits, white": (Image.new("I;16", (60, 40), 65535), "nothing to be seen"),
    "white ink on transparency": (HIDDEN, "'2.png': nothing to be seen once the see-through parts lie on white"),
    "all see-through": (Image.new("RGBA", (60, 40), (9, 9, 9, 0)), "once the see-through parts lie on white"),
}


@pytest.mark.parametrize("case", UNSEEN)
def test_picture_without_anything_to_see_is_named(tmp_path, case):
    image, said = UNSEEN[case]
    image.save(tmp_path / "2.png")
    assert said in reason(tmp_path, "2.png")


def test_faint_picture_is_a_warning_and_coloured_ink_of_the_same_light_is_not(tmp_path):
    inked(245).save(tmp_path / "faint.png")
    inked(215).save(tmp_path / "pale.png")
    Image.merge("RGB", (inked(200, 100), inked(100, 151), Image.new("L", (60, 40), 100))).save(tmp_path / "red.png")
    faint, pale, red = (look_at(str(tmp_path), f"{name}.png", "image") for name in ("faint", "pale", "red"))
    assert "'faint.png': hardly anything to be seen" in faint.warning[0] and "by 10 of 255" in faint.warning[0]
    assert not (faint.fault or pale.fault or pale.warning or red.fault or red.warning)


def test_equal_sounds_have_one_digest_and_videos_that_of_their_bytes(tmp_path):
    good_clips(tmp_path)
    wav, mp4 = (tmp_path / "a.wav").read_bytes(), (tmp_path / "a.mp4").read_bytes()
    named = wav[:12] + b"LIST\x04\0\0\0INFO" + wav[12:]
    assert content_digest(wav, "audio") == content_digest(named, "audio") != content_digest(wav, "video")
    assert content_digest(mp4, "video") == hashlib.sha256(mp4).digest()
    assert content_digest(b"text", "image") == content_digest(b"text", "audio") == hashlib.sha256(b"text").digest()


@pytest.mark.parametrize(("many", "shown"), [(3, True), (4, False)])
def test_a_bar_is_shown_for_many_files_only(monkeypatch, capsys, many, shown):
    monkeypatch.setattr(probe, "MANY", many)
    assert probe.look_at_all(str, [1, 2, 3, 4]) == ["1", "2", "3", "4"]
    assert ("looking at files" in capsys.readouterr().err) == shown


def test_ratio_of_exactly_200_is_allowed(tmp_path):
    (tmp_path / "a.png").write_bytes(png(size=(800, 4)))
    assert reason(tmp_path, "a.png") is None


PATHS = {
    "images/9.png": "is missing",
    "images\\0.png": "is missing",
    "images": "is not a file",
    "../0.png": "leaves the data folder",
    "images/../../0.png": "leaves the data folder",
    "..\\0.png": "leaves the data folder",
    "/etc/hostname": "absolute path",
    "C:\\pictures\\0.png": "absolute path",
    "\\\\server\\0.png": "absolute path",
    "/dev/zero": "absolute path",
    "": "is empty or impossible",
    "images/\0.png": "is empty or impossible",
    "\ud800.png": "is empty or impossible",
    "a" * 5000: "cannot be opened",
    "images/0.png/1.png": "is missing",
}


@pytest.mark.parametrize("path", PATHS)
def test_bad_path_is_named(tmp_path, path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.png").write_bytes(png())
    assert PATHS[path] in reason(tmp_path, path)


def test_link_out_of_the_folder_is_refused_and_one_inside_is_not(tmp_path_factory, tmp_path):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    secret.write_bytes(png(77))
    (tmp_path / "real.png").write_bytes(png(77))
    (tmp_path / "out.png").symlink_to(secret)
    (tmp_path / "in.png").symlink_to("real.png")
    assert "link that leads out" in reason(tmp_path, "out.png") and reason(tmp_path, "in.png") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "is not a file" in reason(tmp_path, "pipe.png")


# --- videos and sounds ------------------------------------------------------------------------


def good_clips(folder):
    videos.write_video(np.arange(8 * 32 * 64, dtype=np.uint8).reshape(8, 32, 64), folder / "a.mp4")
    sounds.write_wav(np.sin(np.arange(8000) / 5), folder / "a.wav")


BAD_CLIPS = {
    "no video": ("b.mp4", "video", lambda folder: b"no video at all", "video is broken or cut short"),
    "half a video": ("b.mp4", "video", lambda folder: (folder / "a.mp4").read_bytes()[:-400], "broken or cut short"),
    "a sound": ("b.mp4", "video", lambda folder: (folder / "a.wav").read_bytes(), "no video in this file"),
    "no sound": ("b.wav", "audio", lambda folder: b"RIFF of nothing", "sound is broken or cut short"),
    "a video": ("b.wav", "audio", lambda folder: (folder / "a.mp4").read_bytes(), "no sound in this file"),
}


@pytest.mark.parametrize("fault", BAD_CLIPS)
def test_broken_videos_and_sounds_are_named(tmp_path, fault):
    good_clips(tmp_path)
    name, modality, data, said = BAD_CLIPS[fault]
    (tmp_path / name).write_bytes(data(tmp_path))
    assert reason(tmp_path, "a.mp4", "video") is None and reason(tmp_path, "a.wav", "audio") is None
    assert said in reason(tmp_path, name, modality) and name in reason(tmp_path, name, modality)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.full(320, 0.5), "sound of 20 ms is too short"),
        (np.zeros(8000), "sound is silent"),
        (np.zeros(0), "sound is"),
    ],
)
def test_sounds_without_a_sound_are_named(tmp_path, samples, said):
    sounds.write_wav(samples, tmp_path / "a.wav")
    assert said in reason(tmp_path, "a.wav", "audio")
