"""LoRA at official sizes on one GPU: the seed recipe's settings, this project's plain way and its fast ones.

    python tests/benchmarks/training.py PART         (one GPU of 80 GB; 5 minutes each)
    python tests/benchmarks/training.py small        (every part on a CPU with tiny models: does it run?)

PART is ``ways`` (Qwen2-VL-2B, LoRA on the language model's seven projections), ``whole`` (the same by training.train,
start-up included, each run in a new process with nothing compiled before; numbers of samples may follow), ``others``
(LoRA on the vision tower too; GLM-OCR; MiniCPM-o 2.6) or ``cards`` (no more memory than a smaller card has); families
may follow those two. Weights are random, which changes neither memory nor speed; pictures have 2 to 6 x 8 to 30 tokens,
answers 20 to 120; a step takes 16 samples in every way, through the Trainer and its loader. A rate is that of the steps
after the first third. Rows go to a file for each part in data/benchmarks, in place of older ones of the same name.
"""

import gc
import os
import random
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import results
import torch
from random_models import classes, make_model, make_processor, official_config, words_of

from helpers import training
from helpers.data.samples import Sample
from helpers.models import attention
from helpers.models.inputs import PROMPT
from helpers.models.parts import parts_of
from helpers.models.plan import CONTEXT
from helpers.settings import Settings
from helpers.training.batches import arranged
from helpers.training.captured_trainer import captured_trainer
from helpers.training.collate import IGNORE, collate
from helpers.training.trainer import arguments as training_arguments

SMALL = sys.argv[1:] == ["small"]
RESULTS = {"ways": "training", "whole": "whole_runs", "others": "families", "cards": "cards"}  # in data/benchmarks
LANGUAGE = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"  # what the seed recipe names
CARDS = (  # GB, family, way, parts of a step, gradient checkpointing, four bits
    (8, "qwen2_vl", "plain", 16, True, False),
    (16, "qwen2_vl", "plain", 4, True, False),
    (16, "qwen2_vl", "graphs", 4, True, False),
    (24, "qwen2_vl", "plain", 1, True, False),
    (24, "qwen2_vl", "graphs", 1, True, False),
    (24, "qwen2_vl", "compiled", 1, True, False),
    (40, "qwen2_vl", "compiled", 2, False, False),
    (12, "minicpm_o", "plain", 16, True, True),
    (16, "minicpm_o", "plain", 4, True, True),
    (24, "minicpm_o", "plain", 1, True, True),
    (24, "minicpm_o", "plain", 4, True, False),
    (24, "minicpm_o", "graphs", 16, True, False),
    (40, "minicpm_o", "plain", 1, True, False),
    (40, "minicpm_o", "compiled", 1, True, False),
)
STEPS = {1: (10, 60), 2: (10, 60), 4: (5, 16), 16: (2, 8)}  # of a run, by parts of a step: plain, with graphs
FAST = {
    "packed": {"capture": False, "compiled": False},
    "graphs": {"capture": True, "compiled": False},
    "compiled": {"capture": True, "compiled": not SMALL},
}


# --- data and models ----------------------------------------------------------------------------


def draw(folder, count, processor):
    """Pictures of noise in many sizes, with answers of 20 to 120 tokens."""
    from PIL import Image

    rng, samples = random.Random(0), []
    tokenizer, words = processor.tokenizer, words_of(processor.tokenizer)
    for index in range(count):
        height, width = (2, rng.randint(3, 6)) if SMALL else (rng.choice([2, 3, 4, 5, 6]), rng.randint(8, 30))
        path = folder / f"{index}.png"
        Image.effect_noise((28 * width, 28 * height), 50).convert("L").save(path)
        text, wanted = "", rng.randint(20, 120)
        while len(tokenizer(text).input_ids) < wanted:
            text += rng.choice(words)
        samples.append(Sample(path, text))
    return samples


def build(family, targets, settings, processor):
    """The model at its official size with random weights, with LoRA on ``targets``; "": the family's own."""
    method = "qlora" if settings.four_bit else "lora"
    return make_model(family, method, settings, official_config(family, processor, SMALL), classes(family), targets)


# --- measuring ----------------------------------------------------------------------------------


def free_memory():
    """Give back what no object holds any more: a trainer and its model are a circle."""
    gc.collect()
    if not SMALL:
        torch.cuda.empty_cache()


def compile_anew(folder):
    """What was compiled before, here or by other processes, is not found again."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp(dir=folder)


def matrix_rate():
    """bf16 floating-point operations a second of an 8192-cubed product on random data."""
    if SMALL:
        return 1e12
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in "ab")
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ b
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - start)


def full_logits(samples, processor):
    """The collator without logits_to_keep: labels as long as the rows, as the seed has them."""
    batch = collate(samples, processor)
    if "logits_to_keep" not in batch:
        return batch
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[:, -batch.pop("logits_to_keep") :] = batch["labels"]
    return batch | {"labels": labels}


@cache
def lengths(samples, processor):
    """[tokens, patches of the picture], means of all samples; counted once for all ways."""
    counts = torch.zeros(2)
    for start in range(0, len(samples), 64):
        batch = collate(samples[start : start + 64], processor)
        sizes = batch["image_grid_thw"] if "image_grid_thw" in batch else torch.cat(list(batch["tgt_sizes"]))
        counts += torch.stack([batch["attention_mask"].sum(), sizes.prod(1).sum()])
    return (counts / len(samples)).tolist()


def operations(model, samples, processor):
    """Floating-point operations a sample: 2 forward and 2 backward for each weight of a layer and token (LoRA's own are
    left out); pictures of a tower that is not trained have no backward."""
    parts, total = parts_of(model), 0
    tokens, patches = lengths(tuple(samples), processor)
    for part, count in ((parts["language"].layers, tokens), (parts["blocks"], patches)):
        weights = sum(weight.numel() for name, weight in part.named_parameters() if "lora" not in name)
        trained = any(weight.requires_grad for weight in part.parameters())
        total += (4 if trained else 2) * weights * count
    return total


class Clock:
    """The time when a third of a run's steps is done, and when all are; the type of the weights that it trains."""

    def __init__(self):
        from transformers import TrainerCallback

        marks = self.marks = []

        class Mark(TrainerCallback):
            def on_train_begin(this, args, state, control, model=None, **kwargs):
                trained = {str(weight.dtype) for weight in model.parameters() if weight.requires_grad}
                self.weights = ", ".join(sorted(name.removeprefix("torch.") for name in trained))

            def on_step_end(this, args, state, control, **kwargs):
                if state.global_step in (max(1, state.max_steps // 3), state.max_steps):
                    if not SMALL:
                        torch.cuda.synchronize()
                    marks.append((state.global_step, time.perf_counter()))

        self.callback = Mark()

    def rate(self, samples=None):
        """Samples a second; ``samples``: how many all steps have taken together, if not 16 each."""
        (first, began), (last, ended) = self.marks
        each = 16 if samples is None else samples / last
        return each * (last - first) / (ended - began)


def measure(way, samples, processor, rate, steps, family="qwen2_vl", targets="", parts=1, gb=0, **less):
    """One row of the results: ``steps`` steps of 16 samples in this way, in so many parts (the seed's: 4).

    gb: no more memory than that, once the model is made; less: gradient_checkpointing and four_bit.
    """
    from transformers import Trainer

    steps, seed = 2 if SMALL else steps, way == "seed"
    free_memory()  # else the last trainer's model is still there, and counts as this one's
    if not SMALL:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.set_per_process_memory_fraction(1.0)
    parts = 4 if seed else parts
    settings = replace(make_settings(steps * 16, 16 // parts, parts), **({} if SMALL else less))
    model, clock = build(family, targets, settings, processor), Clock()
    if gb and not SMALL:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        share = (gb * 1e9 - CONTEXT) / torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(share)
    rows = (samples * (steps * 16 // len(samples) + 1))[: steps * 16]
    if not seed:
        rows = arranged(rows, settings, 16 // parts, processor.tokenizer if way in FAST else None)
    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(settings, Path(folder))
        arguments.gradient_checkpointing = seed or settings.gradient_checkpointing
        arguments.save_strategy, arguments.disable_tqdm = "no", True
        began = time.perf_counter()
        if way in FAST:
            trainer = captured_trainer(model, processor, rows, arguments, PROMPT, [clock.callback], **FAST[way])
        else:
            if arguments.gradient_checkpointing:
                model.enable_input_require_grads()
            if not seed:
                attention.batch_vision_attention(model)
            collator = partial(full_logits if seed else collate, processor=processor)
            options = {"args": arguments, "train_dataset": rows, "data_collator": collator}
            trainer = Trainer(model=model, callbacks=[clock.callback], **options)
        trainer.train()
        whole = time.perf_counter() - began
    found = {"samples_per_second": round(clock.rate(), 1), "seconds": round(whole, 1), "samples": steps * 16}
    found["start_seconds"] = round(whole - steps * 16 / clock.rate(), 1)
    found["share_of_matrix_rate"] = round(operations(model, samples, processor) * clock.rate() / rate, 4)
    if not SMALL:
        found["peak_gb"] = round(torch.cuda.max_memory_reserved() / 1e9, 1)
    return {"family": family, "targets": "language" if targets else "all", "way": way} | found


def make_settings(samples, batch_size=16, accumulation=1):
    place = {"device": "cpu", "dtype": "float32"} if SMALL else {}
    made = Settings.real(hub="modelscope", batch_size=batch_size, gradient_accumulation=accumulation, epochs=1, **place)
    return replace(made, train_samples=samples, lora_r=64, lora_alpha=128, gradient_checkpointing=False)


def whole_run(samples, count):
    """A run of ``training.train`` over ``count`` samples, start-up and saving included."""
    count = 32 if SMALL else count
    settings, processor = make_settings(count), make_processor("qwen2_vl")
    model = build("qwen2_vl", LANGUAGE, settings, processor)
    rows = (samples * (count // len(samples) + 1))[:count]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        training.train(model, processor, rows, settings, Path(folder) / "run")
        seconds = time.perf_counter() - began
    found = {"samples": count, "seconds": round(seconds, 1), "samples_per_second": round(count / seconds, 1)}
    return {"family": "qwen2_vl", "targets": "language", "way": "train"} | found


# --- the parts ----------------------------------------------------------------------------------


def ways(keep, rate, folder):
    processor = make_processor("qwen2_vl")
    samples = draw(folder, 512 if not SMALL else 32, processor)
    for way, steps in (("seed", 9), ("plain", 30), ("packed", 40), ("graphs", 200), ("compiled", 300)):
        keep(measure(way, samples, processor, rate, steps, targets=LANGUAGE))


def whole(keep, rate, folder):
    samples = draw(folder, 1024 if not SMALL else 32, make_processor("qwen2_vl"))
    for count in map(int, sys.argv[2:] or (2000, 10000, 20000, 50000)):
        compile_anew(folder)
        with results.fresh_processes(1) as process:
            keep(process.submit(whole_run, samples, count).result())


def others(keep, rate, folder):
    plans = {
        "qwen2_vl": (("seed", 6), ("plain", 30), ("compiled", 150)),
        "glm_ocr": (("seed", 6), ("plain", 40), ("compiled", 150)),
        "minicpm_o": (("seed", 6), ("plain", 20), ("packed", 30), ("compiled", 120)),
    }
    for family in sys.argv[2:] or plans:
        processor = make_processor(family)
        samples = draw(Path(tempfile.mkdtemp(dir=folder)), 512 if not SMALL else 32, processor)
        for way, steps in plans[family]:
            parts = 2 if family == "minicpm_o" else 1  # room for its graphs in 80 GB
            keep(measure(way, samples, processor, rate, steps, family, parts=parts))


def cards(keep, rate, folder):
    for family in sys.argv[2:] or ("qwen2_vl", "minicpm_o"):
        processor = make_processor(family)
        samples = draw(Path(tempfile.mkdtemp(dir=folder)), 128 if not SMALL else 32, processor)
        process = None
        for row in [row for row in CARDS if row[1] == family]:
            process = process or results.fresh_processes(1)  # in whose memory nothing failed
            found = process.submit(card, *row, samples, rate).result()
            keep(found)
            if "failed" in found:
                process = process.shutdown()
        if process:
            process.shutdown()


def card(gb, family, way, parts, again, four_bit, samples, rate):
    """One row of ``CARDS``; if the memory is not enough, it says so instead of a rate."""
    less = {"gradient_checkpointing": again, "four_bit": four_bit}
    row = {"gb": gb, "family": family, "targets": "all", "way": way, "samples": 0, "batch_size": 16 // parts} | less
    try:
        steps = STEPS[parts][way in FAST]
        found = measure(way, samples, make_processor(family), rate, steps, family, parts=parts, gb=gb, **less)
    except torch.OutOfMemoryError as error:
        return row | {"failed": str(error)[:120]}
    return row | found


def main():
    rate = matrix_rate()
    facts = results.facts(SMALL) | {"matrix_tflops": round(rate / 1e12, 1)}
    print(facts, flush=True)

    def keep(part, row):
        name = RESULTS[part]
        results.keep(name, facts | {"rows": results.rows(name, SMALL)}, row, SMALL)

    parts = {"ways": ways, "whole": whole, "others": others, "cards": cards}
    with tempfile.TemporaryDirectory() as folder:
        compile_anew(folder)
        for part in parts if SMALL else sys.argv[1:2]:
            parts[part](partial(keep, part), rate, Path(tempfile.mkdtemp(dir=folder)))


if __name__ == "__main__":
    main()
