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

from helpers.data.columns import add_column_faults
from helpers.data.dialects import recognise
from helpers.data.formats import MARKS
from helpers.data.rows import is_jsonl, kind, read_rows, shown
from helpers.data.texts import can_be_seen, text_faults, text_warnings
from helpers.language import message

KEYS = {  # form: (needed keys, further allowed keys)
    "jsonl": ({"text"}, {*MARKS, "id"}),
    "qwen2_vl": ({"conversations"}, {"id"}),
    "minicpm": ({"image", "conversations"}, {"id"}),
    "sharegpt": ({"messages"}, {"images", "videos", "audios", "system", "id"}),
}


@dataclass(frozen=True)
class Problem:
    """One fault: the file, the row (line from 1 in JSONL, record from 0 in JSON, None: whole file), why, the cure.

    A warning is a fault that a person should look at, and that training survives: ``check`` prints it and goes on.
    """

    file: str
    row: int | None
    reason: str
    cure: str
    warning: bool = False

    def __str__(self):
        place = f"{self.file}{'' if self.row is None else f':{self.row}'}"
        mark = message("data.warning") if self.warning else ""
        return f"{place}: {mark}{self.reason} -> {self.cure}"


@dataclass
class Record:
    """What of one row is usable, its files as (name, modality), and its faults and warnings as (reason, cure)."""

    row: int
    files: list[tuple[str, str]] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    system: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def read_records(path, form="auto"):
    """Read a data file: ``(records, faults)``; faults of the file itself are (row or None, reason, cure)."""
    rows, faults = read_rows(path)
    if other := recognise([value for _, value in rows], path):
        reason = message("records.foreign", form=other)
        return [], (faults if rows else []) + [(None, reason, message("records.foreign_cure"))]
    form = _form([value for _, value in rows]) if form == "auto" else form
    if rows and form in ("jsonl", "qwen2_vl", "minicpm") and is_jsonl(path) != (form == "jsonl"):
        suffix = Path(path).suffix or message("records.nameless")
        cure = message("records.as_lines" if form == "jsonl" else "records.as_list")
        faults.append((None, message("records.wrong_suffix", form=form, suffix=suffix), cure))
    records = [_record(row, value, form) for row, value in rows]
    add_column_faults(records, rows, path, form)
    return records, faults


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
        record.faults.append((message("records.no_object", kind=kind(value)), message("records.no_object_cure")))
    elif not form:
        reason = message("records.unknown_form", keys=_names(value))
        record.faults.append((reason, message("records.unknown_form_cure", forms=", ".join(KEYS))))
    else:
        _check_keys(record, value, form)
        READERS[form](record, value)
        for text in [*record.prompts, record.system]:
            record.faults += text_faults(text)
            record.warnings += text_warnings(text)
        for text in record.answers:
            record.faults += text_faults(text)
            record.warnings += text_warnings(text, answer=True)
    return record


def _names(keys):
    return ", ".join(shown(key) for key in sorted(keys)[:8]) or message("records.no_keys")


def _check_keys(record, value, form):
    needed, allowed = KEYS[form]
    if missing := needed - value.keys():
        reason = message("records.missing_key", missing=_names(missing), keys=_names(value))
        record.faults.append((reason, message("records.missing_key_cure", form=form)))
    if unknown := value.keys() - needed - allowed:
        reason = message("records.unknown_key", keys=_names(unknown))
        tools = form == "sharegpt" and "tools" in unknown
        record.faults.append((reason, message("records.tools_cure" if tools else "records.unknown_key_cure")))


def _string(record, holder, key, role=""):
    """The string under ``key``, or None with a fault; a missing key has been named already.

    ``role``: whose text it is, in a turn of a conversation.
    """
    value = holder.get(key, "")
    if isinstance(value, str):
        return value if key in holder else None
    name = message("records.of_role", role=role, key=key) if role else key
    reason = message("records.no_string", name=name, kind=kind(value))
    record.faults.append((reason, message("records.no_string_cure")))
    return None


def _read_jsonl(record, value):
    named = [modality for modality in MARKS if modality in value]
    if not named:
        reason = message("records.missing_key", missing=shown("image"), keys=_names(value))
        record.faults.append((reason, message("records.missing_key_cure", form="jsonl")))
    if len(named) > 1:
        names = message("records.and").join(named)
        record.faults.append((message("records.two_files", names=names), message("records.two_files_cure")))
    for modality in named:
        _add_file(record, modality, value)
    _add_answer(record, _string(record, value, "text"))


def _add_file(record, modality, value):
    name = _string(record, value, modality)
    if name is not None:
        record.files.append((name, modality))


def _add_answer(record, text):
    if text is not None and not can_be_seen(text):
        record.faults.append((message("records.empty_answer"), message("records.empty_answer_cure")))
    elif text is not None:
        record.answers.append(text)


def _read_qwen2_vl(record, value):
    _read_turns(record, value, "conversations", "value")
    record.files, record.prompts = [(name, "image") for name in record.prompts[:1]], []
    if isinstance(value.get("conversations"), list) and len(value["conversations"]) != 2:
        reason = message("records.turns", count=len(value["conversations"]))
        record.faults.append((reason, message("records.turns_cure")))


def _read_minicpm(record, value):
    _add_file(record, "image", value)
    _read_turns(record, value, "conversations", "content")
    _check_marks(record, "image", len(record.files))


def _read_sharegpt(record, value):
    _read_turns(record, value, "messages", "content")
    _read_system(record, value)
    for modality in MARKS:
        names = value.get(f"{modality}s", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            reason = message("records.no_paths", key=f"{modality}s")
            record.faults.append((reason, message("records.no_paths_cure")))
            continue
        record.files += [(name, modality) for name in names]
        _check_marks(record, modality, len(names))


def _read_system(record, value):
    """Add the system text: of the message before the first question, else of the column; LLaMA-Factory takes one."""
    turns, column = value.get("messages"), value.get("system")
    first = turns[0] if isinstance(turns, list) and turns and isinstance(turns[0], dict) else {}
    if column is not None and _string(record, value, "system") and first.get("role") == "system":
        record.faults.append((message("records.two_systems"), message("records.two_systems_cure")))
    if first.get("role") != "system":
        record.system = column if isinstance(column, str) else ""
    elif "content" not in first:
        reason = message("records.turn_no_text", key="content", keys=_names(first))
        record.faults.append((reason, message("records.turn_no_text_cure", key="content")))
    else:
        record.system = _string(record, first, "content", "system") or ""
        if record.system == first["content"] == "":
            record.warnings.append((message("records.empty_system"), message("records.empty_system_cure")))
    for mark in MARKS.values():
        if mark in record.system:
            record.faults.append((message("records.mark_in_system", mark=mark), message("records.mark_in_answer_cure")))


def _read_turns(record, value, key, content):
    """Add prompts and answers of a conversation: user and assistant in turn, after an optional system message."""
    turns = value.get(key, [])
    if not isinstance(turns, list) or (key in value and not turns):
        reason = message("records.no_turns", key=key, kind=message("records.empty") if turns == [] else kind(turns))
        record.faults.append((reason, message("records.no_turns_cure")))
        return
    if key == "messages" and turns and isinstance(turns[0], dict) and turns[0].get("role") == "system":
        turns = turns[1:]
    for index, turn in enumerate(turns):
        _read_turn(record, turn, ("user", "assistant")[index % 2], content)
    if len(turns) % 2:
        record.faults.append((message("records.last_turn"), message("records.last_turn_cure")))


def _read_turn(record, turn, role, content):
    if not isinstance(turn, dict):
        reason = message("records.turn_no_object", kind=kind(turn))
        record.faults.append((reason, message("records.turn_no_object_cure", key=content)))
        return
    if turn.get("role") != role:
        found = shown(turn["role"]) if isinstance(turn.get("role"), str) else kind(turn.get("role"))
        reason = message("records.wrong_role", found=found, role=role)
        record.faults.append((reason, message("records.wrong_role_cure")))
    if content not in turn:
        reason = message("records.turn_no_text", key=content, keys=_names(turn))
        record.faults.append((reason, message("records.turn_no_text_cure", key=content)))
    elif unknown := turn.keys() - {"role", content}:
        reason = message("records.unknown_key", keys=_names(unknown))
        record.faults.append((reason, message("records.unknown_key_cure")))
    text = _string(record, turn, content, role)
    if role == "assistant":
        _add_answer(record, text)
    elif text is not None:
        record.prompts.append(text)


def _check_marks(record, modality, wanted):
    mark = MARKS[modality]
    if any(mark in answer for answer in record.answers):
        record.faults.append((message("records.mark_in_answer", mark=mark), message("records.mark_in_answer_cure")))
    found = sum(text.count(mark) for text in record.prompts + record.answers)
    if found != wanted:
        reason = message("records.marks", found=found, mark=mark, wanted=wanted, modality=modality)
        record.faults.append((reason, message("records.marks_cure")))


READERS = {"jsonl": _read_jsonl, "qwen2_vl": _read_qwen2_vl, "minicpm": _read_minicpm, "sharegpt": _read_sharegpt}
