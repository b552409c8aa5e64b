"""Teach a tiny checkpoint to read from nothing. This is how the weights in ``data/`` were made.

    python -m helpers.pretraining.train qwen2_vl --steps 24000 --out tiny-qwen2-vl
    python -m helpers.pretraining.train qwen2_vl --steps 100000 --seconds 350 --start data/tiny-qwen2-vl --out again
    python -m helpers.pretraining.train minicpm_o --steps 5000 --start data/tiny-qwen2-vl --out tiny-minicpm-o

The first starts from random weights: with formulas of up to 40 tokens, as they once were, it took 20 minutes on one
H100 and 16 CPU cores. The second goes on from a checkpoint of its own family for 350 seconds; with --begin it would
take rows that the checkpoint has not seen. The third starts from another family. The cards in ``data/`` tell what made
each checkpoint that ships.

GPUs of one machine train together, each on pictures of its own ("--" keeps torchrun from taking --start for its own):

    torchrun --nproc-per-node 2 -m -- helpers.pretraining.train qwen2_vl --steps 24000 --out tiny-qwen2-vl

Worker processes draw pictures and make sounds all the time; their rows collect on the GPU in pools that grow with the
steps, one a task. So the result does not depend on how fast the workers are, unless --seconds ends the run.
"""

import argparse
import inspect
import json
import multiprocessing
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from helpers.models.generate import decode, generate
from helpers.models.inputs import conversation
from helpers.pretraining import distributed, forward
from helpers.pretraining.families import TINY_FAMILIES, processor_of
from helpers.pretraining.rows import Pool, drawn_ahead, grow, make_row, quiet_worker
from helpers.pretraining.warm_start import warm_start


def learning_rate(step, over, peak, warmup=400):
    """Linear warm-up, then a cosine down to zero; ``over`` is the share of the run that lies behind, 0 to 1."""
    return peak * min((step + 1) / warmup, 0.5 + 0.5 * np.cos(np.pi * over))


def exams(tasks):
    """Each task with each of its styles, to be scored; of two that draw the same test pictures only the last."""
    return list({(task.draw, style): (task, style) for task in tasks for style in task.styles}.values())


def read_back(model, processor, task, style, count, seed=99):
    """Greedy answers on ``count`` test pictures: (share exactly right, answers, truths)."""
    drawn = [task.draw(index, seed, style, "test") for index in range(count)]
    answers = []
    for start in range(0, count, 250):
        part = drawn[start : start + 250]
        text = [conversation(processor, task.prompts[0], task.modality)] * len(part)
        if task.modality == "audio":
            media = {"audios": [[sound] for sound, _ in part]}
        else:
            media = {"images": [image.convert("RGB") for image, _ in part]}
        inputs = processor(text=text, padding=True, return_tensors="pt", **media)
        answers += decode(processor, generate(model, inputs, max(72, task.length - 40)))
    truths = [text for _, text in drawn]
    return sum(a == t for a, t in zip(answers, truths, strict=True)) / count, answers, truths


def pretrain(
    family,
    steps,
    out,
    start=None,
    begin=0,
    seconds=0,
    batch=1024,
    peak=1.5e-3,
    capacity=1_500_000,
    first=20_480,
    per_step=100,
    workers=15,
):
    """Train from random weights, write the checkpoint folder ``out`` and the facts for its card.

    Args:
        start: a checkpoint folder to start from instead; see ``helpers/pretraining/warm_start.py``.
        begin: first row of the training set; a later one than ``Task.ramp`` for a model that knows how to read.
        seconds: if not 0, training ends after that time with its learning rate near zero, should the ``steps`` not be
            done by then: for machines that are lent for a time.
        batch: rows a step; ``capacity`` is the number of rows that the pools can hold.
        first, per_step: pictures drawn before the first step, and for each step after it.
        workers: processes that draw. What is counted from ``batch`` on is for each of torchrun's processes.
    """
    import torch

    rank, device, processes = distributed.join()
    torch.set_float32_matmul_precision("high")
    processor, tasks = processor_of(family), TINY_FAMILIES[family].tasks
    model = TINY_FAMILIES[family].make_model(processor)
    if start:
        warm_start(model, processor, start)
    model.to(device).train()
    optimizer = make_optimizer(model, peak)
    encoders, text_layer = make_encoders(model, processor, family)
    pools = [Pool(task, capacity * task.share // 4, device) for task in tasks]
    generator = torch.Generator().manual_seed(rank)
    began, step, over = time.time(), 0, 0.0
    draw, numbers = partial(make_row, family=family, seed=1 + rank), range(begin, begin + capacity * 2)
    with (
        multiprocessing.get_context("spawn").Pool(workers, quiet_worker) as drawing,
        closing(drawn_ahead(drawing, draw, numbers)) as stream,
    ):
        while over < 1:
            grow(pools, stream, first + step * per_step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, over, peak)
            losses = train_step(model, optimizer, pools, encoders, text_layer, batch, generator)
            step += 1
            over = max(step / steps, distributed.agreed((time.time() - began) / seconds, device) if seconds else 0)
            if rank:
                continue  # the first process reports and saves
            if step % 250 == 0 or over >= 1:
                shown = " ".join(f"{name} {loss.item():.4f}" for name, loss in losses.items())
                pictures = sum(pool.size for pool in pools)
                print(f"step {step} loss {shown} pictures {pictures} {time.time() - began:.0f} s", flush=True)
            if step % 1000 == 0:  # what --start takes, should the run be cut short
                model.save_pretrained(out)
                processor.save_pretrained(out)
            if step % 4000 == 0:
                asked = [(t, style) for t, style in exams(tasks) if style == t.styles[0]]
                shares = [f"{t.name} {read_back(model, processor, t, style, 250)[0]:.3f}" for t, style in asked]
                print(f"step {step} exact {' '.join(shares)}", flush=True)
    if rank:
        return
    pictures = sum(pool.size for pool in pools) * processes
    facts = {"steps": step, "batch": batch * processes, "drawn pictures": pictures, "processes": processes}
    facts |= {"started from": Path(start).name, "first row": begin} if start else {}
    facts |= {"seconds": round(time.time() - began), "torch": torch.__version__}
    facts["hardware"] = torch.cuda.get_device_name() if device != "cpu" else "CPU"
    spread_unused(model, torch.cat([pool.answer_tokens() for pool in pools]).unique())
    save(model, processor, tasks, Path(out), facts)


def make_optimizer(model, peak):
    """AdamW with weight decay on the matrices alone."""
    import torch

    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98), fused=model.device.type == "cuda")


def make_encoders(model, processor, family):
    """The encoder of each task's pictures or sounds by the task's name, and the text layer; compiled on a GPU."""
    import torch

    module = TINY_FAMILIES[family].forward
    vision_block, text_layer = module.vision_block, forward.text_layer
    if model.device.type == "cuda":
        vision_block = torch.compile(vision_block, dynamic=False)
        text_layer = torch.compile(text_layer, dynamic=False)
    encoders = {}
    for task in TINY_FAMILIES[family].tasks:
        if task.modality == "audio":
            encoders[task.name] = module.audio_encoder(model, processor)
        else:
            encoders[task.name] = module.image_encoder(model, processor, task.canvas, model.device, vision_block)
    return encoders, text_layer


def train_step(model, optimizer, pools, encoders, text_layer, batch, generator):
    """One step on ``batch`` random rows, of which each task has its share: {name of the task: loss}."""
    import torch

    device, losses = model.device.type, {}
    optimizer.zero_grad(set_to_none=True)
    for pool in pools:
        task = pool.task
        media, ids, info = pool.batch(batch * task.share // 4, generator)
        media = forward.augment(media) if task.modality == "image" else media.float()
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = forward.loss(model, media, ids, info, encoders[task.name], text_layer)
        (loss * task.share / 4).backward()
        losses[task.name] = loss.detach()
    distributed.average_gradients(model.parameters())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return losses


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
    for task, style in exams(tasks):
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
    parser.add_argument("family", choices=TINY_FAMILIES)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", required=True)
    for name, parameter in list(inspect.signature(pretrain).parameters.items())[3:]:
        kind = str if parameter.default is None else type(parameter.default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=parameter.default)
    pretrain(**vars(parser.parse_args()))
