"""The encoding of a text file that is not UTF-8: told by its first bytes, or by a detector, or left to the reader.

Every row of bytes is text in some encoding, and the wrong one destroys it. So one is named for sure only where the
detector (charset-normalizer) finds a language in it and in no other; else each reading is shown, to be looked at.
"""

import codecs
import json
import re

from helpers.language import message

# Those that a data file may have been saved in; the first of two that give the same text is named.
KNOWN = "gb18030 big5 cp932 euc-jp cp949 cp1252 cp1251 cp1250 cp1253 cp1254 koi8-r".split()
MARKS = {"utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)}
QUOTED = re.compile(rb'[^"\n]*[\x80-\xff][^"\n]*')  # no encoding of KNOWN has these two bytes inside a character
ENOUGH = 2**15  # bytes of text for the detector
MARGIN = 0.15  # by which a language must be found more clearly than in any other encoding
SHOWN = 4  # readings


def decode(data):
    """(text, fault): the text of a file's bytes, and (byte or None, reason, cure) where it is not plain UTF-8.

    The text is the most likely one, so that other faults of the file can be found too; "" where there is none.
    """
    wide = next((name for name, marks in MARKS.items() if data.startswith(marks)), None)
    wide = wide or (json.detect_encoding(data[:4]) if b"\0" in data[:4] else None)
    if wide:
        return _decode_wide(data, wide)
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[start:].decode("utf-8"), (None, message("rows.bom"), message("rows.bom_cure")) if start else None
    except UnicodeDecodeError as error:
        place = error.start + start
    text = data[start:].decode("utf-8", "replace")
    if start or text.count("\ufffd") < sum(letter > "\x7f" for letter in text) / 2:
        return text, (place, _reason(data, place), message("rows.mixed_cure", count=text.count("\ufffd")))
    text, cure = _other(data)
    return text, (place, _reason(data, place), cure)


def _reason(data, place):
    return message("rows.not_utf8", byte=place, line=data.count(b"\n", 0, place) + 1)


def _decode_wide(data, name):
    fault = (None, message("rows.wide", encoding=name.upper()))
    try:
        return data.decode(name), (*fault, message("rows.certain_cure", encoding=name))
    except UnicodeDecodeError:
        return "", (*fault, message("rows.unknown_encoding_cure"))


def _other(data):
    """(text, cure) of bytes that are in none of Unicode's encodings."""
    found = _candidates(data)
    if not found:
        return "", message("rows.unknown_encoding_cure")
    pieces = QUOTED.findall(data)
    found, certain = _ranked(b"\n".join(pieces)[:ENOUGH], found)
    likely = found[:1] if certain else found[:SHOWN]
    telling = max(pieces[:100], key=lambda piece: (len({_reading(piece, name) for name in likely}), len(piece)))
    if certain:
        cure = message("rows.certain_cure", encoding=found[0])
        return data.decode(found[0]), message("rows.reading", cure=cure, text=_reading(telling, found[0]))
    readings = ", ".join(f"{name} {_reading(telling, name)}" for name in likely)
    return data.decode(found[0]), message("rows.candidates_cure", readings=readings)


def _reading(piece, encoding):
    text = piece.decode(encoding, "replace").strip()
    start = next((place for place, letter in enumerate(text) if letter > "\x7f"), 0)
    return repr(text[max(0, start - 5) : start + 20])


def _candidates(data):
    """Names of the encodings of ``KNOWN`` in which the whole file is text, each with another text."""
    texts = {}
    for name in KNOWN:
        try:
            texts.setdefault(data.decode(name), name)
        except UnicodeDecodeError:
            continue
    return list(texts.values())


def _ranked(sample, names):
    """(``names`` by the detector's judgement, the best first; whether the first is certain)."""
    from charset_normalizer import from_bytes

    options = {"cp_isolation": names, "threshold": 1.0, "enable_fallback": False, "preemptive_behaviour": False}
    found = [match for match in from_bytes(sample, **options) if match.encoding.replace("_", "-") in names]
    if not found:
        return names, False
    first, *others = found
    clearer = all(first.coherence >= other.coherence + MARGIN and first.chaos <= other.chaos for other in others)
    equal = [match for match in found if (match.chaos, match.coherence) == (first.chaos, first.coherence)]
    order = sorted(equal, key=lambda match: names.index(match.encoding.replace("_", "-"))) + found[len(equal) :]
    ranked = [match.encoding.replace("_", "-") for match in order]
    return ranked, len(names) == 1 or (clearer and first.coherence > MARGIN)
