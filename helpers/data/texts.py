"""Texts that somebody else wrote: what in one cannot be seen, cannot be trained on, or looks like another and is not.

Everything here is about single strings; ``helpers.data.records`` says which row they stand in.
"""

import re
import unicodedata
from functools import cache

from helpers.data.rows import half_character, shown
from helpers.language import message

# The special tokens of the project's families, for a check that knows no model. <image>, <video>, <audio> are
# placeholders in data files and stand for files there (``formats.MARKS``).
KNOWN_TOKENS = (
    "<|im_start|> <|im_end|> <|endoftext|> <|image_pad|> <|video_pad|> <|vision_start|> <|vision_end|> <|vision_pad|> "
    "<|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> <|quad_start|> <|quad_end|> "
    "<|system|> <|user|> <|assistant|> <|observation|> <|image|> <|video|> <|audio|> <|begin_of_image|> "
    "<|end_of_image|> <|begin_of_video|> <|end_of_video|> [gMASK] [sMASK] [MASK] <sop> <eop> "
    "</image> <image_id> </image_id> <slice> </slice> <unk> <|audio_start|> <|audio_end|>"
).split()

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a sign that print nothing
JOINERS = "\u200c\u200d"  # written in words of Persian and Hindi and in emoji
DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # what comes is printed from right to left
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u115f\u1160\u180e\u200b\u2028\u2029\u2060-\u2064\u3164\ufeff\uffa0\ufff9-\ufffb]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]"
)
# letters that look Latin: Cyrillic, then Greek
LATIN = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0423\u0406\u0408\u0405"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "aeopcyxijshdqw" + "ABEKMHOPCTXYIJS" + "ovABEZHIKMNOPTYX",
)


def text_faults(text):
    """What no file and no tokenizer takes, or was decoded wrongly, as a list of (reason, cure)."""
    faults = []
    if half_character(text):
        faults.append((message("records.half_character", text=shown(text)), message("records.half_character_cure")))
    if "\ufffd" in text:
        faults.append((message("records.replaced", text=shown(text)), message("records.replaced_cure")))
    return faults


def text_warnings(text, answer=False):
    """What training survives and nobody sees, as a list of (reason, cure); ``answer``: also spaces at its ends."""
    found = []
    if text.isascii() and text.isprintable() and text == text.strip():
        return found
    if answer and text != text.strip():
        found.append((message("records.spaces", text=shown(text)), message("records.spaces_cure")))
        text = text.strip()
    if codes := _codes(UNSEEN.findall(text)):
        found.append((message("records.unseen", codes=codes, text=shown(text)), message("records.unseen_cure")))
    if codes := _codes(DIRECTIONS.findall(text)):
        reason = message("records.directions", codes=codes, text=shown(text))
        found.append((reason, message("records.unseen_cure")))
    return found


def _codes(letters):
    return ", ".join(f"U+{ord(letter):04X}" for letter in sorted(set(letters))[:5])


def can_be_seen(text):
    """Whether anything of the text prints: not only white space, marks on nothing, or control characters.

    Half a character would, if it were whole; so would a sign of somebody's own (private use).
    """
    kinds = ((unicodedata.category(letter), letter) for letter in text)
    return any((kind[0] not in "ZCM" or kind in ("Cs", "Co")) and letter not in BLANKS for kind, letter in kinds)


def special_tokens_in(text, tokens):
    """Those of ``tokens`` that stand in the text: a tokenizer makes one token of each, whatever is meant by it."""
    return [token for token in tokens if token in text]


def same_look(text):
    """The text with one spelling for what looks the same: NFC and NFD, wide and narrow letters, spaces, nothing."""
    composed = unicodedata.normalize("NFC", "".join(_plain(letter) for letter in text) if not text.isascii() else text)
    return composed.replace("\r\n", "\n")


@cache
def _plain(letter):
    """The usual one of the letters that look like ``letter``; "" if it cannot be seen."""
    if letter < "\x7f":
        return letter
    if unicodedata.category(letter) == "Zs":
        return " "
    if letter in JOINERS or UNSEEN.fullmatch(letter) or DIRECTIONS.fullmatch(letter):
        return ""
    decomposed = unicodedata.decomposition(letter)
    if decomposed.startswith(("<wide>", "<narrow>")):
        return unicodedata.normalize("NFKC", letter)
    return letter


def same_name(name):
    """A file name with one spelling for what looks the same, Cyrillic and Greek letters and their case included."""
    plain = unicodedata.normalize("NFKC", same_look(name)).translate(LATIN).casefold()
    return unicodedata.normalize("NFC", " ".join(plain.split()))
