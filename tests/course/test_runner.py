"""helpers.course.runner: one lesson in a kernel of its own, what it took of the machine, in either mode."""

import json

from nbformat import v4

from helpers.course import notebooks, runner

SETTINGS = "from helpers import Settings\n\nsettings = Settings.tiny(train_samples=8)  # or Settings.real()"


def write_lesson(folder, *cells):
    path = folder / "en" / "01_x.ipynb"
    path.parent.mkdir(parents=True)
    notebooks.save(v4.new_notebook(cells=list(cells)), path)
    return path


def test_memory_and_processor_time_of_the_kernel_and_its_children_are_counted(tmp_path):
    code = """import subprocess, sys, time
child = "import time; x = bytearray(300_000_000); time.sleep(2)"
subprocess.run([sys.executable, "-c", child])
busy = time.process_time() + 1
while time.process_time() < busy:
    pass"""
    _, row = runner.run_lesson(write_lesson(tmp_path, v4.new_code_cell(code, id="work")))
    assert "error" not in row and 0.3 < row["peak_gb"] < 2
    assert 0 < row["cores"] * row["seconds"] < 60 and row["vram_gb"] == 0


def test_threads_of_the_kernel_are_limited(tmp_path):
    shown = v4.new_code_cell("import os\nprint(os.environ['OMP_NUM_THREADS'])", id="shown")
    notebook, _ = runner.run_lesson(write_lesson(tmp_path, shown), threads=3)
    assert notebook.cells[0].outputs[0].text == "3\n"


def test_real_mode_changes_one_word_and_leaves_out_solutions(tmp_path):
    solution = v4.new_code_cell("1 / 0", id="solution-x", metadata={"tags": ["solution"]})
    other = v4.new_code_cell("settings.mode, Settings.tiny().mode", id="other")
    path = write_lesson(tmp_path, v4.new_code_cell(SETTINGS, id="settings"), other, solution)
    (tmp_path / "models").mkdir()
    settings = {"models_dir": str(tmp_path / "models"), "device": "cpu"}
    notebook, row = runner.run_lesson(path, real=settings)
    assert "error" not in row
    assert notebook.cells[1].outputs[0].data["text/plain"] == "('real', 'tiny')"
    assert "Settings.tiny" in json.dumps(notebooks.load(path)), "the file itself stays as it is"
