"""Teach a tiny checkpoint to read from nothing. This is how the weights in ``data/`` were made.

    python -m helpers.pretrain qwen2_vl --steps 24000 --out data/tiny-qwen2-vl    (one H100, 16 CPU cores: 20 minutes)
    python -m helpers.pretrain glm_ocr --steps 9000 --batch 2048 --peak 2e-3 --per-step 60 --out data/tiny-glm-ocr
    python -m helpers.pretrain minicpm_o --steps 5000 --start data/tiny-qwen2-vl --out data/tiny-minicpm-o
    python -m helpers.pretrain minicpm_v --steps 4000 --start data/tiny-minicpm-o --out data/tiny-minicpm-v

A run can go on from a checkpoint of its own family (--start), with rows that it has not seen (--begin). What made each
checkpoint is told on its card.

Worker processes draw pictures all the time; they collect on the GPU in pools that grow with the steps, one a task,
so the result does not depend on how fast the workers are.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from helpers import canvas, canvas_minicpm, formulas, molecules, smiles, tiny, tiny_minicpm
from helpers.canvas import GRID
from helpers.collate import conversation
from helpers.models import image_tokens
from helpers.warm_start import warm_start


@dataclass(frozen=True)
class Task:
    """What a tiny model learns to read.

    draw     (index, seed, style, part, longest) -> (picture, text)
    styles   drawing styles of the training pictures, taken in turn
    canvas   width and height in pixels, multiples of 28
    prompts  questions, taken in turn
    length   tokens of a training row
    limits   size of the longest text: it starts at the first number and grows to the second
    ramp     row of the training set from which it grows, and the row where it has grown up
    share    of the pictures of a batch and of those drawn; the tasks' shares add up to 4
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


def fenced_molecule(*args):
    """A molecule as ``molecules.draw_sample`` draws it, its SMILES in the fence that answers have."""
    picture, text = molecules.draw_sample(*args)
    return picture, smiles.fence(text)


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
FAMILIES = {  # what makes the processor and the model, what is learned, and the module with the eye
    "qwen2_vl": (tiny.qwen2_vl_processor, tiny.qwen2_vl_model, (FORMULAS,), canvas),
    "glm_ocr": (tiny.glm_ocr_processor, tiny.glm_ocr_model, (GLM_FORMULAS, MOLECULES), canvas),
    "minicpm_o": (tiny_minicpm.minicpm_o_processor, tiny_minicpm.minicpm_o_model, (MINICPM_FORMULAS,), canvas_minicpm),
    "minicpm_v": (tiny_minicpm.minicpm_v_processor, tiny_minicpm.minicpm_v_model, (MINICPM_FORMULAS,), canvas_minicpm),
}


# --- rows: drawn and tokenized in worker processes ----------------------------------------------


@cache
def _processor(family):
    return FAMILIES[family][0]()


def prompt_ids(processor, prompt, size):
    """Token ids of the conversation up to the answer, with the places for a picture of ``size`` (width, height)."""
    from helpers.minicpm.text import IMAGE_MARK

    text, images = conversation(processor, prompt), processor.image_processor
    if hasattr(images, "get_slice_image_placeholder"):  # MiniCPM
        text = text.replace(IMAGE_MARK, images.get_slice_image_placeholder(size))
    else:
        text = text.replace(processor.image_token, processor.image_token * image_tokens(processor)(*size))
    return processor.tokenizer(text).input_ids


def longest_text(task, index):
    """Texts start short, so that the model first learns what single signs look like: the longest of row ``index``."""
    (short, long), (begin, end) = task.limits, task.ramp
    return short + int((long - short) * min(1, max(0, index - begin) / (end - begin)))


def make_row(index, family="qwen2_vl", seed=1):
    """Row ``index`` of the training set; of every four rows each task has its share.

    Returns:
        number of the task; ink on its canvas, uint8 (height, width); picture width in units of 28 pixels; token ids,
        int16 (length,), padded with the pad token; index of the first answer token; number of tokens.
        ``None`` if the row is too long.
    """
    processor, tasks = _processor(family), FAMILIES[family][2]
    turns = [number for number, task in enumerate(tasks) for _ in range(task.share)]
    number = turns[index % len(turns)]
    task = tasks[number]
    style = task.styles[index // len(turns) % len(task.styles)]
    image, text = task.draw(index, seed, style, "train", longest_text(task, index))
    prompt = prompt_ids(processor, task.prompts[index % len(task.prompts)], image.size)
    ids = prompt + processor.tokenizer(text).input_ids + [processor.tokenizer.eos_token_id]
    if len(ids) > task.length:
        return None
    ink = np.zeros((task.canvas[1], task.canvas[0]), np.uint8)
    ink[: image.height, : image.width] = 255 - np.asarray(image.convert("L"))
    padded = np.full(task.length, processor.tokenizer.pad_token_id, np.int16)
    padded[: len(ids)] = ids
    return number, ink, image.width // GRID, padded, len(prompt), len(ids)


def _quiet_worker():
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["OMP_NUM_THREADS"] = "1"


class Pool:
    """Rows of one task on the device, in the order in which they came."""

    def __init__(self, task, capacity, device):
        import torch

        width, height = task.canvas
        self.size, self.device = 0, device
        self.ink = torch.empty(capacity, height, width, dtype=torch.uint8, device=device)
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
        """``count`` random rows: ink (count, height, width) uint8, ids (count, length) int64, info (count, 3)."""
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


# --- training -----------------------------------------------------------------------------------


def learning_rate(step, steps, peak, warmup=400):
    """Linear warm-up, then a cosine down to zero."""
    return peak * min((step + 1) / warmup, 0.5 + 0.5 * np.cos(np.pi * step / steps))


def read_back(model, processor, task, style, count, seed=99):
    """Greedy answers on ``count`` test pictures: (share exactly right, answers, truths)."""
    import torch

    model.eval()
    drawn = [task.draw(index, seed, style, "test") for index in range(count)]
    answers = []
    for start in range(0, count, 250):
        part = drawn[start : start + 250]
        text = [conversation(processor, task.prompts[0])] * len(part)
        images = [image.convert("RGB") for image, _ in part]
        inputs = processor(text=text, images=images, padding=True, return_tensors="pt")
        with torch.inference_mode():
            out = model.generate(**inputs.to(model.device), max_new_tokens=72, do_sample=False)
        answers += processor.batch_decode(out[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)
    truths = [text for _, text in drawn]
    model.train()
    return sum(a == t for a, t in zip(answers, truths, strict=True)) / count, answers, truths


def pretrain(
    family,
    steps,
    out,
    start=None,
    begin=0,
    batch=1024,
    peak=1.5e-3,
    capacity=1_500_000,
    first=20_480,
    per_step=100,
    workers=15,
):
    """Train from random weights, write the checkpoint folder ``out`` and the facts for its card.

    Args:
        start: a checkpoint folder to start from instead; see ``helpers/warm_start.py``.
        begin: first row of the training set; a later one than ``Task.ramp`` for a model that knows how to read.
        batch: pictures a step; ``capacity`` is the number of pictures drawn altogether.
        first, per_step: pictures drawn before the first step, and for each step after it.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    processor, tasks = _processor(family), FAMILIES[family][2]
    model = FAMILIES[family][1](processor)
    if start:
        warm_start(model, processor, start)
    model.to(device).train()
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98), fused=device == "cuda")
    module = FAMILIES[family][3]
    layers = module.vision_block, canvas.text_layer
    vision_block, text_layer = (torch.compile(layer, dynamic=False) if device == "cuda" else layer for layer in layers)
    eyes = [module.eye(model, processor, task.canvas, device, vision_block) for task in tasks]
    pools = [Pool(task, capacity * task.share // 4, device) for task in tasks]
    choose = torch.Generator().manual_seed(0)
    began = time.time()
    with multiprocessing.get_context("spawn").Pool(workers, _quiet_worker) as crew:
        stream = crew.imap(partial(make_row, family=family), range(begin, begin + capacity * 2), chunksize=64)
        for step in range(steps):
            grow(pools, stream, first + step * per_step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, peak)
            optimizer.zero_grad(set_to_none=True)
            values = []
            for task, pool, look in zip(tasks, pools, eyes, strict=True):
                ink, ids, info = pool.batch(batch * task.share // 4, choose)
                with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                    value = canvas.loss(model, canvas.augment(ink), ids, info, look, text_layer)
                (value * task.share / 4).backward()
                values.append(value.detach())
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % 250 == 0 or step + 1 == steps:
                losses = " ".join(f"{task.name} {v.item():.4f}" for task, v in zip(tasks, values, strict=True))
                pictures = sum(pool.size for pool in pools)
                print(f"step {step + 1} loss {losses} pictures {pictures} {time.time() - began:.0f} s", flush=True)
            if (step + 1) % 4000 == 0:
                shares = [f"{t.name} {read_back(model, processor, t, t.styles[0], 250)[0]:.3f}" for t in tasks]
                print(f"step {step + 1} exact {' '.join(shares)}", flush=True)
        crew.terminate()
    facts = {"steps": steps, "batch": batch, "drawn pictures": sum(pool.size for pool in pools)}
    facts |= {"started from": Path(start).name, "first row": begin} if start else {}
    facts |= {"seconds": round(time.time() - began), "torch": torch.__version__}
    facts["hardware"] = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    spread_unused(model, torch.cat([pool.answer_tokens() for pool in pools]).unique())
    save(model, processor, tasks, Path(out), facts)


def spread_unused(model, used, seed=0):
    """Give each token that never was part of an answer a direction of its own in the output table.

    Training pushes all of them far down in the same way, until none can be told from another. LoRA leaves that table
    as it is, so it could not teach a single one of them. Here they come half the way back, each with random numbers as
    large as the other rows' own. A table that is the input table too is left alone.
    """
    import torch

    table = model.get_output_embeddings().weight.data
    if table.data_ptr() == model.get_input_embeddings().weight.data_ptr():
        return
    unused = torch.ones(len(table), dtype=torch.bool, device=table.device).index_fill(0, used, False)
    typical = (table[~unused] - table[~unused].mean(0)).norm(dim=1).mean() / table.shape[1] ** 0.5
    noise = torch.randn(table.shape, generator=torch.Generator().manual_seed(seed)).to(table.device)
    table[unused] = 0.5 * table[unused].mean(0) + typical * noise[unused]


def save(model, processor, tasks, out, facts, count=1000):
    """Round the weights to bfloat16, score what will be shipped, write the checkpoint and its card."""
    import torch

    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    for task in tasks:
        for style in task.styles:
            facts[f"exact match, {task.name}, {style}"] = read_back(model, processor, task, style, count)[0]
    facts["held-out pictures a task"] = count
    model.to(torch.bfloat16).save_pretrained(out)
    processor.save_pretrained(out)
    ask_for_float32(out / "config.json")
    (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(facts), flush=True)


def ask_for_float32(path):
    """Let whoever loads the checkpoint with dtype="auto", as LLaMA-Factory does, compute in float32 on a CPU."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"dtype": "bfloat16"', '"dtype": "float32"'), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", required=True)
    options = {
        "start": str,
        "begin": int,
        "batch": int,
        "peak": float,
        "workers": int,
        "first": int,
        "per-step": int,
        "capacity": int,
    }
    for name, kind in options.items():
        parser.add_argument(f"--{name}", type=kind, default=argparse.SUPPRESS)  # the defaults are pretrain's own
    pretrain(**vars(parser.parse_args()))
