"""A lesson with Settings.real() on a GPU and without a hub: all that happens with official weights, minus the weights.

    python tests/real_mode.py 06 WORK_FOLDER [batch_size=4 gradient_accumulation=4 …]    (one GPU, 10 GB of disk)
    python tests/real_mode.py 03 WORK_FOLDER
    python tests/real_mode.py 04 WORK_FOLDER gradient_checkpointing=True    (40 GB of disk)
    python tests/real_mode.py 05 WORK_FOLDER    (100 GB of disk)
    python tests/real_mode.py 07 WORK_FOLDER

Makes a checkpoint folder of full size as on the hub (tests/reference/official.py: official config, random weights, a
small tokenizer with the official ids of the special tokens) and LaTeX_OCR as parquet, then runs the code cells of the
lesson with the one changed word. Random weights read nothing: this shows that the path works and what it costs, not how
well it reads.
"""

import json
import re
import shutil
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
import official  # noqa: E402

from helpers.data.synthetic import formulas  # noqa: E402
from helpers.models.families import FAMILIES  # noqa: E402
from helpers.settings import Settings  # noqa: E402

LESSONS = {  # number: (lesson, families)
    "03": ("03_glm_ocr_llamafactory", ["glm_ocr"]),
    "04": ("04_minicpm_o_lora", ["minicpm_o"]),
    "05": ("05_minicpm_llamafactory", ["minicpm_v", "minicpm_o"]),
    "06": ("06_qwen2_vl_lora", ["qwen2_vl"]),
    "07": ("07_inference", ["qwen2_vl"]),
}


def write_latex_ocr(folder, count):
    """``count`` drawn formulas as a parquet file with the columns of LaTeX_OCR."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for index in range(count):
        picture, latex = formulas.draw_sample(index, 11, "scan")
        data = io.BytesIO()
        picture.save(data, format="PNG")
        rows.append({"image": {"bytes": data.getvalue(), "path": f"{index}.png"}, "text": latex})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")


def lesson_cells(lesson):
    """The code cells of a lesson, as (id, source); no exercises."""
    notebook = json.loads((ROOT / f"notebooks/en/{lesson}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [
        (cell["id"], "".join(cell["source"])) for cell in cells if "solution" not in cell["metadata"].get("tags", [])
    ]


def memory():
    return f", peak so far {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if torch.cuda.is_available() else ""


def main(number, work, *overrides):
    lesson, families = LESSONS[number]
    cells = lesson_cells(lesson)
    start = time.perf_counter()
    shutil.rmtree(work / "models", ignore_errors=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for family in families:
        official.write(work / "models" / FAMILIES[family].folder, family, full=True, device=device)
    write_latex_ocr(work / "models" / "LaTeX_OCR" / "data", 640)
    print(f"checkpoint and data written: {time.perf_counter() - start:.0f} s", flush=True)
    chosen = {
        "models_dir": repr(str(work / "models")),
        "output_dir": repr(str(work / "output")),
        "tracker": "'disabled'",
    }
    chosen |= {"train_samples": 512, "test_samples": 64, "max_new_tokens": 80}
    chosen |= dict(override.split("=") for override in overrides)
    options = ", ".join(f"{name}={value}" for name, value in chosen.items())
    names = {"Settings": Settings, "display": print}
    for cell, source in cells:
        source = re.sub(r"Settings\.tiny\([^)]*\)", f"Settings.real({options})", source)
        start = time.perf_counter()
        try:
            exec(compile(source, cell, "exec"), names)
        except AssertionError:  # random weights give no answer a margin: rounding after a merge changes them
            print(f"--- cell {cell}: its assert does not hold", flush=True)
        print(f"--- cell {cell}: {time.perf_counter() - start:.1f} s{memory()}", flush=True)
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name(), "torch", torch.__version__)
    if "run" in names:
        print({k: v for k, v in names["run"].metrics.items() if "runtime" in k or "per_second" in k})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), *sys.argv[3:])
