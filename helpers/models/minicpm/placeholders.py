"""The text around pictures and sounds: marks, placeholders, and where they lie among the tokens."""

import re

import torch

from helpers.language import message
from helpers.models.minicpm.audio import embedding_count

IMAGE_MARK, AUDIO_MARK = "(<image>./</image>)", "(<audio>./</audio>)"
ANY_IMAGE = re.compile(r"\(<image>\./</image>\)|<image>")
ANY_AUDIO = re.compile(r"\(<audio>\./</audio>\)|<audio>")

# attributes of the tokenizer that LLaMA-Factory and this module look for, and the tokens they stand for
MARKS = {
    "im_start": "<image>",
    "im_end": "</image>",
    "slice_start": "<slice>",
    "slice_end": "</slice>",
    "im_id_start": "<image_id>",
    "im_id_end": "</image_id>",
    "audio_start": "<|audio_start|>",
    "audio_end": "<|audio_end|>",
    "spk_start": "<|spk_bos|>",
    "spk_end": "<|spk_eos|>",
}


def audio_placeholder(count, chunk_input=True, chunk_length=1):
    """The text that stands for a sound of ``count`` embeddings (25 a second), cut into ``chunk_length`` seconds."""
    size = embedding_count(int(chunk_length * 100)) if chunk_input else count
    counts = [min(size, count - start) for start in range(0, count, size)]
    return "".join(f"<|audio_start|>{'<unk>' * part}<|audio_end|>" for part in counts)


def find_spans(ids, starts, ends):
    """Where marked spans lie in one row of tokens: (spans, 2) long, the first token inside and the closing mark.

    Raises:
        ValueError: a mark is open or closed alone.
    """
    ids = torch.as_tensor(ids)
    first, last = (torch.isin(ids, torch.tensor(marks, device=ids.device)).nonzero()[:, 0] for marks in (starts, ends))
    if len(first) != len(last) or bool((first >= last).any()) or bool((first[1:] <= last[:-1]).any()):
        raise ValueError(message("minicpm.unpaired", opened=len(first), closed=len(last)))
    return torch.stack([first + 1, last], dim=1)


def flatten_messages(messages):
    """Messages with parts as messages of plain text with marks: (messages, pictures, sounds)."""
    pictures, sounds, plain = [], [], []
    for turn in messages:
        parts = turn["content"] if isinstance(turn["content"], (list, tuple)) else [turn["content"]]
        lines = []
        for part in parts:
            modality, value = _read_part(part)
            lines.append({"image": IMAGE_MARK, "audio": AUDIO_MARK}.get(modality, value))
            if modality != "text" and value is not None:
                (pictures if modality == "image" else sounds).append(value)
        plain.append({**turn, "content": "\n".join(lines)})
    return plain, pictures, sounds


def _read_part(part):
    """(modality, value) of a part of a message; a picture or sound that is only announced has the value ``None``."""
    if isinstance(part, str):
        return "text", part
    if isinstance(part, dict):
        modality = part.get("type") or next(name for name in ("text", "image", "audio") if name in part)
        return modality, part.get(modality)
    return ("image" if hasattr(part, "convert") else "audio"), part


def insert_placeholders(text, mark, placeholders, row, fault):
    """``text`` with its marks replaced by ``placeholders``, in order; the error ``fault`` if they are more or fewer."""
    found = mark.findall(text)
    if len(found) != len(placeholders):
        raise ValueError(message(fault, row=row, count=len(found), given=len(placeholders)))
    waiting = iter(placeholders)
    return mark.sub(lambda _: next(waiting), text)
