"""The same samples in the data formats of the three families, every picture path relative to the data file.

Pictures are never copied or re-encoded here: a format is only a JSON file beside them.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from helpers.files import read_text, relative, write_text
from helpers.samples import Sample
from helpers.settings import short

MARKS = {"image": "<image>", "video": "<video>", "audio": "<audio>"}
TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


def write_qwen2_vl(samples, path):
    """Write Qwen2-VL conversations: the user's value is the picture path, the assistant's the text."""
    rows = []
    for number, sample in enumerate(samples, 1):
        user = {"role": "user", "value": relative(sample.image, path)}
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
            roles = user["role"], assistant["role"]
            image, text = user["value"], assistant["value"]
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(path, index) from error
        if roles != ("user", "assistant") or not isinstance(image, str) or not isinstance(text, str):
            raise _unreadable(path, index)
        samples.append(Sample(folder / image, text))
    return samples


def _unreadable(path, index):
    cure = "helpers.validate.find_problems lists every fault"
    return ValueError(f"{short(path)}:{index}: not a conversation of one user and one assistant -> {cure}")


def write_minicpm(samples, path, prompt="Write the formula in this picture as LaTeX."):
    """Write MiniCPM records: ``image`` beside ``conversations``, an ``<image>`` mark before the prompt."""
    rows = []
    for number, sample in enumerate(samples, 1):
        user = {"role": "user", "content": f"{MARKS['image']}\n{_unmarked(prompt)}"}
        assistant = {"role": "assistant", "content": _unmarked(sample.text)}
        image = relative(sample.image, path)
        rows.append({"id": f"identity_{number}", "image": image, "conversations": [user, assistant]})
    _write(rows, path)


def write_sharegpt(samples, path, prompt, medium="image"):
    """Write ShareGPT records for LLaMA-Factory: ``messages``, and ``images`` with one path for each ``<image>``.

    ``medium`` says what the samples' files are: image, video (``<video>``, ``videos``) or audio.
    """
    write_conversations([[Turn(prompt, sample.text, **{f"{medium}s": (sample.image,)})] for sample in samples], path)


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

    Rows of all kinds may stand in one file. Every row then has every list that any row needs, empty where it has none,
    since LLaMA-Factory reads all rows by the same columns.
    """
    kinds = [kind for kind in MARKS if any(getattr(turn, f"{kind}s") for turns in conversations for turn in turns)]
    rows = []
    for turns in conversations:
        messages = []
        for turn in turns:
            marks = "".join(mark * len(getattr(turn, f"{kind}s")) for kind, mark in MARKS.items())
            messages.append({"role": "user", "content": marks + _unmarked(turn.question)})
            messages.append({"role": "assistant", "content": _unmarked(turn.answer)})
        files = {f"{kind}s": [file for turn in turns for file in getattr(turn, f"{kind}s")] for kind in kinds}
        rows.append({"messages": messages} | {key: [relative(f, path) for f in found] for key, found in files.items()})
    _write(rows, path)


def register(dataset_info_path, name, file, modalities=("image",)):
    """Enter a ShareGPT file in LLaMA-Factory's ``dataset_info.json``; entries of other names stay as they are.

    Args:
        dataset_info_path: made if missing. LLaMA-Factory reads it from ``dataset_dir`` and looks for pictures there
            too, so the data file must lie in the same folder.
        name: what goes into ``dataset:`` of the training YAML.
        file: the data file.
        modalities: what the records carry: image, video, audio.

    Raises:
        ValueError: unknown modality, a file of another folder, or a dataset_info.json that is no JSON object.
        FileNotFoundError: no such data file.
    """
    if not modalities or not set(modalities) <= set(MARKS):
        raise ValueError(f"modalities {modalities!r} -> choose from {', '.join(MARKS)}, as a tuple")
    info, file = Path(dataset_info_path), Path(file)
    if not file.is_absolute() and file.parent == Path("."):
        file = info.parent / file
    if not file.is_file():
        raise FileNotFoundError(f"there is no {short(file)} -> write it before registering it")
    if os.path.abspath(file.parent) != os.path.abspath(info.parent):
        raise ValueError(f"{short(file)} -> must lie beside {short(info)}: its picture paths are looked up from there")
    entries = _read(info, dict) if info.exists() else {}
    columns = {"messages": "messages"} | {f"{kind}s": f"{kind}s" for kind in MARKS if kind in modalities}
    entries[name] = {"file_name": file.name, "formatting": "sharegpt", "columns": columns, "tags": TAGS}
    _write(entries, info)


def _unmarked(text):
    """The text itself; ValueError if it holds a mark, which a model would take for another picture."""
    for mark in MARKS.values():
        if mark in text:
            raise ValueError(f"text {text[:60]!r} holds {mark} -> take it out: it stands for a picture, video or sound")
    return text


def _read(path, kind):
    try:
        value = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{short(path)}:{error.lineno}: not JSON ({error.msg}) -> mend or remove the file") from error
    if not isinstance(value, kind):
        raise ValueError(f"{short(path)}: not a JSON {'list' if kind is list else 'object'} -> mend or remove the file")
    return value


def _write(value, path):
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")
