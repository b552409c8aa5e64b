"""How many tokens LLaMA-Factory makes of a row and what it does to a picture: by its rules, but without its 10 s start.

tests/test_llamafactory.py compares the numbers with LLaMA-Factory's own.
"""

import math
from functools import cache

from helpers import models
from helpers.files import read_rows
from helpers.llamafactory.config import located
from helpers.records import Problem
from helpers.settings import short

TEMPLATES = {  # pieces that LLaMA-Factory's template turns into tokens one by one; {} is the text, <image> the picture
    "glm_ocr": {
        "start": "[gMASK]<sop>",
        "system": "<|system|>\n{}",
        "user": "<|user|>\n{}<|assistant|>",
        "assistant": "\n{}",
        "image": ("<|begin_of_image|>", "<|image|>", "<|end_of_image|>"),
    }
}


def find_long_rows(file, config, report, may_shrink):
    """Add lengths and shrunk pictures of a data file to the report; return Problems of rows that would lose something.

    Args:
        file: a ShareGPT file without faults.
        config: a configuration with all of ``DEFAULTS``.
        report: its ``lengths`` and ``shrunk`` grow.
        may_shrink: False makes a Problem of each picture that ``image_max_pixels`` would shrink.
    """
    tokenizer, image_tokens = _load_processor(config["model_name_or_path"])
    problems = []
    for row, value in read_rows(file)[0][: config["max_samples"]]:
        faults, picture = [], 0
        for name in value.get("images", []):
            size, fault = _look(file.parent / name)
            seen = resized(*size, config["image_max_pixels"], config["image_min_pixels"])
            picture += image_tokens(*seen)
            if size[0] * size[1] > config["image_max_pixels"]:
                report.shrunk.append((name, size, seen))
                if not may_shrink:
                    faults.append((f"{name}: {by(size)} would be shrunk to {by(seen)}", "raise image_max_pixels"))
            if fault:
                faults.append((f"{name}: {fault}", "helpers.collate.read_picture(path).save(path) mends it"))
        prompt, answer = text_tokens(value["messages"], tokenizer, config["template"])
        report.lengths.append(prompt + picture + answer)
        if (over := report.lengths[-1] - config["cutoff_len"]) > 0:
            parts = f"{report.lengths[-1]} tokens (picture {picture}, prompt {prompt}, answer {answer})"
            cure = f"raise cutoff_len to {report.lengths[-1]}, lower image_max_pixels, or leave the row out"
            faults.append((f"{parts}: cutoff_len {config['cutoff_len']} would cut {over}", cure))
        problems += [Problem(short(file), row, *fault) for fault in faults]
    return problems


def _load_processor(name):
    """(tokenizer, function (width, height) -> image tokens) of a checkpoint."""
    from transformers import AutoProcessor

    folder = located(name)
    processor = AutoProcessor.from_pretrained(folder if folder.is_dir() else name)
    return processor.tokenizer, cache(models.image_tokens(processor))


def text_tokens(messages, tokenizer, template):
    """(tokens of the prompts, tokens of the answers) of a conversation, as LLaMA-Factory's template makes them.

    Pictures' own tokens are left out; the token that ends the last answer is counted.
    """
    pieces = TEMPLATES[template]
    before, _, after = pieces["image"]
    counts = {"user": len(tokenizer.encode(pieces["start"], add_special_tokens=False)), "assistant": 1}
    for message in messages:
        text = pieces[message["role"]].format(message["content"].replace("<image>", before + after))
        side = "assistant" if message["role"] == "assistant" else "user"
        counts[side] += len(tokenizer.encode(text, add_special_tokens=False))
    return counts["user"], counts["assistant"]


def resized(width, height, most, least):
    """The size in pixels that LLaMA-Factory gives a picture before the model's own processor sees it."""
    for limit, outside in ((most, lambda area: area > most), (least, lambda area: area < least)):
        if outside(width * height):
            factor = math.sqrt(limit / (width * height))
            width, height = int(width * factor), int(height * factor)
    width, height = max(width, 28), max(height, 28)
    if width / height > 200:
        width = height * 180
    if height / width > 200:
        height = width * 180
    return width, height


def _look(path):
    """((width, height), fault or "") of a picture as LLaMA-Factory opens it: neither turned nor made opaque."""
    from PIL import Image

    with Image.open(path) as image:
        if image.getexif().get(274, 1) != 1:
            return image.size, "stored turned (EXIF), and LLaMA-Factory does not turn it"
        clear = image.has_transparency_data and image.convert("RGBA").getextrema()[3][0] < 255
        return image.size, "see-through, and LLaMA-Factory drops that, which may leave it black" if clear else ""


def by(size):
    return f"{size[0]} x {size[1]}"
