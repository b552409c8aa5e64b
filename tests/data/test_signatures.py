"""helpers.data.signatures: what bears a picture's name and is none is called by its own."""

import pytest

from helpers.data.images import PictureError, open_picture
from helpers.data.signatures import CURES, SIGNATURES, describe
from helpers.language import texts

FILES = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
    "PostScript (EPS)": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "HEIC": b"\0\0\0\x24ftypheic\0\0\0\0mif1heic",
    "AVIF": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
    "a video or sound (MP4)": b"\0\0\0\x20ftypisom\0\0\2\0",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "JPEG XL": b"\xff\x0a\xfa\x7f",
    "a file of Photoshop": b"8BPS\0\1",
    "an icon": b"\0\0\1\0\1\0\x10\x10",
    "a DjVu": b"AT&TFORM\0\0\1\0DJVU",
    "DICOM": bytes(128) + b"DICM\2\0",
    "an array of NumPy": b"\x93NUMPY\1\0",
    "an archive": b"PK\3\4\x14\0",
    "a web page": b"\n<!DOCTYPE html>\n<html><body>404 Not Found</body></html>",
    "an SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "plain text": '{"error": "没有权限"}'.encode(),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_of_another_kind_is_called_by_its_name(what):
    with pytest.raises(PictureError) as refused:
        open_picture(FILES[what])
    assert f"not a picture ({len(FILES[what])} bytes) that can be read: it is {what}" in refused.value.reason
    assert refused.value.cure == describe(FILES[what])[1]


def test_a_text_whose_first_kilobyte_ends_within_a_letter_is_one():
    assert [describe(b"a" * n + "公式".encode() * 400)[0] for n in (1, 2, 3)] == ["plain text"] * 3


@pytest.mark.parametrize("data", [b"", b"   ", b"\x89PNG\r\n\x1a\n\0\0", bytes(range(256)), b"a\0b", b"\xff\xfe"])
def test_what_nobody_knows_has_no_name(data):
    assert describe(data) is None


def test_each_kind_has_its_words_and_cures_belong_to_kinds():
    named = {name for _, _, name in SIGNATURES} | {"signature.html", "signature.svg", "signature.text"}
    assert set(CURES) <= named <= set(texts())
