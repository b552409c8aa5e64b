"""Lesson 6's own code as a reader takes it along: its cells in one file, run by Python, without a network."""

import ast
import json
import os
import subprocess
import sys

import pytest

from helpers import Settings, models
from helpers.course import notebooks
from helpers.paths import ROOT

LESSON = "06_qwen2_vl_lora"
COMPARISON = "same"  # the cell that shows what training.train does
FROM_HELPERS = {"Settings", "data", "evaluation", "models", "show"}
OF_MODELS = {"checkpoint_folder", "pixel_limits"}  # where the base is; all else about models stands in the cells
FIELD = (  # what a reader must have seen in a cell to write a fine-tuning alone
    *("AutoProcessor", "apply_chat_template", "Qwen2VLForConditionalGeneration", "generate", "batch_decode"),
    *("LoraConfig", "get_peft_model", "TrainingArguments", "Trainer", "SwanLabCallback", "save_pretrained"),
    *("PeftModel", "merge_and_unload"),
)


@pytest.fixture(scope="module")
def cells():
    """The lesson's code cells, {id: source}, without exercises and without the comparison with the helpers."""
    notebook = notebooks.load(ROOT / "notebooks" / "en" / f"{LESSON}.ipynb")
    notebooks.leave_out_solutions(notebook)
    found = {cell.id: cell.source for cell in notebooks.code_cells(notebook)}
    del found[COMPARISON]
    return found


def test_only_data_checks_metrics_and_display_come_from_helpers(cells):
    imported, used = set(), set()
    for node in ast.walk(ast.parse("\n".join(cells.values()))):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "helpers":
            assert node.module == "helpers", f"line {node.lineno}: a lesson imports packages, not {node.module}"
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "models":
            used.add(node.attr)
    assert imported == FROM_HELPERS
    assert used == OF_MODELS


def test_the_code_of_the_field_stands_in_the_cells(cells):
    names = {node.id for node in ast.walk(ast.parse("\n".join(cells.values()))) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(ast.parse("\n".join(cells.values()))) if isinstance(node, ast.Attribute)}
    assert set(FIELD) <= names


def test_cells_in_a_file_train_an_adapter(cells, tmp_path):
    settings = Settings.tiny(train_samples=32, test_samples=8, output_dir=tmp_path / "output")
    call = f"settings = Settings.tiny(train_samples=32, test_samples=8, output_dir={str(tmp_path / 'output')!r})"
    code, changed = notebooks.TINY.subn(lambda _: call, "\n\n".join(cells.values()))
    assert changed == 1
    (tmp_path / "my_training.py").write_text(code, encoding="utf-8")
    environment = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1", "MPLBACKEND": "agg"}
    ran = subprocess.run(
        [sys.executable, "my_training.py"], cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]

    lesson = tmp_path / "output" / LESSON
    tuned, _ = models.load("qwen2_vl", settings, folder=lesson / "run" / "adapter")
    learned = [weight for name, weight in tuned.named_parameters() if "lora_B" in name]
    assert learned and all(weight.abs().sum() > 0 for weight in learned)  # they start at zero
    assert json.loads((lesson / "run" / "train_results.json").read_bytes())["train_samples_per_second"] > 0
    assert (lesson / "loss.png").is_file()
