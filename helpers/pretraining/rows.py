"""The rows that a tiny model learns: drawn and tokenized in worker processes, collected in pools."""

import os
import threading
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.models.inputs import conversation, image_tokens
from helpers.pretraining.families import TINY_FAMILIES, processor_of
from helpers.pretraining.forward import GRID


class Row(NamedTuple):
    """A picture or sound and its text, as a model learns them.

    task     name of the task
    media    ink on its canvas, uint8 (height, width), or ``mel`` of a sound
    columns  picture width in units of 28 pixels, 0 for a sound
    rows     picture height in the same units, 0 for a sound
    ids      token ids, int16 (the task's length,), padded with the pad token
    start    index of the first answer token
    length   number of tokens
    """

    task: str
    media: np.ndarray
    columns: int
    rows: int
    ids: np.ndarray
    start: int
    length: int


def prompt_ids(processor, prompt, modality, made):
    """Token ids of the conversation up to the answer, with the placeholders for the picture or sound ``made``."""
    from helpers.models.minicpm.placeholders import AUDIO_MARK, IMAGE_MARK

    text, images = conversation(processor, prompt, modality), processor.image_processor
    if modality == "audio":
        text = text.replace(AUDIO_MARK, processor.audio_feature_extract([[made]])[2][0][0])
    elif hasattr(images, "get_slice_image_placeholder"):  # MiniCPM
        text = text.replace(IMAGE_MARK, images.get_slice_image_placeholder(made.size))
    else:
        text = text.replace(processor.image_token, processor.image_token * image_tokens(processor)(*made.size))
    return processor.tokenizer(text).input_ids


def resized(processor, picture):
    """The picture in the size that the family's processor gives it; MiniCPM's is done later, with those of a batch."""
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

    images = processor.image_processor
    if not hasattr(images, "merge_size"):
        return picture
    frames = images.temporal_patch_size if "Glm" in type(images).__name__ else 1  # GLM-OCR's limits count both frames
    limits = (images.size[key] // frames for key in ("shortest_edge", "longest_edge"))
    height, width = smart_resize(picture.height, picture.width, GRID, *limits)
    return picture if picture.size == (width, height) else picture.resize((width, height), Image.Resampling.BICUBIC)


def fits(picture, canvas):
    """Whether the picture lies within a canvas of (width, height)."""
    return picture.width <= canvas[0] and picture.height <= canvas[1]


def longest_text(task, index):
    """Texts start short, so that the model first learns what single signs look like: the longest of row ``index``."""
    (short, long), (begin, end) = task.limits, task.ramp
    return short + int((long - short) * min(1, max(0, index - begin) / (end - begin)))


def make_row(index, family="qwen2_vl", seed=1):
    """``Row`` number ``index`` of the training set, ``None`` if its text is too long or its picture too large.

    Each task has its share of every four rows.
    """
    processor = processor_of(family)
    schedule = [task for task in TINY_FAMILIES[family].tasks for _ in range(task.share)]
    task = schedule[index % len(schedule)]
    style = task.styles[index // len(schedule) % len(task.styles)]
    made, text = task.draw(index, seed, style, "train", longest_text(task, index))
    if task.modality == "image":
        made = resized(processor, made)
    prompt = prompt_ids(processor, task.prompts[index % len(task.prompts)], task.modality, made)
    ids = prompt + processor.tokenizer(text).input_ids + [processor.tokenizer.eos_token_id]
    if len(ids) > task.length or (task.modality == "image" and not fits(made, task.canvas)):
        return None
    padded = np.full(task.length, processor.tokenizer.pad_token_id, np.int16)
    padded[: len(ids)] = ids
    if task.modality == "audio":
        return Row(task.name, mel(processor, made), 0, 0, padded, len(prompt), len(ids))
    ink = np.zeros((task.canvas[1], task.canvas[0]), np.uint8)
    ink[: made.height, : made.width] = 255 - np.asarray(made.convert("L"))
    return Row(task.name, ink, made.width // GRID, made.height // GRID, padded, len(prompt), len(ids))


def mel(processor, sound):
    """Log-mel features of a sound (samples,) of up to 30 s: float16 (mel bands, frames)."""
    from helpers.models.minicpm.audio import mel_pieces

    return mel_pieces(sound, processor.feature_extractor)[0].numpy().astype(np.float16)


def quiet_worker():
    """A worker takes one core, whatever its libraries would like."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["OMP_NUM_THREADS"] = "1"


class Pool:
    """Rows of one task on the device, in the order in which they came."""

    def __init__(self, task, capacity, device):
        import torch

        width, height = task.canvas
        self.task, self.size, self.device = task, 0, device
        dtype = torch.float16 if task.modality == "audio" else torch.uint8
        self.media = torch.empty(capacity, height, width, dtype=dtype, device=device)
        self.ids = torch.empty(capacity, task.length, dtype=torch.int16, device=device)
        self.info = torch.empty(capacity, 4, dtype=torch.int32, device=device)  # columns, rows, start, length

    def add(self, rows):
        """Append the rows of this pool's task, as many as there is room for."""
        import torch

        rows = [row for row in rows if row.task == self.task.name][: len(self.media) - self.size]
        if not rows:
            return
        new = slice(self.size, self.size + len(rows))
        self.media[new] = torch.from_numpy(np.stack([row.media for row in rows])).to(self.device)
        self.ids[new] = torch.from_numpy(np.stack([row.ids for row in rows])).to(self.device)
        info = [(row.columns, row.rows, row.start, row.length) for row in rows]
        self.info[new] = torch.tensor(info, dtype=torch.int32).to(self.device)
        self.size += len(rows)

    def batch(self, count, generator):
        """``count`` random rows: media (count, height, width), ids (count, length) int64, info (count, 4)."""
        import torch

        chosen = torch.randint(self.size, (count,), generator=generator).to(self.device)
        return self.media[chosen], self.ids[chosen].long(), self.info[chosen].long()

    def answer_tokens(self):
        """Ids of all tokens that are part of an answer here, sorted."""
        import torch

        step = torch.arange(self.ids.shape[1], device=self.device)
        chosen = (step >= self.info[: self.size, 2:3]) & (step < self.info[: self.size, 3:])
        return self.ids[: self.size][chosen].long().unique()


def drawn_ahead(processes, draw, numbers, ahead=16_384):
    """The rows of ``numbers`` in order, drawn by a pool of processes that is never more than ``ahead`` rows in front.

    Without that bound quick workers fill the memory, and the thread that takes in their rows slows the training to a
    third. Close the generator before the pool. ``ahead`` must hold the 64 rows that a process takes at a time.
    """
    room, closed = threading.Semaphore(ahead), []

    def admitted():
        for number in numbers:
            room.acquire()
            if closed:
                return
            yield number

    try:
        for row in processes.imap(draw, admitted(), chunksize=64):
            room.release()
            yield row
    finally:
        closed.append(True)
        room.release()


def grow(pools, stream, size):
    """Take rows from the stream until the pools together hold ``size``, or as many as they can."""
    room = sum(len(pool.media) for pool in pools)
    while sum(pool.size for pool in pools) < min(size, room):
        fresh = [row for row in (next(stream) for _ in range(2048)) if row is not None]
        for pool in pools:
            pool.add(fresh)
