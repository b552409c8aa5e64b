"""How many tokens LLaMA-Factory makes of a row and what it does to a picture: by its rules, but without its 10 s start.

tests/llamafactory compares the numbers with LLaMA-Factory's own.
"""

import math
from functools import cache, partial

from helpers.data.answers import special_token_faults, without_marks
from helpers.data.formats import MARKS, begins_with_system
from helpers.data.records import Problem
from helpers.data.rows import read_rows
from helpers.language import message
from helpers.llamafactory.config import located
from helpers.llamafactory.minicpm import media_texts, scaled_size, video_faults
from helpers.models import inputs, minicpm
from helpers.paths import short

QWEN = {  # the layout of Qwen2's conversations
    "start": "",
    "system": "<|im_start|>system\n{}<|im_end|>\n",
    "user": "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
    "assistant": "{}<|im_end|>\n",
    "end": 0,
}

TEMPLATES = {
    # pieces that LLaMA-Factory's template turns into tokens one by one; {} is the text
    # default_system: what it says where a row has no system message; end: tokens it adds behind the last answer
    # image: the tokens around and of a picture that the model's processor counts; media: what else rows may hold
    "glm_ocr": {
        "start": "[gMASK]<sop>",
        "system": "<|system|>\n{}",
        "user": "<|user|>\n{}<|assistant|>",
        "assistant": "\n{}",
        "end": 1,
        "default_system": "",
        "image": ("<|begin_of_image|>", "<|image|>", "<|end_of_image|>"),
        "media": ("images",),
    },
    "minicpm_v": QWEN | {"default_system": "You are a helpful assistant.", "media": ("images", "videos")},
    "minicpm_o": QWEN
    | {
        "default_system": "You are a helpful assistant. You can accept audio and text input and output voice and text.",
        "media": ("images", "videos", "audios"),
    },
}


def find_long_rows(file, looks, config, report, may_shrink):
    """Add lengths and shrunk pictures of a data file to the report; return Problems of rows that would lose something.

    Args:
        file, looks: a ShareGPT file without faults, and what was seen of its files (``validate.examine``).
        config: a configuration with all of ``DEFAULTS``.
        report: its ``lengths``, ``shrunk``, ``shrunk_by_processor`` and ``clips`` (kind, path, tokens) grow.
        may_shrink: False makes a Problem of each picture that ``image_max_pixels`` or the processor would shrink.
    """
    processor = _load_processor(config["model_name_or_path"])
    count = cache(partial(_count, processor.tokenizer))
    minicpm = "image" not in TEMPLATES[config["template"]]
    image_tokens = None if minicpm else cache(inputs.image_tokens(processor))
    see = partial(_seen, looks, config, report, may_shrink, inputs.shrunk_size(processor))
    special = inputs.special_tokens(processor)
    problems = []
    for row, value in read_rows(file)[0][: config["max_samples"]]:
        faults = _unknown_media(value, config["template"])
        faults += video_faults(value, file.parent, config) if minicpm and not faults else []
        faults += _special_tokens(value, special)
        lost = bool(faults)  # LLaMA-Factory cannot take such a row: nothing to count
        sizes = [see(name, faults) for name in value.get("images") or []]
        if not lost:
            media = _media(value, file, sizes, processor, config, report, count) if minicpm else 0
            media += 0 if minicpm else sum(image_tokens(*size) for size in sizes)
            prompt, answer = text_tokens(with_system(value), processor.tokenizer, config["template"], config)
            report.lengths.append(prompt + media + answer)
            if fault := _cut(prompt, media, answer, config["cutoff_len"]):
                faults.append(fault)
        problems += [Problem(short(file), row, *fault) for fault in faults]
    return problems


def _media(value, file, sizes, processor, config, report, count):
    """Tokens of the files of a row for MiniCPM; adds (kind, path, tokens) to ``report.clips``."""
    texts = media_texts(value, file.parent, sizes, processor, config)
    for kind in ("videos", "audios"):
        for name, text in zip(value.get(kind) or [], texts[kind], strict=True):
            report.clips.append((kind, file.parent / name, count(text)))
    return sum(count(text) for found in texts.values() for text in found)


def _cut(prompt, media, answer, cutoff):
    """The fault of a row that ``cutoff_len`` would cut, or None."""
    if (length := prompt + media + answer) <= cutoff:
        return None
    facts = {"length": length, "media": media, "prompt": prompt, "answer": answer}
    reason = message("budget.cut", **facts, cutoff=cutoff, lost=length - cutoff)
    return reason, message("budget.cut_cure", length=length)


def _unknown_media(value, template):
    """Faults of a row with files that the template has no tokens for."""
    allowed = TEMPLATES[template]["media"]
    cures = {"audios": "budget.takes_sounds", "videos": "budget.takes_videos"}
    return [
        (message("budget.unknown_media", kind=kind, template=template), message(cure))
        for kind, cure in cures.items()
        if value.get(kind) and kind not in allowed
    ]


def _special_tokens(value, tokens):
    """Faults of a row in whose texts special tokens of the model stand."""
    texts = [without_marks(turn["content"]) for turn in with_system(value)]
    return [fault for text in texts for fault in special_token_faults(text, tokens)]


def with_system(value):
    """The messages of a record, its system column in front: a system message counts more, as in LLaMA-Factory."""
    if begins_with_system(value) or not value.get("system"):
        return value["messages"]
    return [{"role": "system", "content": value["system"]}, *value["messages"]]


def _seen(looks, config, report, may_shrink, shrunk_size, name, faults):
    """The size at which the model's processor gets a picture; adds to ``report`` and ``faults``."""
    picture = looks[name, "image"].picture
    rule = glm_ocr_size if "image" in TEMPLATES[config["template"]] else scaled_size
    seen = rule(*picture.size, config["image_max_pixels"], config["image_min_pixels"])
    if math.prod(picture.size) > config["image_max_pixels"]:
        report.shrunk.append((name, picture.size, seen))
        if not may_shrink:
            facts = {"file": name, "before": size_text(picture.size), "after": size_text(seen)}
            faults.append((message("budget.shrunk", **facts), message("budget.shrunk_cure")))
    if left := shrunk_size(*seen):
        report.shrunk_by_processor.append((name, picture.size, left))
        if not may_shrink:
            facts = {"file": name, "before": size_text(picture.size), "after": size_text(left)}
            faults.append((message("budget.shrunk", **facts), message("budget.processor_cure")))
    if fault := _lost_by_convert(picture):
        faults.append((message("file.fault", file=name, reason=fault), message("budget.picture_cure")))
    return seen


def _lost_by_convert(picture):
    """What LLaMA-Factory, which opens a picture with ``convert("RGB")`` and nothing else, makes of it that is wrong."""
    if picture.plain:
        return None
    if picture.turned:
        return message("budget.turned")
    return message("budget.deep") if picture.deep else message("budget.see_through")


def _load_processor(name):
    """The processor of a checkpoint; its folder is given as in a configuration, or a name on the hub."""
    from transformers import AutoProcessor

    minicpm.register()
    folder = located(name)
    return AutoProcessor.from_pretrained(folder if folder.is_dir() else name)


def prompt_pieces(messages, template, config):
    """[(role, text)] as LLaMA-Factory's template lays a conversation out, marks of pictures and the like still in it.

    The pieces are turned into tokens one by one. Where there is no system message, or an empty one, the
    ``default_system`` of the configuration stands, else the template's own.
    """
    pieces, default = TEMPLATES[template], config.get("default_system")
    system = pieces["default_system"] if default is None else default
    if messages[0]["role"] == "system":
        system, messages = messages[0]["content"] or system, messages[1:]
    if system:
        messages = [{"role": "system", "content": system}, *messages]
    made = [("start", pieces["start"])] if pieces["start"] else []
    return made + [(turn["role"], pieces[turn["role"]].format(turn["content"])) for turn in messages]


def text_tokens(messages, tokenizer, template, config=None):
    """(tokens of the prompts, tokens of the answers) of a conversation, as LLaMA-Factory's template makes them.

    Pictures' own tokens are left out, as are videos' and sounds'; tokens that end an answer are counted.
    """
    before, _, after = TEMPLATES[template].get("image", ("", "", ""))
    counts = {"user": 0, "assistant": TEMPLATES[template]["end"]}
    for role, text in prompt_pieces(messages, template, config or {}):
        for mark in MARKS.values():
            text = text.replace(mark, before + after or "\0")
        side = "assistant" if role == "assistant" else "user"
        counts[side] += sum(_count(tokenizer, part) for part in text.split("\0"))  # special tokens divide text
    return counts["user"], counts["assistant"]


def _count(tokenizer, text):
    return len(tokenizer.encode(text, add_special_tokens=False))


def glm_ocr_size(width, height, max_pixels, min_pixels):
    """The size in pixels that LLaMA-Factory gives a picture before GLM-OCR's processor sees it."""
    width, height = scaled_size(width, height, max_pixels, min_pixels)
    width, height = max(width, 28), max(height, 28)
    if width / height > 200:
        width = height * 180
    if height / width > 200:
        height = width * 180
    return width, height


def size_text(size):
    return f"{size[0]} x {size[1]}"
