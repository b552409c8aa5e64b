"""One conversation out of a row of any form that ``helpers.data.dialects`` knows: its texts, and its files in order."""

import re
from dataclasses import dataclass, field

from helpers.data.dialects import (
    ANSWERS,
    ANY_FILE,
    FILES,
    QUESTIONS,
    ROLES,
    TEXTS,
    RowFault,
    check_answer,
    find_key,
    folded,
    sources_of,
    string_of,
    turns_key,
)
from helpers.data.formats import MARKS
from helpers.data.rows import kind, shown
from helpers.language import message

TEXT_PARTS = ("text", "input_text", "output_text")
FILE_PARTS = {"image_url": "image", "input_image": "image", "image": "image", "video": "video", "audio": "audio"}
FILE_PARTS |= {"video_url": "video", "audio_url": "audio"}
PLACES = re.compile(r"<(img|video|audio)>([^<>]+)</\1>|<(image|video|audio)>")


@dataclass
class Conversation:
    """Messages as (role, text with a placeholder for each file), and the files in that order as (source, modality).

    A source is a path or address as written, or bytes. ``used`` are the keys of the row that were read.
    """

    messages: list[tuple[str, str]] = field(default_factory=list)
    files: list[tuple[object, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def read_conversation(row):
    """The ``Conversation`` that a folded row holds, whatever its form. Raises RowFault."""
    if row.get("objects") or row.get("tools"):
        raise RowFault(message("convert.objects"), message("convert.objects_cure"))
    found = Conversation()
    turns = _turns(row, found.used)
    places = []  # of files in the texts: (modality, source, or None where the row names it)
    for role, content in turns:
        text = "".join(_placed(part, role, places) for part in _parts(content))
        found.messages.append((role, text))
    _check_order(found)
    for modality, mark in MARKS.items():
        _fill(found, places, modality, mark, _row_files(row, modality, found.used))
    found.files = [(source, modality) for modality, source in places]
    return found


def _turns(row, used):
    """(role, content) of each turn, the system text first; notes the keys that were read in ``used``."""
    turns = []
    for key in ("system", "instructions"):
        if isinstance(row.get(key), str) and row[key].strip():
            turns.append(("system", row[key]))
            used.add(key)
    if key := turns_key(row):
        used.add(key)
        return turns + [_turn(turn) for turn in row[key]]
    question, answer = find_key(row, QUESTIONS), find_key(row, ANSWERS + TEXTS)
    if question is None or answer is None:
        reason = message("convert.no_turns", keys=", ".join(map(shown, sorted(row)[:8])))
        raise RowFault(reason, message("convert.no_turns_cure"))
    used |= {question, answer, "history", "input"}
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise RowFault(message("convert.history"), message("convert.history_cure"))
    for pair in history:
        turns += [("user", string_of(pair[0], "history")), ("assistant", string_of(pair[1], "history"))]
    more = row.get("input") or ""
    asked = "\n".join(part for part in (string_of(row[question], question), string_of(more, "input")) if part)
    return [*turns, ("user", asked), ("assistant", string_of(row[answer], answer))]


def _turn(turn):
    turn = folded(turn) if isinstance(turn, dict) else turn
    role = turn.get("from", turn.get("role")) if isinstance(turn, dict) else None
    known = ROLES.get(role.strip().casefold()) if isinstance(role, str) else None
    content = next((turn[key] for key in ("content", "value", "text") if key in turn), None) if known else None
    if known is None:
        found = shown(role) if isinstance(role, str) else kind(role if isinstance(turn, dict) else turn)
        raise RowFault(message("convert.role", role=found), message("convert.role_cure"))
    return known, content


def _parts(content):
    """A turn's content as a list of texts and of (modality, source or None)."""
    if not isinstance(content, list):
        return [string_of(content, "content")]
    parts = []
    for part in content:
        name = part.get("type") if isinstance(part, dict) else None
        if isinstance(part, str) or name in TEXT_PARTS:
            text = part if isinstance(part, str) else string_of(part.get("text"), "text")
            parts += ["\n", text] if parts and isinstance(parts[-1], str) else [text]
        elif name in FILE_PARTS:
            value = next((part[key] for key in (name, "image_url", "url", "path", "image") if part.get(key)), None)
            sources = sources_of(value) or [None]
            parts += [(FILE_PARTS[name], source) for source in sources]
        else:
            found = shown(name) if isinstance(name, str) else kind(part)
            raise RowFault(message("convert.part", part=found), message("convert.part_cure"))
    return parts


def _placed(part, role, places):
    """The text of a part, with a placeholder for each file, which is noted in ``places``."""
    if isinstance(part, str) and role != "user":
        if mark := next((mark for mark in MARKS.values() if mark in part), None):
            raise RowFault(message("convert.mark", role=role, mark=mark), message("convert.mark_cure"))
        return part
    if role != "user":
        raise RowFault(message("convert.mark", role=role, mark=MARKS[part[0]]), message("convert.mark_cure"))
    if not isinstance(part, str):
        places.append(part)
        return MARKS[part[0]]

    def place(found):
        modality = (found[1] or found[3]).replace("img", "image")
        places.append((modality, found[2] and found[2].strip()))
        return MARKS[modality]

    return PLACES.sub(place, part)


def _check_order(found):
    """Join the system texts at the start; then user and assistant in turn, and every answer says something."""
    roles = [role for role, _ in found.messages]
    start = next((index for index, role in enumerate(roles) if role != "system"), len(roles))
    system = "\n".join(text for _, text in found.messages[:start] if text.strip())
    turns = found.messages[start:]
    wanted = [("user", "assistant")[index % 2] for index in range(len(turns))]
    if not turns or roles[start:] != wanted or len(turns) % 2:
        order = ", ".join(roles[:8]) or message("records.empty")
        raise RowFault(message("convert.order", order=order), message("convert.order_cure"))
    for _, text in turns[1::2]:
        check_answer(text)
    found.messages = [*([("system", system)] if system else []), *turns]


def _row_files(row, modality, used):
    names = FILES[modality] if modality != "image" else FILES["image"] + ANY_FILE
    found = [name for name in names if name in row]
    used.update(found)
    return [source for key in found for source in sources_of(row[key])]


def _fill(found, places, modality, mark, sources):
    """Give the placeholders without a source those of the row; where there are none, put some before the question."""
    empty = [index for index, place in enumerate(places) if place == (modality, None)]
    if sources and not empty:
        first = next(index for index, (role, _) in enumerate(found.messages) if role == "user")
        found.messages[first] = ("user", mark * len(sources) + found.messages[first][1])
        places[:0] = [(modality, source) for source in sources]
    elif len(empty) != len(sources):
        facts = {"found": len(empty), "mark": mark, "wanted": len(sources), "modality": modality}
        raise RowFault(message("records.marks", **facts), message("records.marks_cure"))
    else:
        for index, source in zip(empty, sources, strict=True):
            places[index] = (modality, source)
