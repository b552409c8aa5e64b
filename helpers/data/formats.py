"""The same samples in the data formats of the three families, every picture path relative to the data file.

Pictures are never copied or re-encoded here: a format is only a JSON file beside them.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from helpers.data.rows import read_rows
from helpers.data.samples import MODALITIES, Sample
from helpers.files import changing, read_text, relative, write_text
from helpers.language import message
from helpers.paths import short

MARKS = {modality: f"<{modality}>" for modality in MODALITIES}
TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


def write_qwen2_vl(samples, path):
    """Write Qwen2-VL conversations: the user's value is the picture path, the assistant's the text.

    Raises:
        ValueError: a sample is a video or sound, or lies outside the folder of ``path``.
    """
    rows = []
    for number, sample in enumerate(samples, 1):
        user = {"role": "user", "value": _picture(sample, path)}
        assistant = {"role": "assistant", "value": sample.text}
        rows.append({"id": f"identity_{number}", "conversations": [user, assistant]})
    _write(rows, path)


def read_qwen2_vl(path):
    """The samples of a file that ``write_qwen2_vl`` wrote.

    Raises:
        ValueError: not UTF-8, not JSON, or a record of another form; names the record, counted from 0.
    """
    folder = Path(os.path.abspath(path)).parent
    samples = []
    for index, row in enumerate(_read(path, list)):
        try:
            user, assistant = row["conversations"]
            image, text = user["value"], assistant["value"]
            sound = (user["role"], assistant["role"]) == ("user", "assistant")
        except (KeyError, TypeError, ValueError):
            sound = False
        if not sound or not isinstance(image, str) or not isinstance(text, str):
            raise ValueError(message("formats.no_conversation", place=f"{short(path)}:{index}"))
        samples.append(Sample(folder / image, text))
    return samples


def write_minicpm(samples, path, prompt):
    """Write MiniCPM records: ``image`` beside ``conversations``, an ``<image>`` mark before the prompt.

    Raises:
        ValueError: a sample is a video or sound, lies outside the folder of ``path``, or a text holds a mark.
    """
    rows = []
    for number, sample in enumerate(samples, 1):
        user = {"role": "user", "content": f"{MARKS['image']}\n{_unmarked(prompt)}"}
        assistant = {"role": "assistant", "content": _unmarked(sample.text)}
        image = _picture(sample, path)
        rows.append({"id": f"identity_{number}", "image": image, "conversations": [user, assistant]})
    _write(rows, path)


def _picture(sample, path):
    """The path of the sample's picture as written in ``path``; ValueError for a video or sound."""
    if sample.modality != "image":
        raise ValueError(message("formats.images_only", file=short(sample.file), modality=sample.modality))
    return relative(sample.file, path)


def write_sharegpt(samples, path, prompt):
    """Write ShareGPT records for LLaMA-Factory: ``messages``, and ``images`` with one path for each ``<image>``.

    Videos go into ``videos`` with a ``<video>`` mark, sounds into ``audios`` with ``<audio>``.
    """
    turns = [Turn(prompt, sample.text, **{f"{sample.modality}s": (sample.file,)}) for sample in samples]
    write_conversations([[turn] for turn in turns], path)


@dataclass(frozen=True)
class Turn:
    """A question with the files it brings along, and its answer. Each file gets a mark in front of the question."""

    question: str
    answer: str
    images: tuple = ()
    videos: tuple = ()
    audios: tuple = ()


def write_conversations(conversations, path):
    """Write ShareGPT records of one or several turns: each conversation is a list of ``Turn``.

    Rows of all modalities may stand in one file. Every row then has every list that any row needs, empty where it has
    none, since LLaMA-Factory reads all rows by the same columns.
    """
    every = [turn for turns in conversations for turn in turns]
    lists = [f"{modality}s" for modality in MARKS if any(getattr(turn, f"{modality}s") for turn in every)]
    rows = []
    for turns in conversations:
        messages = []
        for turn in turns:
            marks = "".join(mark * len(getattr(turn, f"{modality}s")) for modality, mark in MARKS.items())
            messages.append({"role": "user", "content": marks + _unmarked(turn.question)})
            messages.append({"role": "assistant", "content": _unmarked(turn.answer)})
        files = {key: [relative(file, path) for turn in turns for file in getattr(turn, key)] for key in lists}
        rows.append({"messages": messages} | files)
    _write(rows, path)


def register(dataset_info_path, name, file):
    """Enter a ShareGPT file in LLaMA-Factory's ``dataset_info.json``; entries of other names stay as they are.

    The entry names those of the columns images, videos, audios and system that any row fills.

    Args:
        dataset_info_path: made if missing. LLaMA-Factory reads it from ``dataset_dir`` and looks for pictures there
            too, so the data file must lie in the same folder.
        name: what goes into ``dataset:`` of the training YAML.
        file: the data file.

    Raises:
        ValueError: a file of another folder or without readable rows, or a dataset_info.json that is no JSON object.
        FileNotFoundError: no such data file. BlockingIOError: another process has held dataset_info.json for seconds.
    """
    info, file = Path(dataset_info_path), Path(file)
    if not file.is_absolute() and file.parent == Path("."):
        file = info.parent / file
    if not file.is_file():
        raise FileNotFoundError(message("formats.not_written", file=short(file)))
    if os.path.abspath(file.parent) != os.path.abspath(info.parent):
        raise ValueError(message("formats.beside", file=short(file), info=short(info)))
    _entries(info)  # a torn one is refused before a large file is read
    entry = entry_of(file)
    with changing(info):
        _write(_entries(info) | {name: entry}, info)


def _entries(info):
    return _read(info, dict) if info.exists() else {}


def entry_of(file):
    """What ``dataset_info.json`` has to say of a ShareGPT file, so that LLaMA-Factory reads all that its rows hold.

    Without ``system_tag`` it would leave out every row that begins with a system message, and go on.

    Raises:
        ValueError: it cannot be read, or is of a kind that LLaMA-Factory does not open.
    """
    if file.suffix not in (".json", ".jsonl"):
        raise ValueError(message("formats.suffix", file=short(file)))
    rows, faults = read_rows(file)
    for row, reason, cure in faults:
        raise ValueError(f"{short(file)}{'' if row is None else f':{row}'}: {reason} -> {cure}")
    rows = [row for _, row in rows if isinstance(row, dict)]
    keys = [*(f"{modality}s" for modality in MARKS), "system"]
    columns = {"messages": "messages"} | {key: key for key in keys if any(row.get(key) for row in rows)}
    tags = TAGS | ({"system_tag": "system"} if any(map(begins_with_system, rows)) else {})
    return {"file_name": file.name, "formatting": "sharegpt", "columns": columns, "tags": tags}


def begins_with_system(row):
    """Whether the first message of a ShareGPT record is of the system, whatever the record is."""
    turns = row.get("messages")
    return isinstance(turns, list) and bool(turns) and isinstance(turns[0], dict) and turns[0].get("role") == "system"


def _unmarked(text):
    """The text itself; ValueError if it holds a mark, which a model would take for another picture."""
    for mark in MARKS.values():
        if mark in text:
            raise ValueError(message("formats.mark", text=text[:60], mark=mark))
    return text


def _read(path, expected):
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        place = f"{short(path)}:{error.lineno}"
        raise ValueError(message("formats.no_json", place=place, why=error.msg)) from error
    if not isinstance(value, expected):
        found = message("formats.no_list" if expected is list else "formats.no_object", file=short(path))
        raise ValueError(found)
    return value


def _write(value, path):
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
