"""The forms in which other people keep conversations and labels: which one is it, and what does a row say.

LLaVA       {"image", "conversations": [{"from": "human", "value": "<image>..."}, {"from": "gpt", ...}]}
ShareGPT    the same without files, or {"messages": [{"role", "content"}]} with roles by other names
OpenAI      {"messages": [{"role", "content": [{"type": "text", ...}, {"type": "image_url", ...}]}]}
Alpaca      {"instruction", "input", "output", "images"}
ms-swift    {"query", "response", "history", "images"}, or messages with <img>path</img> in the text
question and answer      any other pair of keys for them; with or without a file
table       a file and its text under usual names
"""

from collections import Counter
from pathlib import Path

from helpers.data.formats import MARKS
from helpers.data.rows import half_character, kind, shown
from helpers.language import message

ROLES = dict.fromkeys(("user", "human"), "user") | dict.fromkeys(("system", "developer"), "system")
ROLES |= dict.fromkeys(("assistant", "gpt", "bot", "model", "chatgpt", "ai"), "assistant")
OWN_ROLES = ("user", "assistant", "system")
TURNS = ("messages", "conversations", "conversation", "input")  # input: OpenAI's Responses API
QUESTIONS = ("instruction", "query", "question", "prompt", "问题", "提示词")
ANSWERS = ("output", "response", "answer", "completion", "答案", "回答")
TEXTS = ("text", "label", "caption", "ground_truth", "gt", "latex", "formula", "transcription", "transcript", "target")
TEXTS += ("smiles", "html", "markdown", "sentence", "文本", "标签", "标注", "公式", "内容", *ANSWERS)
FILES = {
    "image": ("image", "images", "img", "image_path", "img_path", "image_file", "picture", "photo", "图片", "图像"),
    "video": ("video", "videos", "video_path", "视频"),
    "audio": ("audio", "audios", "audio_path", "sound", "声音", "音频"),
}
ANY_FILE = ("file", "file_name", "filename", "file_path", "filepath", "path", "文件", "文件名", "路径")
MEDIA = {"image": "png jpg jpeg jpe jfif webp bmp gif tif tiff", "video": "mp4 avi mov mkv webm m4v"}
MEDIA |= {"audio": "wav mp3 flac ogg m4a opus aac"}


class RowFault(ValueError):
    """Why a row cannot be converted (``reason``), and what to do about it (``cure``)."""

    def __init__(self, reason, cure):
        super().__init__(f"{reason} -> {cure}")
        self.reason, self.cure = reason, cure


def recognise(values, path=""):
    """The foreign form that most of ``values`` (rows of the file ``path``) have; "" for this project's own, or none."""
    if not values and Path(path).suffix.lower() in (".csv", ".tsv") and Path(path).is_file():
        return "CSV"
    found = Counter(map(_dialect, values)).most_common(1)
    return found[0][0] if found else ""


def folded(row):
    """A row or turn with its keys stripped and in lower case: Image is image."""
    return {key.strip().casefold(): value for key, value in row.items()}


def _dialect(row):
    if not isinstance(row, dict):
        return ""
    row = folded(row)
    turns = [folded(turn) for turn in row[turns_key(row)] if isinstance(turn, dict)] if turns_key(row) else []
    if turns:
        return _dialect_of_turns(row, turns)
    if "text" in row and any(modality in row for modality in MARKS):
        return ""
    if question := find_key(row, QUESTIONS):
        names = {"instruction": "Alpaca", "query": "ms-swift"}
        return names.get(question, "question and answer") if find_key(row, ANSWERS + TEXTS) else ""
    return "table" if file_key(row)[0] and find_key(row, TEXTS) else ""


def turns_key(row):
    """The key of a folded row that holds its turns, or None."""
    return next((key for key in TURNS if isinstance(row.get(key), list)), None)


def _dialect_of_turns(row, turns):
    contents = [turn.get("content") for turn in turns]
    if any("from" in turn for turn in turns):
        return "LLaVA" if any(row.get(key) for key in ("image", "images", "video")) else "ShareGPT"
    if any(isinstance(content, list) for content in contents):
        return "OpenAI"
    if row.get("objects") or any(isinstance(text, str) and "</img>" in text for text in contents):
        return "ms-swift"
    roles = {turn["role"] for turn in turns if isinstance(turn.get("role"), str)}
    foreign = any(role not in OWN_ROLES and role.casefold() in ROLES for role in roles)
    lists = [row[key] for key in ("images", "videos", "audios") if isinstance(row.get(key), list)]
    files = [file for files in lists for file in files if isinstance(file, dict)]
    return "ShareGPT" if foreign or files else ""


def find_key(row, names):
    """The first of ``names`` that is a key of a folded row, or None."""
    return next((name for name in names if name in row), None)


def file_key(row):
    """(the key of a folded row that names a file, its modality by the key or by the file's suffix), or (None, None)."""
    for modality, names in FILES.items():
        if key := find_key(row, names):
            return key, modality
    key = find_key(row, ANY_FILE)
    return (key, (media_of(row[key]) or "image") if isinstance(row[key], str) else "image") if key else (None, None)


def media_of(name):
    """image, video or audio by the suffix of a file name, or None."""
    suffix = name.rpartition(".")[2].strip().casefold() if "." in name else ""
    return next((modality for modality, suffixes in MEDIA.items() if suffix in suffixes.split()), None)


def read_sample(row):
    """(source of the file, its modality, text, keys used) of a folded row of a table; raises RowFault."""
    name, modality = file_key(row)
    text = find_key(row, TEXTS)
    if name is None or text is None:
        reason = message("convert.no_file_or_text", keys=", ".join(map(shown, sorted(row)[:8])))
        raise RowFault(reason, message("convert.no_file_or_text_cure"))
    sources = sources_of(row[name])
    if len(sources) != 1:
        raise RowFault(message("convert.files", count=len(sources)), message("convert.files_cure"))
    check_answer(string_of(row[text], text))
    return sources[0], modality, row[text], {name, text}


def is_own(values):
    """Whether most folded rows are samples (jsonl) or qwen2_vl, which lessons read as they are."""
    own = [row for row in values if not has_turns(row)]
    samples = sum("text" in row and any(modality in row for modality in MARKS) for row in own)
    return (samples + sum(turns_key(row) is not None for row in own)) * 2 > len(values)


def has_turns(row):
    """Whether a folded row is a conversation that ``read_conversation`` can read, of this project or foreign."""
    turns = row[turns_key(row)] if turns_key(row) else []
    own = any(isinstance(turn, dict) and "role" in turn and "value" in turn for turn in turns)  # qwen2_vl: a path
    return not own if turns else find_key(row, QUESTIONS) is not None


def sources_of(value):
    """The files that a cell names: each a path or address (str), or bytes. Raises RowFault."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        if value and all(isinstance(item, int) for item in value):
            return [bytes(value)] if max(value) < 256 and min(value) >= 0 else _no_file(value)
        nested = any(isinstance(item, list) for item in value)
        return _no_file(value) if nested else [source for item in value for source in sources_of(item)]
    if isinstance(value, dict):
        if isinstance(value.get("bytes"), str):
            return [f"data:;base64,{value['bytes']}"]
        named = next((value[key] for key in ("bytes", "path", "url", "file_name", "image") if value.get(key)), None)
        return sources_of(named) if named is not None and not isinstance(named, dict) else _no_file(value)
    return [value] if isinstance(value, str) else _no_file(value)


def _no_file(value):
    raise RowFault(message("convert.no_file", kind=kind(value)), message("convert.no_file_cure"))


def string_of(value, name):
    """``value`` if it is a text that a file can hold. Raises RowFault."""
    if not isinstance(value, str):
        raise RowFault(message("records.no_string", name=name, kind=kind(value)), message("records.no_string_cure"))
    if half_character(value):
        raise RowFault(message("records.half_character", text=shown(value)), message("records.half_character_cure"))
    return value


def check_answer(text):
    """Raise RowFault for an answer of white space."""
    if not text.strip():
        raise RowFault(message("records.empty_answer"), message("records.empty_answer_cure"))
