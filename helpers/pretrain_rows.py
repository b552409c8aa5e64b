"""What the tiny models learn in ``helpers/pretrain.py``: tasks, their rows made in worker processes, pools of rows."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from helpers import canvas, canvas_minicpm, formulas, molecules, smiles, sounds, tiny, tiny_minicpm
from helpers.canvas import GRID
from helpers.collate import conversation
from helpers.models import image_tokens


@dataclass(frozen=True)
class Task:
    """What a tiny model learns to read.

    draw     (index, seed, style, part, longest) -> (picture or sound, text)
    styles   drawing styles of the training pictures, taken in turn
    canvas   width and height in pixels, multiples of 28; of sounds mel frames and bands
    prompts  questions, taken in turn
    length   tokens of a training row
    limits   size of the longest text: it starts at the first number and grows to the second
    ramp     row of the training set from which it grows, and the row where it has grown up
    share    of the pictures of a batch and of those drawn; the tasks' shares add up to 4
    medium   "image" or "audio"
    """

    name: str
    draw: Callable
    styles: tuple[str, ...]
    canvas: tuple[int, int]
    prompts: tuple[str, ...]
    length: int
    limits: tuple[int, int]
    ramp: tuple[int, int]
    share: int
    medium: str = "image"


def fenced_molecule(*args):
    """A molecule as ``molecules.draw_sample`` draws it, its SMILES in the fence that answers have."""
    picture, text = molecules.draw_sample(*args)
    return picture, smiles.fence(text)


def transcribed_sound(index, seed, style, part, longest=None):
    """A sound of one second, (16000,), with what happens in it, one word an event."""
    rng = np.random.default_rng((seed, index, sounds.PARTS.index(part)))
    name = sounds.NAMES[rng.integers(len(sounds.NAMES))]
    return sounds.play(name, rng), sounds.TRANSCRIPTS[name]


FORMULAS = Task(
    name="formulas",
    draw=formulas.draw_sample,
    styles=("printed",),
    canvas=formulas.LARGEST,
    prompts=tiny.PROMPTS,
    length=96,
    limits=(4, formulas.LONGEST),
    ramp=(20_000, 200_000),
    share=4,
)
GLM_FORMULAS = replace(FORMULAS, prompts=(tiny.GLM_OCR_PROMPTS["formula"],), length=80, ramp=(20_000, 110_000), share=1)
MOLECULES = Task(
    name="molecules",
    draw=fenced_molecule,
    styles=("clean", "colour"),
    canvas=(molecules.SIDE, molecules.SIDE),
    prompts=(tiny.GLM_OCR_PROMPTS["molecule"],),
    length=42,
    limits=(3, molecules.LARGEST + 2),  # more different molecules than will be asked for
    ramp=(20_000, 110_000),
    share=3,
)
MINICPM_FORMULAS = replace(FORMULAS, length=136)
HEARING_FORMULAS = replace(MINICPM_FORMULAS, share=3)
SOUNDS = Task(
    name="sounds",
    draw=transcribed_sound,
    styles=("clear",),
    canvas=(100, 80),
    prompts=(sounds.SOUND_PROMPT,),
    length=112,
    limits=(0, 0),
    ramp=(0, 1),
    share=1,
    medium="audio",
)
FAMILIES = {  # what makes the processor and the model, what is learned, and the module with the eye
    "qwen2_vl": (tiny.qwen2_vl_processor, tiny.qwen2_vl_model, (FORMULAS,), canvas),
    "glm_ocr": (tiny.glm_ocr_processor, tiny.glm_ocr_model, (GLM_FORMULAS, MOLECULES), canvas),
    "minicpm_o": (
        tiny_minicpm.minicpm_o_processor,
        tiny_minicpm.minicpm_o_model,
        (HEARING_FORMULAS, SOUNDS),
        canvas_minicpm,
    ),
    "minicpm_v": (tiny_minicpm.minicpm_v_processor, tiny_minicpm.minicpm_v_model, (MINICPM_FORMULAS,), canvas_minicpm),
}


# --- rows: drawn and tokenized in worker processes ----------------------------------------------


@cache
def processor_of(family):
    """The family's processor, made once in each process."""
    return FAMILIES[family][0]()


def prompt_ids(processor, prompt, medium, made):
    """Token ids of the conversation up to the answer, with the places for the picture or sound ``made``."""
    from helpers.minicpm.text import AUDIO_MARK, IMAGE_MARK

    text, images = conversation(processor, prompt, medium), processor.image_processor
    if medium == "audio":
        text = text.replace(AUDIO_MARK, processor.audio_feature_extract([[made]])[2][0][0])
    elif hasattr(images, "get_slice_image_placeholder"):  # MiniCPM
        text = text.replace(IMAGE_MARK, images.get_slice_image_placeholder(made.size))
    else:
        text = text.replace(processor.image_token, processor.image_token * image_tokens(processor)(*made.size))
    return processor.tokenizer(text).input_ids


def longest_text(task, index):
    """Texts start short, so that the model first learns what single signs look like: the longest of row ``index``."""
    (short, long), (begin, end) = task.limits, task.ramp
    return short + int((long - short) * min(1, max(0, index - begin) / (end - begin)))


def make_row(index, family="qwen2_vl", seed=1):
    """Row ``index`` of the training set; of every four rows each task has its share.

    Returns:
        number of the task; ink on its canvas, uint8 (height, width), or ``mel`` of a sound; picture width in units of
        28 pixels; token ids, int16 (length,), padded with the pad token; index of the first answer token; number of
        tokens. ``None`` if the row is too long.
    """
    processor, tasks = processor_of(family), FAMILIES[family][2]
    turns = [number for number, task in enumerate(tasks) for _ in range(task.share)]
    number = turns[index % len(turns)]
    task = tasks[number]
    style = task.styles[index // len(turns) % len(task.styles)]
    made, text = task.draw(index, seed, style, "train", longest_text(task, index))
    prompt = prompt_ids(processor, task.prompts[index % len(task.prompts)], task.medium, made)
    ids = prompt + processor.tokenizer(text).input_ids + [processor.tokenizer.eos_token_id]
    if len(ids) > task.length:
        return None
    padded = np.full(task.length, processor.tokenizer.pad_token_id, np.int16)
    padded[: len(ids)] = ids
    if task.medium == "audio":
        return number, mel(processor, made), 0, padded, len(prompt), len(ids)
    ink = np.zeros((task.canvas[1], task.canvas[0]), np.uint8)
    ink[: made.height, : made.width] = 255 - np.asarray(made.convert("L"))
    return number, ink, made.width // GRID, padded, len(prompt), len(ids)


def mel(processor, sound):
    """Log-mel features of a sound (samples,) of up to 30 s: float16 (mel bands, frames)."""
    from helpers.minicpm.audio import mel_pieces

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
        self.size, self.device = 0, device
        dtype = torch.float16 if task.medium == "audio" else torch.uint8
        self.ink = torch.empty(capacity, height, width, dtype=dtype, device=device)
        self.ids = torch.empty(capacity, task.length, dtype=torch.int16, device=device)
        self.info = torch.empty(capacity, 3, dtype=torch.int32, device=device)  # columns, first answer token, length

    def add(self, rows):
        """Append rows of ``make_row``, as many as there is room for."""
        import torch

        rows = rows[: len(self.ink) - self.size]
        if not rows:
            return
        place = slice(self.size, self.size + len(rows))
        self.ink[place] = torch.from_numpy(np.stack([row[1] for row in rows])).to(self.device)
        self.ids[place] = torch.from_numpy(np.stack([row[3] for row in rows])).to(self.device)
        info = [(row[2], row[4], row[5]) for row in rows]
        self.info[place] = torch.tensor(info, dtype=torch.int32).to(self.device)
        self.size += len(rows)

    def batch(self, count, generator):
        """``count`` random rows: ink or mel (count, height, width), ids (count, length) int64, info (count, 3)."""
        import torch

        chosen = torch.randint(self.size, (count,), generator=generator).to(self.device)
        return self.ink[chosen], self.ids[chosen].long(), self.info[chosen].long()

    def answer_tokens(self):
        """Ids of all tokens that are part of an answer here, sorted."""
        import torch

        step = torch.arange(self.ids.shape[1], device=self.device)
        chosen = (step >= self.info[: self.size, 1:2]) & (step < self.info[: self.size, 2:])
        return self.ids[: self.size][chosen].long().unique()


def grow(pools, stream, size):
    """Take rows from the stream until the pools together hold ``size``, or as many as they can."""
    room = sum(len(pool.ink) for pool in pools)
    while sum(pool.size for pool in pools) < min(size, room):
        fresh = [row for row in (next(stream) for _ in range(2048)) if row is not None]
        for number, pool in enumerate(pools):
            pool.add([row for row in fresh if row[0] == number])
