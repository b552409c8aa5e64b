"""helpers.course.check: what is out of step between the languages, or not whole, is named with its cell."""

import pytest
from nbformat import v4

from helpers.course import notebooks
from helpers.course.check import check
from helpers.course.sync import sync
from helpers.paths import ROOT

NAME = "01_made_up"


def only(problems):
    assert len(problems) == 1, problems
    return problems[0]


def test_a_pair_in_step_has_no_problems(pair):
    assert pair.problems() == []


def test_missing_twin_is_named(pair):
    pair.path("zh").unlink()
    assert only(pair.problems()) == f"{NAME} zh: the notebook is missing -> make sync, then translate"


def test_missing_cell_is_named(pair):
    pair.remove("zh", "prose-4")
    assert f"{NAME} zh prose-4: missing" in only(pair.problems())


def test_extra_cell_is_named(pair):
    pair.insert("zh", 3, v4.new_markdown_cell("多出来的一段", id="extra"))
    assert f"{NAME} en extra: missing" in only(pair.problems())


def test_other_order_is_named(pair):
    notebook = pair.load("zh")
    notebook.cells[2], notebook.cells[4] = notebook.cells[4], notebook.cells[2]
    notebooks.save(notebook, pair.path("zh"))
    assert f"{NAME} zh prose-1: stands elsewhere" in only(pair.problems())


def test_differing_code_is_named(pair):
    pair.edit("zh", "code-3", source="x = 3 \nassert x == 3")
    assert f"{NAME} zh code-3: code differs" in only(pair.problems())


def test_differing_tags_are_named(pair):
    pair.edit("zh", "code-3", metadata={"tags": ["nbval-skip"]})
    assert f"{NAME} zh code-3: code differs" in only(pair.problems())


def test_other_kind_of_cell_is_named(pair):
    pair.edit("zh", "prose-3", cell_type="raw")
    assert f"{NAME} zh prose-3: raw, but markdown in en" in only(pair.problems())


def test_stale_chinese_is_named_when_english_changes(pair):
    pair.edit("en", "prose-3", source="Other words.")
    assert f"{NAME} zh prose-3: stale, en changed" in only(pair.problems())


def test_stale_english_is_named_when_chinese_changes(pair):
    pair.edit("zh", "prose-3", source="别的文字。")
    assert f"{NAME} en prose-3: stale, zh changed" in only(pair.problems())


def test_both_changed_without_sync_is_named(pair):
    pair.edit("en", "prose-3", source="Other words.")
    pair.edit("zh", "prose-3", source="别的文字。")
    assert "prose-3: this translation was never marked" in only(pair.problems())


def test_untranslated_prose_is_named(pair):
    pair.edit("zh", "prose-3", source="Other words.")
    assert any(f"{NAME} zh prose-3: no Chinese" in problem for problem in pair.problems())


def test_line_break_inside_a_chinese_sentence_is_named(pair):
    for language, text in (("en", "Other words."), ("zh", "一行\n又一行。")):
        pair.edit(language, "prose-3", source=text)
    sync(pair.folder)
    assert f"{NAME} zh prose-3: a line break inside a sentence (行↵又)" in only(pair.problems())


def test_paragraphs_and_lists_in_chinese_are_accepted(pair):
    for language, text in (("en", "Other words."), ("zh", "一段。\n\n又一段：\n- 一\n- 二\n\n| 表 |\n|---|\n| 格 |")):
        pair.edit(language, "prose-3", source=text)
    sync(pair.folder)
    assert pair.problems() == []


def test_duplicate_id_is_named(pair):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "prose-4", id="prose-0")
    assert f"{NAME} en prose-0: two cells have this id -> rename one, in both languages" in pair.problems()


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 1}', '{"cells": [], "nbformat": 4, "nbformat_minor": 5}'])
def test_unreadable_notebook_is_named(pair, text):
    pair.path("zh").write_text(text, encoding="utf-8")
    assert f"{NAME} zh: {NAME}.ipynb is no readable notebook" in only(pair.problems())


@pytest.mark.parametrize("name", ["3f2a91bc", "a3f2b1c9", "Cell_1", "5-things", "a3f2b1c9-1234-1234-1234-123456789abc"])
def test_unreadable_id_is_named(pair, name):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "prose-3", id=name)
    assert any(f"{NAME} zh {name}: not a readable id" in problem for problem in pair.problems())


@pytest.mark.parametrize("name", ["look-at-data", "the-title", "step-2", "added", "facade"])
def test_readable_id_is_accepted(pair, name):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "prose-3", id=name)
    assert pair.problems() == []


def test_long_code_cell_is_named(pair):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "code-3", source="\n".join(f"x = {i}" for i in range(16)))
    assert f"{NAME} en code-3: 16 lines of code" in pair.problems()[0]


@pytest.mark.parametrize("count", [11, 23])
def test_number_of_code_cells_is_held(pair, count):
    for language in notebooks.LANGUAGES:
        pair.remove(language, "code-0")
        for number in range(count - 11):
            pair.insert(language, 1, v4.new_code_cell("x = 1", id=f"more-{number}"))
    assert f"{NAME} en : {count} code cells -> a lesson has 12 to 22" in pair.problems()


def test_number_of_exercises_is_held(pair):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "code-9", metadata={})
    assert f"{NAME} en : 2 solutions -> a lesson has 3 to 5" in pair.problems()


@pytest.mark.parametrize("change", [{"source": "x = 9"}, {"metadata": {"tags": ["solution"]}}])
def test_solution_without_assert_or_unfolded_is_named(pair, change):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "code-9", **change)
    assert any("en code-9: a solution" in problem for problem in pair.problems())


def test_missing_execution_count_is_named(pair):
    pair.edit("en", "code-3", execution_count=None)
    assert f"{NAME} en code-3: kept output has count None, not 4" in only(pair.problems())


def test_lesson_never_run_is_named_once(pair):
    for number in range(12):
        pair.edit("en", f"code-{number}", execution_count=None)
    assert only(pair.problems()) == f"{NAME} en : no outputs are kept -> make outputs"


def test_partial_rerun_is_named(pair):
    pair.edit("en", "code-3", execution_count=40)
    assert "code-3: kept output has count 40, not 4" in only(pair.problems())


def test_outputs_of_other_code_are_named(pair):
    for language in notebooks.LANGUAGES:
        notebook = pair.load(language)
        notebook.cells[1].source = "x = 100"
        notebooks.save(notebook, pair.path(language))
    assert f"{NAME} en : the kept outputs are not of this code -> make outputs" in pair.problems()


def test_tagged_cell_without_output_is_named(pair):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "code-3", metadata={"tags": ["nbval-check-output"]})
    assert any("en code-3: tagged nbval-check-output" in problem for problem in pair.problems())


@pytest.mark.parametrize(
    "text", ["saved to /root/x.json", "'/home/me/y'", r"C:\temp\z", "file:///Users/me/a", "/tmp/b"]
)
def test_machine_path_in_output_is_named(pair, text):
    pair.edit("en", "code-3", outputs=[v4.new_output("stream", text=text)])
    assert f"{NAME} en code-3: the output shows" in only(pair.problems())


@pytest.mark.parametrize("text", ["output/adapter", "</root>", r"A : \frac { a } { b }", "https://example.com/home/x"])
def test_harmless_output_is_accepted(pair, text):
    pair.edit("en", "code-3", outputs=[v4.new_output("display_data", {"text/html": text, "image/png": "/home/A="})])
    assert pair.problems() == []


def test_error_in_output_is_named(pair):
    pair.edit("en", "code-3", outputs=[v4.new_output("error", ename="KeyError", evalue="x", traceback=[])])
    assert "en code-3: KeyError is kept as output" in only(pair.problems())


def test_large_notebook_is_named(pair):
    pair.edit("en", "code-3", outputs=[v4.new_output("display_data", {"image/png": "A" * 150_000})])
    assert "over 150 -> smaller pictures" in only(pair.problems())


def test_the_lessons_of_this_project_are_in_step():
    assert check(ROOT / "notebooks") == []
