"""A lesson with Settings.real() on a GPU and without a hub: all that happens with official weights, minus the weights.

    python tests/real_mode.py 06 WORK_FOLDER [batch_size=4 gradient_accumulation=4 …]    (one GPU, 10 GB of disk)
    python tests/real_mode.py 03 WORK_FOLDER
    python tests/real_mode.py 04 WORK_FOLDER gradient_checkpointing=True    (40 GB of disk)
    python tests/real_mode.py 05 WORK_FOLDER    (100 GB of disk)
    python tests/real_mode.py 07 WORK_FOLDER

Makes a checkpoint folder of full size as on the hub (tests/reference/official.py: official config, random weights, a
small tokenizer with the official ids of the special tokens) and LaTeX_OCR as parquet, then runs the code cells of the
lesson with the one changed word, without the exercises. Random weights read nothing: this shows that the path works and
what it costs, not how well it reads. tests/test_real_mode.py does the same at tiny size, on every run of the tests.
"""

import ast
import shutil
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
import real_lessons  # noqa: E402

NUMBERS = {lesson[:2]: lesson for lesson in real_lessons.LESSONS}
COMPARING = [  # cells that want a merged model's answers to be the same: those of random weights have no margin
    ("03_glm_ocr_llamafactory", "export"),
    ("05_minicpm_llamafactory", "export"),
    ("06_qwen2_vl_lora", "merge"),
    ("07_inference", "merge"),
]


def memory():
    return f", peak so far {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if torch.cuda.is_available() else ""


def main(number, work, *overrides):
    lesson = NUMBERS[number]
    start = time.perf_counter()
    shutil.rmtree(work / "models", ignore_errors=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    real_lessons.write_hub(work / "models", real_lessons.LESSONS[lesson], 640, full=True, device=device)
    print(f"checkpoint and data written: {time.perf_counter() - start:.0f} s", flush=True)
    chosen = {"models_dir": str(work / "models"), "output_dir": str(work / "output"), "tracker": "disabled"}
    chosen |= {"train_samples": 512, "test_samples": 64, "max_new_tokens": 80}
    chosen |= {name: ast.literal_eval(value) for name, value in (override.split("=") for override in overrides)}
    names = real_lessons.begin()
    for cell, source in real_lessons.cells(lesson, solutions=False, **chosen).items():
        start = time.perf_counter()
        try:
            real_lessons.run(lesson, cell, source, names)
        except real_lessons.CellError as error:
            if (lesson, cell) not in COMPARING or not isinstance(error.__cause__, AssertionError):
                raise
            print(f"--- cell {cell}: its assert does not hold", flush=True)
        print(f"--- cell {cell}: {time.perf_counter() - start:.1f} s{memory()}", flush=True)
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name(), "torch", torch.__version__)
    if "run" in names:
        print({k: v for k, v in names["run"].metrics.items() if "runtime" in k or "per_second" in k})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), *sys.argv[3:])
