"""What the LLaMA-Factory recipes need at full size: GPU memory and rows a second. Run on a GPU machine; not a test.

    python tests/benchmarks/recipes.py WORK glm_ocr one     LoRA, without gradient checkpointing too, full: one GPU
    python tests/benchmarks/recipes.py WORK glm_ocr two     LoRA and full on two GPUs: plain, ZeRO-2, ZeRO-3
    python tests/benchmarks/recipes.py WORK glm_ocr four    LoRA on four GPUs
    python tests/benchmarks/recipes.py WORK minicpm_v one   LoRA on pictures, on videos: one GPU; 18 GB of disk
    python tests/benchmarks/recipes.py WORK minicpm_v two   full on two GPUs: ZeRO-2, ZeRO-3
    python tests/benchmarks/recipes.py WORK minicpm_o one   LoRA on pictures, videos, sounds: one GPU; 17 GB of disk
    python tests/benchmarks/recipes.py WORK minicpm_o two   full on sounds on two GPUs: ZeRO-3

The weights are random in the official shapes, which changes neither memory nor speed. GLM-OCR gets drawings of
molecules of 672 x 672 pixels, 576 image tokens each. MiniCPM gets formulas of 64 image tokens, videos of 8 frames of
66 tokens, and sounds of one second. Memory is the most that nvidia-smi saw on one GPU, everything counted. Results are
appended to WORK/results.jsonl.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]

import numpy as np  # noqa: E402
import official  # noqa: E402

from helpers import llamafactory  # noqa: E402
from helpers.data import formats  # noqa: E402
from helpers.data.samples import Sample  # noqa: E402
from helpers.data.synthetic import molecules, render, sounds, videos  # noqa: E402
from helpers.models.families import FAMILIES  # noqa: E402
from helpers.notation import smiles  # noqa: E402

SIDE, FILES = 672, 32
STEPS = {"glm_ocr": 40, "minicpm_v": 25, "minicpm_o": 25}
DS2, DS3 = ({"deepspeed": f"helpers/llamafactory/recipes/ds_z{stage}_config.json"} for stage in (2, 3))
FILMS = {"dataset": "films", "video_fps": 4.0}
RUNS = {  # (family, machine): {name: (recipe, changes, processes)}
    ("glm_ocr", "one"): {
        "LoRA": ("glm_ocr_lora_sft", {}, 1),
        "LoRA, no gradient checkpointing": ("glm_ocr_lora_sft", {"disable_gradient_checkpointing": True}, 1),
        "full": ("glm_ocr_full_sft", {}, 1),
    },
    ("glm_ocr", "two"): {
        "LoRA, 2 GPUs": ("glm_ocr_lora_sft", {}, 2),
        "full, 2 GPUs, ZeRO-2": ("glm_ocr_full_sft", DS2, 2),
        "full, 2 GPUs": ("glm_ocr_full_sft", {}, 2),
        "full, 2 GPUs, ZeRO-3": ("glm_ocr_full_sft", DS3, 2),
    },
    ("glm_ocr", "four"): {"LoRA, 4 GPUs": ("glm_ocr_lora_sft", {}, 4)},
    ("minicpm_v", "one"): {
        "LoRA, pictures": ("minicpm_v_lora_sft", {}, 1),
        "LoRA, videos": ("minicpm_v_lora_sft", FILMS, 1),
    },
    ("minicpm_v", "two"): {
        "full, pictures, 2 GPUs, ZeRO-2": ("minicpm_v_full_sft", DS2 | {"max_steps": 8}, 2),
        "full, pictures, 2 GPUs, ZeRO-3": ("minicpm_v_full_sft", DS3 | {"max_steps": 8}, 2),
    },
    ("minicpm_o", "one"): {
        "LoRA, pictures": ("minicpm_o_lora_sft", {}, 1),
        "LoRA, videos": ("minicpm_o_lora_sft", FILMS, 1),
        "LoRA, sounds": ("minicpm_o_lora_sft", {"dataset": "noises"}, 1),
    },
    ("minicpm_o", "two"): {
        "full, sounds, 2 GPUs, ZeRO-3": ("minicpm_o_full_sft", DS3 | {"dataset": "noises", "max_steps": 8}, 2)
    },
}


def write_molecules(folder, rows):
    """``rows`` samples over a few large drawings, registered as the data set "rows"."""
    drawn = []
    (folder / "images").mkdir(parents=True)
    for index in range(FILES):
        rng = np.random.default_rng(index)
        text = molecules.molecule(rng)
        place = folder / "images" / f"{index}.png"
        molecules.picture(text, "sketch", rng, SIDE).save(place)
        drawn.append(Sample(place, smiles.fence(text)))
    register(folder, "rows", drawn, rows, "Code Generation:")


def write_media(folder, rows):
    """Data sets of pictures ("rows"), videos ("films") and sounds ("noises") over a few files each."""
    made = {
        "rows": (render.render_set(folder / "images", FILES, 1, "scan"), "Write this formula as LaTeX."),
        "films": (videos.render_videos(folder / "videos", FILES, 1), "Write the formula as LaTeX."),
        "noises": (sounds.render_sounds(folder / "sounds", FILES, 1), sounds.SOUND_PROMPT),
    }
    for name, (samples, prompt) in made.items():
        register(folder, name, samples, rows, prompt)


def register(folder, name, samples, rows, prompt):
    """Write ``rows`` rows over a few samples, and their entry in dataset_info.json."""
    formats.write_sharegpt((samples * (rows // len(samples) + 1))[:rows], folder / f"{name}.json", prompt)
    formats.register(folder / "dataset_info.json", name, folder / f"{name}.json")


def used():
    """MiB in use on each GPU that this process may take."""
    question = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    if os.environ.get("CUDA_VISIBLE_DEVICES"):
        question += ["-i", os.environ["CUDA_VISIBLE_DEVICES"]]
    return [int(line) for line in subprocess.run(question, capture_output=True, text=True, check=True).stdout.split()]


def measure(name, family, recipe, changes, processes, work):
    """Train some steps; the row of the results."""
    base, run_folder = llamafactory.recipe(recipe), work / name.replace(",", "").replace(" ", "-")
    config = base | {
        "model_name_or_path": str(work / FAMILIES[family].folder),
        "dataset_dir": str(work / "data"),
        "dataset": "rows",
        "output_dir": str(run_folder),
        "max_steps": STEPS[family],
        "logging_steps": 2,
        "save_strategy": "no",
        "eval_strategy": "no",
        "val_size": 0.0,
        "plot_loss": False,
    } | changes  # fmt: skip
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
    return {
        "family": family,
        "run": name,
        "rows a step": batch,
        "steps": config["max_steps"],
        "GPU memory, GB": round(max(p - b for p, b in zip(peaks, before, strict=True)) * 2**20 / 1e9, 1),
        "rows a second": pace(run_folder / "trainer_log.jsonl", batch, config["max_steps"] // 4),
        "rows a second, whole run": run.metrics.get("train_samples_per_second"),
        "seconds with start": round(run.seconds),
        "loss": (losses[0], losses[-1]),
    }


def pace(log, batch, warm):
    """Rows a second between the log's first line from step ``warm`` on and its last: the warm part of the run."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if "loss" in line and line["current_steps"] >= warm]
    seconds = [sum(int(p) * 60**i for i, p in enumerate(reversed(line["elapsed_time"].split(":")))) for line in lines]
    return round((lines[-1]["current_steps"] - lines[0]["current_steps"]) * batch / max(1, seconds[-1] - seconds[0]), 1)


def main(work, family, machine):
    work.mkdir(parents=True, exist_ok=True)
    if not (work / FAMILIES[family].folder).exists():
        official.write(work / FAMILIES[family].folder, family, full=True, device="cuda")
    if not (work / "data").exists():
        (write_molecules if family == "glm_ocr" else write_media)(work / "data", rows=40 * 16 * 4)
    for name, (recipe, changes, processes) in RUNS[family, machine].items():
        began = time.monotonic()
        try:
            row = measure(name, family, recipe, changes, processes, work)
        except llamafactory.LlamaFactoryError as error:
            row = {"family": family, "run": name, "failed": str(error), "seconds": round(time.monotonic() - began)}
        print(json.dumps(row), flush=True)
        with (work / "results.jsonl").open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:4])
