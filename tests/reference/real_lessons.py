"""A lesson's own code with ``Settings.real`` in its settings cell: tiny on a CPU for test_real_mode.py, whole on a GPU
for real_mode.py. Models and LaTeX_OCR lie in a folder, laid out as on the hubs; no hub is asked."""

import io

import official

from helpers.course import notebooks
from helpers.data.synthetic import formulas
from helpers.models.families import FAMILIES
from helpers.paths import ROOT
from helpers.settings import Settings

LESSONS = {  # lesson: the families whose weights it loads
    "01_install": ["qwen2_vl"],
    "02_data": ["qwen2_vl"],
    "03_glm_ocr_llamafactory": ["glm_ocr"],
    "04_minicpm_o_lora": ["minicpm_o"],
    "05_minicpm_llamafactory": ["minicpm_v", "minicpm_o"],
    "06_qwen2_vl_lora": ["qwen2_vl"],
    "07_inference": ["qwen2_vl"],
    "09_fast_and_large": ["qwen2_vl"],
}


class CellError(Exception):
    """A cell of a lesson failed: "06_qwen2_vl_lora, cell train: ValueError: ..."."""


def write_hub(folder, families, rows, **options):
    """``folder`` for ``models_dir``: a checkpoint for each family, and LaTeX_OCR; options go to official.write."""
    for family in families:
        official.write(folder / FAMILIES[family].folder, family, **options)
    write_latex_ocr(folder / "LaTeX_OCR" / "data", rows, "printed")
    write_latex_ocr(folder / "LaTeX_OCR" / "human_handwrite", rows, "handwritten")


def write_latex_ocr(folder, count, style):
    """``count`` formulas drawn in ``style`` as a parquet file with the columns of LaTeX_OCR."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = []
    for index in range(count):
        picture, latex = formulas.draw_sample(index, 11, style)
        data = io.BytesIO()
        picture.save(data, format="PNG")
        rows.append({"image": {"bytes": data.getvalue(), "path": f"{index}.png"}, "text": latex})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "train-00000-of-00001.parquet")


def cells(lesson, solutions=True, **settings):
    """The code cells of a lesson with ``Settings.real(**settings)``, {id: source}; with or without its solutions."""
    notebook = notebooks.load(ROOT / f"notebooks/en/{lesson}.ipynb")
    if not solutions:
        notebooks.leave_out_solutions(notebook)
    count = notebooks.in_real_mode(notebook, **settings)
    assert count == 1, f"{lesson} has settings = Settings.tiny( {count} times"
    return {cell.id: cell.source for cell in notebooks.code_cells(notebook)}


def begin():
    """What a notebook's cells find there."""
    return {"Settings": Settings, "display": print}


def run(lesson, cell, source, names):
    """Run one cell among ``names``, where it leaves its own; CellError says which one failed, and why."""
    with Named(f"{lesson}, cell {cell}"):
        exec(compile(source, f"{lesson}, cell {cell}", "exec"), names)


class Named:
    """An error that comes out of the block is raised again as CellError, with the block's name."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, Exception):
            raise CellError(f"{self.name}: {kind.__name__}: {error}") from error
