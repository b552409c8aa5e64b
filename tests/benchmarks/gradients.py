"""How far bfloat16's gradients are from float32's: those of a plain Trainer and those of the fast ways. 20 batches.

    python tests/benchmarks/gradients.py         (one GPU of 40 GB; 3 minutes)
    python tests/benchmarks/gradients.py small   (a CPU with a tiny model: does it run?)

Qwen2-VL-2B with random weights, LoRA r = 64 on the language model's seven projections, its B random too. All ways see
the same 16 samples and begin with the same weights, which float32 holds exactly. A distance is the length of the
difference to float32's gradient of all LoRA weights, measured by the length of that. Results go to
data/benchmarks/gradients.json, with each way's mean distance over the batches and how often it is the plain way's.
"""

import copy
import statistics
import sys
import tempfile
from pathlib import Path

import results
import torch
import training as single
from random_models import make_processor
from transformers import BatchFeature

from helpers.models import attention
from helpers.training.captured import CapturedStep
from helpers.training.collate import collate
from helpers.training.packing import pack

SMALL = sys.argv[1:] == ["small"]
single.SMALL = SMALL
BATCHES = 2 if SMALL else 20
DEVICE = "cpu" if SMALL else "cuda"
WAYS = [  # and whether layers are computed again
    *((way, False) for way in (["packed"] if SMALL else single.FAST)),
    ("packed" if SMALL else "compiled", True),
]


def gradient(model, batch, autocast):
    """Of all LoRA weights, as one vector; ``autocast``: as the Trainer does it with bf16=True."""
    model.zero_grad()
    with torch.autocast(DEVICE, torch.bfloat16, enabled=autocast):
        loss = model(**BatchFeature(batch).to(model.device), use_cache=False).loss
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.requires_grad])


def distance(found, right):
    return ((found - right).norm() / right.norm()).item()


def main():
    torch.manual_seed(0)
    processor = make_processor("qwen2_vl")
    plain = single.build("qwen2_vl", single.LANGUAGE, single.make_settings(16 * BATCHES), processor).train()
    for name, weight in plain.named_parameters():
        if "lora_B" in name:  # zero at the start: A would have no gradient
            torch.nn.init.normal_(weight, std=0.02)
    with tempfile.TemporaryDirectory() as folder:
        samples = single.draw(Path(folder), 16 * BATCHES, processor)
        lots = [samples[start : start + 16] for start in range(0, len(samples), 16)]
        batches, packed = [collate(lot, processor) for lot in lots], [pack(lot, plain, processor) for lot in lots]
    exact = copy.deepcopy(plain).float()
    right = [gradient(exact, batch, autocast=False) for batch in batches]
    del exact
    attention.batch_vision_attention(plain)
    found = results.facts(SMALL) | {"batches": BATCHES, "rows": []}

    def keep(way, apart, again=False):
        mean = statistics.mean(apart)
        usual = found["rows"][0]["distance"] if found["rows"] else mean
        row = {"way": way, "gradient_checkpointing": again, "distance": mean, "longest": max(apart)}
        row |= {"times_plain": round(mean / usual, 3)}
        results.keep("gradients", found, row, SMALL)

    pairs = zip(batches, right, strict=True)
    keep("plain", [distance(gradient(plain, batch, not SMALL), true) for batch, true in pairs])
    for way, again in WAYS:  # one after the other: graphs take much memory
        model = copy.deepcopy(plain)
        if again:
            model.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
        step, apart = CapturedStep(model, **single.FAST[way]), []
        for row, true in zip(packed, right, strict=True):
            step.master.grad.zero_()
            step(row)
            apart.append(distance(step.master.grad, true))
        keep(way, apart, again)
        del model, step
        single.free_memory()


if __name__ == "__main__":
    main()
