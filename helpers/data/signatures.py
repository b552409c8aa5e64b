"""What a file really is, by its first bytes: for those that bear a picture's name and are none that can be read."""

from helpers.language import message

SIGNATURES = (  # (where it stands, bytes, what such a file is)
    (0, b"version https://git-lfs", "signature.lfs"),
    (0, b"%PDF-", "signature.pdf"),
    (0, b"%!PS", "signature.postscript"),
    (0, b"\xc5\xd0\xd3\xc6", "signature.postscript"),
    (4, b"ftypavif", "signature.avif"),
    (4, b"ftypavis", "signature.avif"),
    *((4, b"ftyp" + brand, "signature.heic") for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1", b"msf1")),
    (4, b"ftyp", "signature.clip"),
    (4, b"jP  \r\n", "signature.jpeg2000"),
    (0, b"\xff\x4f\xff\x51", "signature.jpeg2000"),
    (0, b"\xff\x0a", "signature.jpegxl"),
    (4, b"JXL \r\n", "signature.jpegxl"),
    (0, b"8BPS", "signature.photoshop"),
    (0, b"\0\0\1\0", "signature.icon"),
    (0, b"AT&TFORM", "signature.djvu"),
    (128, b"DICM", "signature.dicom"),
    (0, b"\x93NUMPY", "signature.numpy"),
    (0, b"PK\3\4", "signature.archive"),
    (0, b"\x1f\x8b", "signature.archive"),
    (0, b"7z\xbc\xaf", "signature.archive"),
    (0, b"Rar!", "signature.archive"),
)
CURES = {
    "signature.lfs": "signature.lfs_cure",
    "signature.pdf": "signature.pages_cure",
    "signature.djvu": "signature.pages_cure",
    "signature.postscript": "signature.draw_cure",
    "signature.svg": "signature.draw_cure",
    "signature.clip": "signature.clip_cure",
    "signature.dicom": "signature.values_cure",
    "signature.numpy": "signature.values_cure",
    "signature.archive": "signature.archive_cure",
    "signature.html": "signature.html_cure",
    "signature.text": "signature.text_cure",
}
HEAD = 1024  # bytes of a file that are read as text


def describe(data):
    """(what the bytes are, what to do about it) in the reader's language, or None where nobody knows."""
    found = next((name for start, mark, name in SIGNATURES if data.startswith(mark, start)), None) or _text(data)
    return found and (message(found), message(CURES.get(found, "signature.convert_cure")))


def _text(data):
    """Which kind of text it is: a web page, SVG, or any; None for what is no text."""
    try:
        text = data[:HEAD].decode("utf-8-sig", "strict" if len(data) <= HEAD else "ignore").strip().lower()
    except UnicodeDecodeError:
        return None
    if not text or not all(letter.isprintable() or letter in "\t\r\n\f" for letter in text):
        return None
    if text.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "signature.html"
    return "signature.svg" if "<svg" in text else "signature.text"
