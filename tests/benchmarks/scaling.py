"""Weak scaling: LoRA on a model of Qwen2-VL-2B's size on 1, 2 and 4 GPUs of one host, 16 samples a GPU and step.

    python tests/benchmarks/scaling.py           (4 GPUs of 80 GB; about 3 minutes)
    python tests/benchmarks/scaling.py gradients (2 GPUs are enough; a minute: only compares them, keeps the rows)
    python tests/benchmarks/scaling.py small     (two processes on a CPU with a tiny model: does it run?)

One process for each GPU. They train all together (with graphs twice, as the first time they are made), then two by two,
then each by itself, so that every card is busy each time and one that is slower than the others counts alike; with
packed rows and then with CUDA graphs and compiled layers as well, through the Trainer with its loader. A rate is the
mean over the cards, times the cards that train together, in the steps after the first third. The gradient of one batch
of 16 samples is compared, too: dealt to several GPUs against one. Results go to data/benchmarks/scaling.json. Data,
model and settings are those of training.py beside this file.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import results
import torch
import training as single

from helpers import processes
from helpers.data.samples import load_jsonl, write_jsonl
from helpers.training.batches import arranged
from helpers.training.captured import CapturedStep
from helpers.training.captured_trainer import CapturedTrainer
from helpers.training.packing import pack

SMALL = "small" in sys.argv
MOST = 2 if SMALL else min(4, torch.cuda.device_count())
COUNTS = [count for count in (4, 2, 1) if count <= MOST]
STEPS = {"packed": 3, "compiled": 3} if SMALL else {"packed": 30, "compiled": 300}  # the first third warms up
if "gradients" in sys.argv:
    STEPS = {"packed": 3}
single.SMALL = SMALL


def train(step, model, processor, rows, global_batch, callback):
    """One epoch over ``rows`` by all processes of the group, in batches as ``training.train`` has them."""
    settings = single.make_settings(len(rows), batch_size=global_batch)
    rows = arranged(rows, settings, global_batch // processes.count(), processor.tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        arguments = single.training_arguments(settings, Path(folder))
        arguments.save_strategy, arguments.disable_tqdm = "no", True
        arguments.dataloader_num_workers *= 2
        arguments.logging_strategy, arguments.logging_first_step = "no", False
        options = {"model": model, "args": arguments, "train_dataset": rows, "callbacks": [callback]}
        CapturedTrainer(step, data_collator=partial(pack, model=model, processor=processor), **options).train()


def gradient(step, model, processor, samples):
    """Of the first 16 samples, clipped, as one vector on the CPU."""
    from transformers import TrainerCallback

    found = []

    class Watch(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, **kwargs):
            found.append(step.master.grad.detach().cpu().clone())

    train(step, model, processor, samples[:16], 16, Watch())
    return found[0]


def all_reduce_seconds(step, count):
    """How long the processes take to add up their gradients, beside nothing else."""
    if count == 1:
        return 0.0
    gradient = torch.zeros_like(step.master.grad)
    for turn in range(15):
        if turn == 5:
            torch.distributed.barrier()
            began = time.perf_counter()
        torch.distributed.all_reduce(gradient)
        gradient.sum().item()  # waits
    return (time.perf_counter() - began) / 10


def work(folder):
    """What each process does, in groups of so many; it writes what it finds to ``folder``."""
    if not SMALL:
        processes.take_card()
    number, samples = processes.number(), load_jsonl(folder / "data.jsonl")
    processor = single.make_processor("qwen2_vl")
    torch.manual_seed(0)
    model = single.build("qwen2_vl", single.LANGUAGE, single.make_settings(len(samples)), processor)
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # zero at the start: A would have no gradient
            torch.nn.init.normal_(weight, std=0.02)
    rows, gradients = {}, {}
    for way, steps in STEPS.items():
        step = CapturedStep(model, **({"capture": False, "compiled": False} if SMALL else single.FAST[way]))
        start = step.master.detach().clone()
        turns = (MOST, *COUNTS) if step.capture else COUNTS  # graphs are made in the first; its rate is not kept
        for turn, count in enumerate(turns):
            group, rank = divmod(number, count)
            os.environ |= {"WORLD_SIZE": str(count), "RANK": str(rank)}
            place = {"init_method": f"file://{folder}/{way}-{turn}-{group}", "rank": rank, "world_size": count}
            torch.distributed.init_process_group("gloo" if SMALL else "nccl", **place)
            step.master.data.copy_(start)  # what was trained before must not tell gradients apart
            step.refresh()
            if way == "packed":
                gradients[count] = gradient(step, model, processor, samples)
            clock = single.Clock()
            drawn = (samples * (steps * 16 * count // len(samples) + 1))[: steps * 16 * count]
            train(step, model, processor, drawn, 16 * count, clock.callback)
            row = {"gpus": count, "way": way, "samples_per_second": clock.rate()}
            rows[way, count] = row | {"all_reduce_ms": round(1000 * all_reduce_seconds(step, count), 2)}
            torch.distributed.destroy_process_group()
            print(number, rows[way, count], flush=True)
    alone = gradients[1]
    apart = {count: ((found - alone).norm() / alone.norm()).item() for count, found in gradients.items()}
    found = {"rows": list(rows.values()), "gradients": [{"gpus": n, "distance": apart[n]} for n in COUNTS if n > 1]}
    (folder / f"found-{number}.json").write_text(json.dumps(found), encoding="utf-8")


def together(found):
    """What the processes have found, as one: a row's rate is the mean over all cards, times the cards in a group."""
    rows = []
    for each in zip(*(one["rows"] for one in found), strict=True):
        rate = sum(row["samples_per_second"] for row in each) / len(each)
        rows.append(each[0] | {"samples_per_second": round(rate * each[0]["gpus"], 1)})
    rows.sort(key=lambda row: (list(STEPS).index(row["way"]), row["gpus"]))
    return {"rows": rows, "gradients": found[0]["gradients"]}


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_jsonl(single.draw(folder, 32 if SMALL else 512, single.make_processor("qwen2_vl")), folder / "data.jsonl")
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(MOST)]
        quiet = os.environ | {"NCCL_NVLS_ENABLE": "0", "TOKENIZERS_PARALLELISM": "false"}
        subprocess.run([*launch, __file__, *sys.argv[1:], str(folder)], env=quiet, check=True)
        each = [json.loads(path.read_bytes()) for path in sorted(folder.glob("found-*.json"))]
    found = results.facts(SMALL) | together(each)
    print(json.dumps(found, indent=1))
    if "gradients" in sys.argv:
        found = json.loads((results.FOLDER / "scaling.json").read_bytes()) | {"gradients": found["gradients"]}
    if not SMALL:
        results.write("scaling", found)


if __name__ == "__main__":
    if "LOCAL_RANK" in os.environ:
        work(Path(sys.argv[-1]))
    else:
        main()
