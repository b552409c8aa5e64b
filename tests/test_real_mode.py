"""Each lesson's own code with ``Settings.real()``, on folders laid out as the hubs': tiny, on a CPU, without a hub.

The weights are those of data/ in the official layout, so answers are sure enough for a lesson's asserts. All settings
but those of ``SMALL`` are the ones that ``Settings.real()`` chooses on a CPU. tests/real_mode.py does the same at full
size on a GPU.
"""

from contextlib import nullcontext

import llamafactory_forks
import pytest
import real_lessons

from helpers.models.families import FAMILIES

SMALL = {"device": "cpu", "tracker": "disabled", "train_samples": 8, "test_samples": 4, "max_new_tokens": 64}
SMALLER = {  # its pictures of 448 x 448 pixels take a second each for a step
    "03_glm_ocr_llamafactory": {"train_samples": 5, "test_samples": 2, "batch_size": 1}
    | {"gradient_accumulation": 1, "epochs": 1},
    "09_fast_and_large": {"train_samples": 48},  # three batches of sixteen
}
LEFT_OUT = {
    ("03_glm_ocr_llamafactory", "solution-mix"): "wants 10 rows to train on",
    ("04_minicpm_o_lora", "solution-rate"): "trains twice for 20 steps",
    ("04_minicpm_o_lora", "solution-merge"): "counts 50 answers",
    ("05_minicpm_llamafactory", "solution-mixed"): "wants 20 videos",
    ("06_qwen2_vl_lora", "solution-forget"): "reads 200 pictures",
    ("09_fast_and_large", "speed"): "times nine steps",
    ("09_fast_and_large", "parts"): "times sixteen steps",
}
CHANGED = {
    ("03_glm_ocr_llamafactory", "recipe"): ('"val_size": 100', '"val_size": 2'),  # of 5 rows
    # after 3 steps it writes 64 tokens of near ties, and LLaMA-Factory merges in the checkpoint's bfloat16
    ("03_glm_ocr_llamafactory", "export"): ("same >= 0.98 * len(after)", "len(merged_after) == len(after)"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("real")
    real_lessons.write_hub(place / "models", FAMILIES, 52, trained=True)  # the most that a lesson takes
    return place


@pytest.fixture(scope="module")
def forks():
    llamafactory_forks.serve()
    return llamafactory_forks


def cells_of(lesson, **settings):
    found = real_lessons.cells(lesson, **settings)
    cells = {cell: source for cell, source in found.items() if (lesson, cell) not in LEFT_OUT}
    for (where, cell), (old, new) in CHANGED.items():
        if where == lesson:
            assert old in cells[cell]
            cells[cell] = cells[cell].replace(old, new)
    return cells


def run(lesson, place, output, last=None):
    """Run a lesson, to the cell ``last`` or to its end."""
    options = SMALL | SMALLER.get(lesson, {})
    options |= {"models_dir": str(place / "models"), "output_dir": str(place / output)}
    names = real_lessons.begin()
    for cell, source in cells_of(lesson, **options).items():
        real_lessons.run(lesson, cell, source, names)
        if cell == last:
            break


@pytest.mark.parametrize("lesson", real_lessons.LESSONS)
def test_lesson_runs_in_real_mode(lesson, place, request):
    with request.getfixturevalue("forks").forking() if "llamafactory" in lesson else nullcontext():
        run(lesson, place, "output")


def test_lesson_07_runs_without_what_lesson_06_left(place):
    run("07_inference", place, "alone", last="load")


def test_every_lesson_is_tested():
    assert set(real_lessons.LESSONS) == {path.stem for path in (real_lessons.ROOT / "notebooks" / "en").glob("*.ipynb")}


def test_what_is_left_out_is_there():
    assert [(lesson, cell) for lesson, cell in LEFT_OUT if cell not in real_lessons.cells(lesson)] == []


def test_a_failure_names_lesson_and_cell():
    with pytest.raises(real_lessons.CellError, match=r"^06_qwen2_vl_lora, cell train: KeyError: 'x'$"):
        real_lessons.run("06_qwen2_vl_lora", "train", "{}['x']", {})
