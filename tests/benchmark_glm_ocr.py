"""What GLM-OCR's recipes need at full size: GPU memory and pictures a second. Run on a GPU machine; not a test.

    python tests/benchmark_glm_ocr.py WORK one     LoRA, LoRA without gradient checkpointing, full: one GPU
    python tests/benchmark_glm_ocr.py WORK two     LoRA and full on two GPUs: data parallel, DeepSpeed ZeRO-2 and ZeRO-3
    python tests/benchmark_glm_ocr.py WORK four    LoRA on four GPUs

The weights are random in the official shapes, which changes neither memory nor speed. Pictures are drawings of
molecules of 672 x 672 pixels, 576 image tokens each. Memory is the most that nvidia-smi saw on one GPU, everything
counted. Results are appended to WORK/results.jsonl.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
import official  # noqa: E402

from helpers import formats, llamafactory, molecules, smiles  # noqa: E402
from helpers.samples import Sample  # noqa: E402

SIDE, PICTURES, STEPS = 672, 32, 40
ONE = {
    "LoRA": ("glm_ocr_lora_sft", {}, 1),
    "LoRA, no gradient checkpointing": ("glm_ocr_lora_sft", {"disable_gradient_checkpointing": True}, 1),
    "full": ("glm_ocr_full_sft", {}, 1),
}
TWO = {
    "LoRA, 2 GPUs": ("glm_ocr_lora_sft", {}, 2),
    "full, 2 GPUs, ZeRO-2": ("glm_ocr_full_sft", {"deepspeed": "helpers/recipes/ds_z2_config.json"}, 2),
    "full, 2 GPUs": ("glm_ocr_full_sft", {}, 2),
    "full, 2 GPUs, ZeRO-3": ("glm_ocr_full_sft", {"deepspeed": "helpers/recipes/ds_z3_config.json"}, 2),
}
FOUR = {"LoRA, 4 GPUs": ("glm_ocr_lora_sft", {}, 4)}


def write_data(folder, rows):
    """``rows`` samples over a few large drawings, registered as the data set "molecules"."""
    drawn = []
    (folder / "images").mkdir(parents=True)
    for index in range(PICTURES):
        rng = np.random.default_rng(index)
        text = molecules.molecule(rng)
        place = folder / "images" / f"{index}.png"
        molecules.picture(text, "sketch", rng, SIDE).save(place)
        drawn.append(Sample(place, smiles.fence(text)))
    formats.write_sharegpt((drawn * rows)[:rows], folder / "molecules.json", "Code Generation:")
    formats.register(folder / "dataset_info.json", "molecules", folder / "molecules.json")


def used():
    """MiB in use on each GPU that this process may take."""
    question = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    if os.environ.get("CUDA_VISIBLE_DEVICES"):
        question += ["-i", os.environ["CUDA_VISIBLE_DEVICES"]]
    return [int(line) for line in subprocess.run(question, capture_output=True, text=True, check=True).stdout.split()]


def measure(name, recipe, changes, processes, work):
    """Train STEPS steps; the row of the results."""
    base = llamafactory.recipe(recipe)
    config = base | changes | {
        "model_name_or_path": str(work / "GLM-OCR"),
        "dataset_dir": str(work / "data"),
        "output_dir": str(work / "run"),
        "overwrite_output_dir": True,
        "max_steps": STEPS,
        "save_strategy": "no",
        "eval_strategy": "no",
        "val_size": 0.0,
        "plot_loss": False,
    }  # fmt: skip
    before, peaks, done = used(), used(), threading.Event()

    def watch():
        while not done.wait(0.2):
            peaks[:] = map(max, peaks, used())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        run = llamafactory.train(config, processes)
    finally:
        done.set()
        watcher.join()
    batch = config["per_device_train_batch_size"] * config["gradient_accumulation_steps"] * processes
    losses = [loss for _, loss in run.history]
    rates = pace(work / "run" / "trainer_log.jsonl", batch)
    return {
        "run": name,
        "pictures a step": batch,
        "steps": STEPS,
        "GPU memory, GB": round(max(p - b for p, b in zip(peaks, before, strict=True)) * 2**20 / 1e9, 1),
        "pictures a second": rates,
        "pictures a second, whole run": run.metrics.get("train_samples_per_second"),
        "seconds with start": round(run.seconds),
        "loss": (losses[0], losses[-1]),
    }


def pace(log, batch):
    """Pictures a second between the first and the last row of the log: the warm part of the run."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "loss" in row and row["current_steps"] >= 10]
    seconds = [sum(int(p) * 60**i for i, p in enumerate(reversed(row["elapsed_time"].split(":")))) for row in rows]
    return round((rows[-1]["current_steps"] - rows[0]["current_steps"]) * batch / max(1, seconds[-1] - seconds[0]), 1)


def main(work, which):
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "GLM-OCR").exists():
        official.write(work / "GLM-OCR", "glm_ocr", full=True, device="cuda")
    if not (work / "data").exists():
        write_data(work / "data", rows=STEPS * 16 * 4)
    for name, (recipe, changes, processes) in {"one": ONE, "two": TWO, "four": FOUR}[which].items():
        began = time.monotonic()
        try:
            row = measure(name, recipe, changes, processes, work)
        except llamafactory.LlamaFactoryError as error:
            row = {"run": name, "failed": str(error), "seconds": round(time.monotonic() - began)}
        print(json.dumps(row), flush=True)
        with (work / "results.jsonl").open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
