"""helpers.course.notebooks: a notebook is read as it is and written whole; its code has one fingerprint."""

import pytest
from nbformat import v4

from helpers.course import notebooks


def notebook(*sources):
    return v4.new_notebook(cells=[v4.new_code_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)])


def test_what_is_saved_loads_as_it_was_and_ends_with_one_line_break(tmp_path):
    made = notebook("x = 1", "print('公式')")
    notebooks.save(made, tmp_path / "a.ipynb")
    assert notebooks.load(tmp_path / "a.ipynb") == made
    text = (tmp_path / "a.ipynb").read_text(encoding="utf-8")
    assert "公式" in text and text.endswith("}\n") and not text.endswith("\n\n")


def test_two_cells_of_one_id_stay_as_they_are(tmp_path):
    made = notebook("x = 1", "x = 2")
    made.cells[1].id = made.cells[0].id
    notebooks.save(made, tmp_path / "a.ipynb")
    assert [cell.id for cell in notebooks.load(tmp_path / "a.ipynb").cells] == ["cell-0", "cell-0"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 1, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'])
def test_what_is_no_notebook_is_named(tmp_path, text):
    (tmp_path / "a.ipynb").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="a.ipynb is no readable notebook: .* -> restore it with git"):
        notebooks.load(tmp_path / "a.ipynb")


def test_code_has_one_fingerprint_whatever_its_outputs_and_prose():
    one, other = notebook("x = 1", "y = 2"), notebook("x = 1", "y = 2")
    other.cells[0].outputs = [v4.new_output("stream", text="hello")]
    other.cells.append(v4.new_markdown_cell("words", id="words"))
    assert notebooks.code_fingerprint(one) == notebooks.code_fingerprint(other)
    assert notebooks.code_fingerprint(one) != notebooks.code_fingerprint(notebook("x = 1", "y = 3"))


def test_lessons_of_either_language_are_listed_in_order(tmp_path):
    for name in ("en/02_b", "zh/01_a", "zh/02_b", "en/notes"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.ipynb").write_text("")
    assert notebooks.lesson_names(tmp_path) == ["01_a", "02_b"]
