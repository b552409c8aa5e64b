"""What a GPU is busy with in a training step of Qwen2-VL-2B, and how long it waits: by way, in milliseconds a step.

    python tests/benchmarks/profiling.py         (one GPU of 80 GB; 4 minutes)
    python tests/benchmarks/profiling.py small   (a CPU with a tiny model, which runs no kernels: does it run?)

Random weights, LoRA r = 64 on the language model's seven projections, 16 samples a step, pictures and answers as in
training.py beside this file. A step is forward, backward and optimizer; its batch is on the GPU already. The time of a
step is measured without the profiler, the kernels' times with it, over the same four batches; the rest is waiting.
Results go to data/benchmarks/profile.json.
"""

import copy
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import results
import torch
import training as single
from random_models import make_processor
from torch.profiler import ProfilerActivity, profile
from transformers import BatchFeature

from helpers.models import attention
from helpers.training.captured import CapturedStep
from helpers.training.collate import collate
from helpers.training.packing import pack

SMALL = sys.argv[1:] == ["small"]
single.SMALL = SMALL
BATCHES = 4
DEVICE = "cpu" if SMALL else "cuda"
KINDS = {  # kind of work: what is in its kernels' names; the first that fits counts, all others are "elements"
    "attention": ("flash", "fmha", "sdpa"),
    "matrix": ("gemm", "nvjet", "cutlass", "xmma", "splitk", "gemv", "triton_tem", "convolve"),
    "optimizer": ("adam",),
    "elements": ("triton",),
    "copies": ("memcpy", "memset", "copy", "index", "gather", "scatter", "cat", "fill", "embedding"),
}


def kind_of(kernel):
    name = kernel.lower()
    return next((kind for kind, words in KINDS.items() if any(word in name for word in words)), "elements")


def wait():
    if not SMALL:
        torch.cuda.synchronize()


def measure(way, step, batches):
    """The row of one way; ``step(batch)`` takes a whole training step."""
    for batch in batches * 3:  # compiles, captures, and lets libraries choose
        step(batch)
    wait()
    began = time.perf_counter()
    for batch in batches * 4:
        step(batch)
    wait()
    whole = 1000 * (time.perf_counter() - began) / (4 * len(batches))
    with profile(activities=[ProfilerActivity.CPU if SMALL else ProfilerActivity.CUDA]) as record:
        for batch in batches:
            step(batch)
        wait()
    spent, kernels = Counter(), 0
    for event in record.events():
        if "CUDA" in str(event.device_type):
            spent[kind_of(event.name)] += event.device_time_total / 1000 / len(batches)
            kernels += 1
    row = {"way": way, "samples_per_second": round(16_000 / whole, 1), "milliseconds": round(whole, 1)}
    row |= {kind: round(spent[kind], 1) for kind in KINDS}
    return row | {"rest": round(whole - sum(spent.values()), 1), "kernels": kernels // len(batches)}


def optimizer_of(weights):
    return torch.optim.AdamW(weights, lr=1e-4, fused=True)


def plain_step(model):
    optimizer = optimizer_of([weight for weight in model.parameters() if weight.requires_grad])

    def step(batch):
        with torch.autocast(DEVICE, torch.bfloat16, enabled=not SMALL):
            loss = model(**batch, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def fast_step(captured):
    optimizer = optimizer_of([captured.master])

    def step(batch):
        captured(batch)
        optimizer.step()
        captured.refresh()

    return step


def main():
    processor = make_processor("qwen2_vl")
    model = single.build("qwen2_vl", single.LANGUAGE, single.make_settings(16 * BATCHES), processor).train()
    found = results.facts(SMALL) | {"matrix_tflops": round(single.matrix_rate() / 1e12, 1), "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        samples = single.draw(Path(folder), 16 * BATCHES, processor)
        lots = [samples[start : start + 16] for start in range(0, len(samples), 16)]
        packed = [{name: value.to(DEVICE) for name, value in pack(lot, model, processor).items()} for lot in lots]
        padded = [BatchFeature(collate(lot, processor)).to(DEVICE) for lot in lots]

    plain = copy.deepcopy(model)
    attention.batch_vision_attention(plain)
    results.keep("profile", found, measure("plain", plain_step(plain), padded), SMALL)
    del plain
    for way, how in single.FAST.items():
        step = CapturedStep(copy.deepcopy(model), **how | ({"capture": False} if SMALL else {}))
        results.keep("profile", found, measure(way, fast_step(step), packed), SMALL)
        del step
        single.free_memory()


if __name__ == "__main__":
    main()
