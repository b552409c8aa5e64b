"""Peak GPU memory of training at official sizes, for many settings, against what ``models.plan`` says of them.

    python tests/benchmarks/memory.py              (one GPU of 80 GB; 6 minutes; QLoRA wants bitsandbytes)
    python tests/benchmarks/memory.py FAMILY       (only its settings; rows of others stay)
    python tests/benchmarks/memory.py small        (every setting on a CPU with tiny models: does it run?)
    python tests/benchmarks/memory.py predict      (no GPU: the stored rows, predicted anew)

Each setting is trained for three steps by transformers' Trainer with the project's arguments, in a process of its own.
Weights are random, which does not change memory; all pictures of a setting are of one size, and all answers. Full
training means the language model in float32, the rest frozen in bfloat16, as in the recipes. ``measured_gb`` is what
nvidia-smi saw at most since training began, with CUDA's own part; ``reserved_gb`` and ``allocated_gb`` are PyTorch's.
While one process trains, the next ones import what they need. Rows go to data/benchmarks/memory.json as they are done.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from datetime import date
from functools import partial
from pathlib import Path

from random_models import ROOT, classes, make_model, make_processor, official_config, words_of

RESULTS = ROOT / "data" / "benchmarks" / "memory.json"
READY, BEGIN, STEPS = "ready", "training begins", 3
AHEAD = 3  # processes that import while another trains

WIDE, PAGE, LARGE = (12, 6), (16, 16), (24, 24)  # pictures in image tokens of 28 x 28 pixels, MiniCPM's in 448 x 448
RUNS = (  # family, method, batch size, gradient checkpointing, picture, tokens of an answer, LoRA's rank
    ("qwen2_vl", "lora", 16, False, WIDE, 72, 64),
    ("glm_ocr", "lora", 4, False, LARGE, 72, 64),
    ("minicpm_o", "lora", 16, True, (1, 1), 72, 64),
    ("minicpm_o", "qlora", 16, True, (1, 1), 72, 64),
    ("qwen2_vl", "full", 4, False, WIDE, 72, 64),
    ("glm_ocr", "full", 4, True, LARGE, 72, 64),
    ("qwen2_vl", "lora", 4, False, WIDE, 72, 64),
    ("qwen2_vl", "lora", 1, False, PAGE, 128, 64),
    ("qwen2_vl", "lora", 16, True, WIDE, 72, 64),
    ("qwen2_vl", "lora", 16, False, PAGE, 128, 64),
    ("qwen2_vl", "lora", 4, True, (16, 32), 512, 64),
    ("qwen2_vl", "lora", 4, False, WIDE, 72, 8),
    ("qwen2_vl", "qlora", 16, True, WIDE, 72, 64),
    ("qwen2_vl", "qlora", 4, False, PAGE, 128, 64),
    ("qwen2_vl", "full", 16, True, PAGE, 128, 64),
    ("glm_ocr", "lora", 1, True, WIDE, 72, 64),
    ("glm_ocr", "lora", 16, True, LARGE, 128, 64),
    ("glm_ocr", "lora", 16, False, WIDE, 72, 64),
    ("glm_ocr", "qlora", 4, True, LARGE, 128, 64),
    ("glm_ocr", "full", 16, False, WIDE, 72, 64),
    ("minicpm_o", "lora", 1, True, (1, 1), 72, 64),
    ("minicpm_o", "lora", 4, False, (1, 1), 72, 64),
    ("minicpm_o", "lora", 16, False, (1, 1), 72, 64),
    ("minicpm_o", "lora", 4, True, (2, 2), 256, 64),
    ("minicpm_o", "qlora", 1, True, (1, 1), 72, 64),
    ("minicpm_o", "qlora", 4, False, (2, 2), 128, 64),
    ("minicpm_o", "full", 1, True, (1, 1), 72, 64),
)
SMALL = (0, 1, 2, 3, 4, 26)  # those that a CPU tries
NAMES = ("family", "method", "batch_size", "gradient_checkpointing", "picture", "answer", "lora_r")


# --- one setting, in a process of its own -------------------------------------------------------


def draw(folder, family, picture, answer, count, processor):
    """``count`` times one picture of noise with an answer of so many tokens, the one that ends it included."""
    from PIL import Image

    from helpers.data.samples import Sample

    side = 448 if family == "minicpm_o" else 28
    path, rng, tokenizer = folder / "picture.png", random.Random(0), processor.tokenizer
    Image.effect_noise((side * picture[0], side * picture[1]), 50).convert("L").save(path)
    words, text = words_of(tokenizer), ""
    while len(tokenizer(text).input_ids) < answer - 1:
        text += rng.choice(words)
    return [Sample(path, text)] * count


def run(family, method, batch, checkpointing, picture, answer, rank, small):
    """Import, wait for the sign to begin, train; the last line printed is the row of the results."""
    import peft
    import torch
    from transformers import Trainer

    from helpers.models import attention
    from helpers.models.inputs import image_tokens
    from helpers.settings import Settings
    from helpers.training import trainer
    from helpers.training.collate import collate

    assert peft.__version__
    processor, kinds = make_processor(family), classes(family)
    config = official_config(family, processor, small)
    with tempfile.TemporaryDirectory() as folder:
        rows = draw(Path(folder), family, picture, answer, batch * STEPS, processor)
        width, height = ((448 if family == "minicpm_o" else 28) * side for side in picture)
        example = collate(rows[:1], processor)
        found = {"image_tokens": image_tokens(processor)(width, height), "answer_tokens": example["logits_to_keep"] - 1}
        found["text_tokens"] = example["input_ids"].shape[1] - found["image_tokens"]
        print(READY, flush=True)
        sys.stdin.readline()
        place = {"device": "cpu", "dtype": "float32"} if small else {}
        settings = Settings.real(
            hub="modelscope", batch_size=batch, gradient_accumulation=1, gradient_checkpointing=checkpointing, epochs=1,
            train_samples=len(rows), lora_r=rank, lora_alpha=2 * rank, **place,
        )  # fmt: skip
        arguments = trainer.arguments(settings, Path(folder))
        arguments.save_strategy, arguments.disable_tqdm, arguments.dataloader_num_workers = "no", True, 0
        options = {"args": arguments, "train_dataset": rows, "data_collator": partial(collate, processor=processor)}
        try:
            model = make_model(family, method, settings, config, kinds)
            attention.batch_vision_attention(model)
            found["trained"] = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
            learner = Trainer(model=model, **options)
            if not small:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            print(BEGIN, flush=True)
            learner.train()
        except torch.OutOfMemoryError:
            found["failed"] = "out of memory"
    if not small:
        torch.cuda.synchronize()
        found["reserved_gb"] = round(torch.cuda.max_memory_reserved() / 1e9, 2)
        found["allocated_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
        found |= {"card": torch.cuda.get_device_name()}
        time.sleep(0.5)  # so that nvidia-smi is asked once more
    print(json.dumps(found | {"torch": torch.__version__.split("+")[0]}), flush=True)


# --- all of them, watched from outside ----------------------------------------------------------


def used():
    """GB in use on the first GPU that this process may take; 0 without nvidia-smi."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    question = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", first]
    try:
        return int(subprocess.run(question, capture_output=True, text=True, check=True).stdout) * 2**20 / 1e9
    except FileNotFoundError:
        return 0


def start(index, small):
    """A process for the setting ``RUNS[index]`` that waits when it has imported everything."""
    command = [sys.executable, __file__, "--run", str(index), "small" if small else "full"]
    errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (read when the process has ended)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors, "text": True}
    environment = os.environ | {"OMP_NUM_THREADS": "1" if small else "4"}
    return subprocess.Popen(command, env=environment, **pipes), errors


def measure(child, errors):
    """What the process found, with the memory that nvidia-smi saw since its training began."""
    lines, peak, done = [], [0], threading.Event()
    before = used()

    def watch():
        while not done.wait(0.2):
            peak[0] = max(peak[0], used())

    watcher = threading.Thread(target=watch)
    watcher.start()
    with contextlib.suppress(BrokenPipeError):  # it has failed already; its errors tell why
        child.stdin.write("\n")
        child.stdin.flush()
    for line in child.stdout:
        lines.append(line.strip())
        if lines[-1] == BEGIN:
            peak[0] = 0  # the making of the weights is not training
    done.set()
    watcher.join()
    if child.wait():
        errors.seek(0)
        return {"failed": errors.read()[-3000:]}
    found = json.loads(lines[-1])
    return found | ({"measured_gb": round(peak[0] - before, 2)} if peak[0] and "failed" not in found else {})


def predicted(row):
    """``row`` with what the planner says of it, if it was run at all."""
    from helpers.models import plan

    if "text_tokens" not in row:
        return row
    names = ("batch_size", "gradient_checkpointing", "image_tokens", "text_tokens", "answer_tokens", "lora_r")
    made = plan(row["family"], row["method"], **{name: row[name] for name in names})
    return row | {"predicted_gb": round(made.total, 2)}


def write(path, facts, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n", encoding="utf-8")


def main(small, family=""):
    path = Path(tempfile.mkdtemp()) / "memory.json" if small else RESULTS
    facts = {"card": "CPU", "torch": "", "date": date.today().isoformat()}
    chosen = SMALL if small else [index for index, setting in enumerate(RUNS) if setting[0].startswith(family)]
    rows = json.loads(path.read_bytes())["rows"] if path.exists() and family else []
    rows = [row for row in rows if row["family"] != family]
    waiting = deque(start(index, small) for index in chosen[: 1 if small else AHEAD])
    for place, index in enumerate(chosen):
        if place + len(waiting) < len(chosen):
            waiting.append(start(chosen[place + len(waiting)], small))
        child, errors = waiting.popleft()
        began = time.monotonic()
        row = dict(zip(NAMES, RUNS[index], strict=True)) | measure(child, errors)
        facts |= {name: row.pop(name) for name in ("card", "torch") if name in row}
        rows.append(predicted(row))
        print(json.dumps(rows[-1]), f"{time.monotonic() - began:.0f} s", flush=True)
        write(path, facts, rows)


def predict():
    facts = json.loads(RESULTS.read_bytes())
    rows = [predicted(row) for row in facts.pop("rows")]
    write(RESULTS, facts, rows)
    for row in rows:
        if "measured_gb" in row:
            error = 100 * (row["predicted_gb"] / row["measured_gb"] - 1)
            setting = " ".join(f"{row[name]!s:9}" for name in NAMES)
            print(f"{setting} {row['measured_gb']:7.2f} {row['predicted_gb']:7.2f} GB {error:+6.1f} %")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        chosen, on_cpu = RUNS[int(sys.argv[2])], sys.argv[3] == "small"
        run(*((chosen[0], chosen[1], min(chosen[2], 2)) + chosen[3:] if on_cpu else chosen), on_cpu)
    elif sys.argv[1:] == ["predict"]:
        predict()
    else:
        small = sys.argv[1:] == ["small"]
        main(small, "" if small else "".join(sys.argv[1:2]))
