"""Data files that somebody else wrote, read without trust: every fault of a file becomes a Problem, never a crash.

Four forms of record are known, all lists or lines of JSON objects:

    jsonl     {"image": "images/1.png", "text": "..."}                      one a line; or "video", or "audio"
    qwen2_vl  {"id", "conversations": [{"role", "value"}, ...]}             the user's value is the picture path
    minicpm   {"id", "image", "conversations": [{"role", "content"}, ...]}  an <image> mark in the prompt
    sharegpt  {"messages": [{"role", "content"}, ...], "images": [...]}     as many <image> marks as pictures
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from helpers.data.formats import MARKS
from helpers.data.rows import half_character, is_jsonl, kind, read_rows, shown

KEYS = {  # form: (needed keys, further allowed keys)
    "jsonl": ({"text"}, {*MARKS, "id"}),
    "qwen2_vl": ({"conversations"}, {"id"}),
    "minicpm": ({"image", "conversations"}, {"id"}),
    "sharegpt": ({"messages"}, {"images", "videos", "audios", "system", "tools", "id"}),
}


@dataclass(frozen=True)
class Problem:
    """One fault: the file, the row (line from 1 in JSONL, record from 0 in JSON, None: whole file), why, the cure."""

    file: str
    row: int | None
    reason: str
    cure: str

    def __str__(self):
        return f"{self.file}{'' if self.row is None else f':{self.row}'}: {self.reason} -> {self.cure}"


@dataclass
class Record:
    """What of one row is usable, its files as (name, modality), and its faults as (reason, cure)."""

    row: int
    files: list[tuple[str, str]] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_records(path, form="auto"):
    """Read a data file: ``(records, faults)``; faults of the file itself are (row or None, reason, cure)."""
    rows, faults = read_rows(path)
    form = _form([value for _, value in rows]) if form == "auto" else form
    if rows and form in ("jsonl", "qwen2_vl", "minicpm") and is_jsonl(path) != (form == "jsonl"):
        wanted = "one object a line, in a .jsonl file" if form == "jsonl" else "one list, in a .json file"
        faults.append((None, f"{form} records in a {Path(path).suffix or 'nameless'} file", f"write them as {wanted}"))
    return [_record(row, value, form) for row, value in rows], faults


def _form(values):
    """The form that most rows have, by their keys; "" if none has any."""
    found = Counter()
    for value in values:
        keys = value.keys() if isinstance(value, dict) else set()
        if "messages" in keys:
            found["sharegpt"] += 1
        elif "conversations" in keys:
            found["minicpm" if "image" in keys else "qwen2_vl"] += 1
        elif keys & {"text", *MARKS}:
            found["jsonl"] += 1
    return found.most_common(1)[0][0] if found else ""


def _record(row, value, form):
    record = Record(row)
    if not isinstance(value, dict):
        record.faults.append((f"row is {kind(value)}, not an object", "write one JSON object for each picture"))
    elif not form:
        record.faults.append((f"keys are {_names(value)}: no known record", f"use one of {', '.join(KEYS)}"))
    else:
        _check_keys(record, value, form)
        READERS[form](record, value)
        for text in record.prompts + record.answers:
            _check_text(record, text)
    return record


def _names(keys):
    return ", ".join(shown(key) for key in sorted(keys)[:8]) or "none"


def _check_keys(record, value, form):
    needed, allowed = KEYS[form]
    if missing := needed - value.keys():
        record.faults.append((f"no {_names(missing)}; keys are {_names(value)}", f"a {form} record needs it"))
    if unknown := value.keys() - needed - allowed:
        record.faults.append((f"unknown key {_names(unknown)}", "rename it, or remove it: nothing would read it"))


def _check_text(record, text):
    if half_character(text):
        record.faults.append((f"half a character (surrogate) in {shown(text)}", "write the text again"))
    if "\ufffd" in text:
        record.faults.append((f"U+FFFD in {shown(text)}: decoded wrongly once", "take the text from its source again"))


def _string(record, holder, key, name):
    """The string under ``key``, or None with a fault; a missing key has been named already."""
    value = holder.get(key, "")
    if isinstance(value, str):
        return value if key in holder else None
    record.faults.append((f"{name} is {kind(value)}, not a string", "give a string, or leave the row out"))
    return None


def _read_jsonl(record, value):
    named = [modality for modality in MARKS if modality in value]
    if not named:
        record.faults.append((f"no 'image'; keys are {_names(value)}", "a jsonl record needs it"))
    if len(named) > 1:
        record.faults.append((f"{' and '.join(named)} in one row", "write a row for each file"))
    for modality in named:
        _add_file(record, modality, value)
    _add_answer(record, _string(record, value, "text", "text"))


def _add_file(record, modality, value):
    name = _string(record, value, modality, modality)
    if name is not None:
        record.files.append((name, modality))


def _add_answer(record, text):
    if text is not None and not text.strip():
        record.faults.append(("empty answer", "give the text, or leave the row out"))
    elif text is not None:
        record.answers.append(text)


def _read_qwen2_vl(record, value):
    _read_turns(record, value, "conversations", "value")
    record.files, record.prompts = [(name, "image") for name in record.prompts[:1]], []
    if isinstance(value.get("conversations"), list) and len(value["conversations"]) != 2:
        record.faults.append((f"{len(value['conversations'])} turns", "write one user and one assistant turn"))


def _read_minicpm(record, value):
    _add_file(record, "image", value)
    _read_turns(record, value, "conversations", "content")
    _check_marks(record, "image", len(record.files))


def _read_sharegpt(record, value):
    _read_turns(record, value, "messages", "content")
    for modality in MARKS:
        names = value.get(f"{modality}s", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            record.faults.append((f"{modality}s is not a list of paths", 'write ["images/1.png"]'))
            continue
        record.files += [(name, modality) for name in names]
        _check_marks(record, modality, len(names))


def _read_turns(record, value, key, content):
    """Add prompts and answers of a conversation: user and assistant in turn, after an optional system message."""
    turns = value.get(key, [])
    if not isinstance(turns, list) or (key in value and not turns):
        reason = f"{key} is {'empty' if turns == [] else kind(turns)}"
        record.faults.append((reason, "write a list of user and assistant"))
        return
    if key == "messages" and turns and isinstance(turns[0], dict) and turns[0].get("role") == "system":
        turns = turns[1:]
    for index, turn in enumerate(turns):
        _read_turn(record, turn, ("user", "assistant")[index % 2], content)
    if len(turns) % 2:
        record.faults.append(("the last turn is not the assistant's", "add the answer: it is what gets trained"))


def _read_turn(record, turn, role, content):
    if not isinstance(turn, dict):
        record.faults.append((f"a turn is {kind(turn)}, not an object", f"write role and {content}"))
        return
    if turn.get("role") != role:
        found = shown(turn["role"]) if isinstance(turn.get("role"), str) else kind(turn.get("role"))
        record.faults.append((f"role {found} where {role} is due", "roles are user, assistant, in turn"))
    if content not in turn:
        record.faults.append((f"a turn has no {content!r}; keys are {_names(turn)}", f"put its text under {content!r}"))
    text = _string(record, turn, content, f"{role}'s {content}")
    if role == "assistant":
        _add_answer(record, text)
    elif text is not None:
        record.prompts.append(text)


def _check_marks(record, modality, wanted):
    mark = MARKS[modality]
    if any(mark in answer for answer in record.answers):
        record.faults.append((f"{mark} in an answer", "a mark stands for an input: keep it in the prompt"))
    found = sum(text.count(mark) for text in record.prompts + record.answers)
    if found != wanted:
        reason = f"{found} {mark} marks, {wanted} {modality} files"
        record.faults.append((reason, "write one mark for each file, in order"))


READERS = {"jsonl": _read_jsonl, "qwen2_vl": _read_qwen2_vl, "minicpm": _read_minicpm, "sharegpt": _read_sharegpt}
