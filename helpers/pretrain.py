"""Teach a tiny checkpoint to read from nothing. This is how the weights in ``data/`` were made.

    python -m helpers.pretrain qwen2_vl --steps 24000 --out data/tiny-qwen2-vl    (one H100, 16 CPU cores: 20 minutes)
    python -m helpers.pretrain glm_ocr --steps 9000 --batch 2048 --peak 2e-3 --per-step 60 --out data/tiny-glm-ocr
    python -m helpers.pretrain minicpm_o --steps 5000 --start data/tiny-qwen2-vl --out data/tiny-minicpm-o
    python -m helpers.pretrain minicpm_v --steps 4000 --start data/tiny-minicpm-o --out data/tiny-minicpm-v

A run can go on from a checkpoint of its own family (--start), with rows that it has not seen (--begin). What made each
checkpoint is told on its card.

Worker processes draw pictures and make sounds all the time; their rows collect on the GPU in pools that grow with the
steps, one a task, so the result does not depend on how fast the workers are.
"""

import argparse
import json
import multiprocessing
import time
from functools import partial
from pathlib import Path

import numpy as np

from helpers import canvas
from helpers.collate import conversation
from helpers.pretrain_rows import FAMILIES, Pool, grow, make_row, processor_of, quiet_worker
from helpers.warm_start import warm_start


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
        text = [conversation(processor, task.prompts[0], task.medium)] * len(part)
        if task.medium == "audio":
            media = {"audios": [[sound] for sound, _ in part]}
        else:
            media = {"images": [image.convert("RGB") for image, _ in part]}
        inputs = processor(text=text, padding=True, return_tensors="pt", **media)
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
    processor, tasks = processor_of(family), FAMILIES[family][2]
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
    looks = [
        module.eye(model, processor, task.canvas, device, vision_block)
        if task.medium == "image"
        else module.ear(model, processor)
        for task in tasks
    ]
    pools = [Pool(task, capacity * task.share // 4, device) for task in tasks]
    choose = torch.Generator().manual_seed(0)
    began = time.time()
    with multiprocessing.get_context("spawn").Pool(workers, quiet_worker) as crew:
        stream = crew.imap(partial(make_row, family=family), range(begin, begin + capacity * 2), chunksize=64)
        for step in range(steps):
            grow(pools, stream, first + step * per_step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, peak)
            optimizer.zero_grad(set_to_none=True)
            values = []
            for task, pool, look in zip(tasks, pools, looks, strict=True):
                ink, ids, info = pool.batch(batch * task.share // 4, choose)
                seen = canvas.augment(ink) if task.medium == "image" else ink.float()
                with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                    value = canvas.loss(model, seen, ids, info, look, text_layer)
                (value * task.share / 4).backward()
                values.append(value.detach())
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % 250 == 0 or step + 1 == steps:
                losses = " ".join(f"{task.name} {v.item():.4f}" for task, v in zip(tasks, values, strict=True))
                pictures = sum(pool.size for pool in pools)
                print(f"step {step + 1} loss {losses} pictures {pictures} {time.time() - began:.0f} s", flush=True)
            if (step + 1) % 1000 == 0:  # what --start takes, should the run be cut short
                model.save_pretrained(out)
                processor.save_pretrained(out)
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
