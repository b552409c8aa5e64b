"""helpers.lessons and helpers.sync: what is out of step is named; what can be mended is, and nothing is guessed."""

import pytest
from nbformat import v4

from helpers import lessons, sync
from helpers.settings import ROOT

NAME = "01_made_up"


def make_notebook(language):
    """A lesson that passes every check: 12 code cells, 3 of them solutions."""
    prose = {"en": "Some words.", "zh": "一些文字。"}[language]
    cells = [v4.new_markdown_cell(f"# {prose}", id="title")]
    for number in range(12):
        metadata = {"tags": ["solution"], "jupyter": {"source_hidden": True}} if number >= 9 else {}
        source = f"x = {number}\nassert x == {number}"
        cells.append(v4.new_code_cell(source, id=f"code-{number}", metadata=metadata, execution_count=number + 1))
        cells.append(v4.new_markdown_cell(f"{prose} {number}", id=f"prose-{number}"))
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata["executed"] = lessons.code_fingerprint(notebook)
    return notebook


@pytest.fixture
def pair(tmp_path):
    """A folder of notebooks in step, and a way to change one: pair.edit("zh", "code-3", source="...")."""
    return Pair(tmp_path)


class Pair:
    def __init__(self, folder):
        self.folder = folder
        for language in lessons.LANGUAGES:
            (folder / language).mkdir()
            lessons.save(make_notebook(language), self.path(language))
        assert sync.sync(folder) == []

    def path(self, language):
        return self.folder / language / f"{NAME}.ipynb"

    def load(self, language):
        return lessons.load(self.path(language))

    def cell(self, language, name):
        return next(cell for cell in self.load(language).cells if cell.id == name)

    def edit(self, language, name, **changes):
        notebook = self.load(language)
        cell = next(cell for cell in notebook.cells if cell.id == name)
        cell.update(changes)
        if cell.cell_type == "code":
            notebook.metadata["executed"] = lessons.code_fingerprint(notebook)
        lessons.save(notebook, self.path(language))

    def remove(self, language, name):
        notebook = self.load(language)
        notebook.cells = [cell for cell in notebook.cells if cell.id != name]
        lessons.save(notebook, self.path(language))

    def insert(self, language, position, cell):
        notebook = self.load(language)
        notebook.cells.insert(position, cell)
        lessons.save(notebook, self.path(language))

    def problems(self):
        return lessons.check(self.folder)


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
    lessons.save(notebook, pair.path("zh"))
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
    sync.sync(pair.folder)
    assert f"{NAME} zh prose-3: a line break inside a sentence (行↵又)" in only(pair.problems())


def test_paragraphs_and_lists_in_chinese_are_accepted(pair):
    for language, text in (("en", "Other words."), ("zh", "一段。\n\n又一段：\n- 一\n- 二\n\n| 表 |\n|---|\n| 格 |")):
        pair.edit(language, "prose-3", source=text)
    sync.sync(pair.folder)
    assert pair.problems() == []


def test_duplicate_id_is_named(pair):
    for language in lessons.LANGUAGES:
        pair.edit(language, "prose-4", id="prose-0")
    assert f"{NAME} en prose-0: two cells have this id -> rename one, in both languages" in pair.problems()


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 1}', '{"cells": [], "nbformat": 4, "nbformat_minor": 5}'])
def test_unreadable_notebook_is_named(pair, text):
    pair.path("zh").write_text(text, encoding="utf-8")
    assert f"{NAME} zh: {NAME}.ipynb is no readable notebook" in only(pair.problems())


@pytest.mark.parametrize("name", ["3f2a91bc", "a3f2b1c9", "Cell_1", "5-things", "a3f2b1c9-1234-1234-1234-123456789abc"])
def test_unreadable_id_is_named(pair, name):
    for language in lessons.LANGUAGES:
        pair.edit(language, "prose-3", id=name)
    assert any(f"{NAME} zh {name}: not a readable id" in problem for problem in pair.problems())


@pytest.mark.parametrize("name", ["look-at-data", "the-title", "step-2", "added", "facade"])
def test_readable_id_is_accepted(pair, name):
    for language in lessons.LANGUAGES:
        pair.edit(language, "prose-3", id=name)
    assert pair.problems() == []


def test_long_code_cell_is_named(pair):
    for language in lessons.LANGUAGES:
        pair.edit(language, "code-3", source="\n".join(f"x = {i}" for i in range(16)))
    assert f"{NAME} en code-3: 16 lines of code" in pair.problems()[0]


@pytest.mark.parametrize("count", [11, 19])
def test_number_of_code_cells_is_held(count):
    notebook = make_notebook("en")
    notebook.cells = (lessons.code_cells(notebook) * 2)[-count:]
    assert f": {count} code cells -> a lesson has 12 to 18" in lessons._check_shape(notebook, "en")


def test_number_of_exercises_is_held(pair):
    for language in lessons.LANGUAGES:
        pair.edit(language, "code-9", metadata={})
    assert f"{NAME} en : 2 solutions -> a lesson has 3 to 5" in pair.problems()


@pytest.mark.parametrize("change", [{"source": "x = 9"}, {"metadata": {"tags": ["solution"]}}])
def test_solution_without_assert_or_unfolded_is_named(pair, change):
    for language in lessons.LANGUAGES:
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
    for language in lessons.LANGUAGES:
        notebook = pair.load(language)
        notebook.cells[1].source = "x = 100"
        lessons.save(notebook, pair.path(language))
    assert f"{NAME} en : the kept outputs are not of this code -> make outputs" in pair.problems()


def test_tagged_cell_without_output_is_named(pair):
    for language in lessons.LANGUAGES:
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


def test_sync_copies_new_code_from_en(pair):
    pair.edit("en", "code-3", source="y = 3")
    assert sync.sync(pair.folder) == []
    assert pair.cell("zh", "code-3").source == "y = 3" and pair.cell("zh", "code-3").execution_count is None


def test_sync_does_not_overwrite_code_changed_in_zh(pair):
    pair.edit("zh", "code-3", source="y = 3")
    assert "zh code-3: code changed here -> make sync FROM=zh" in only(sync.sync(pair.folder))
    assert pair.cell("zh", "code-3").source == "y = 3"


def test_sync_from_zh_takes_it(pair):
    pair.edit("zh", "code-3", source="y = 3")
    assert sync.sync(pair.folder, source="zh") == []
    assert pair.cell("en", "code-3").source == "y = 3"


def test_sync_copies_tags(pair):
    pair.edit("en", "code-3", metadata={"tags": ["nbval-skip"]})
    assert sync.sync(pair.folder) == []
    assert pair.cell("zh", "code-3").metadata["tags"] == ["nbval-skip"] and pair.problems() == []


def test_sync_never_marks_prose_changed_on_one_side(pair):
    pair.edit("en", "prose-3", source="Other words.")
    assert f"{NAME} zh prose-3: stale, only en changed" in only(sync.sync(pair.folder))
    assert len(pair.problems()) == 1


def test_sync_same_confirms_one_cell(pair):
    pair.edit("en", "prose-3", source="Other words.")
    pair.edit("en", "prose-4", source="Other words.")
    assert "prose-4" in only(sync.sync(pair.folder, same=[f"{NAME}/prose-3"]))
    assert "prose-4" in only(pair.problems())


def test_sync_same_refuses_a_cell_that_does_not_exist(pair):
    assert sync.sync(pair.folder, same=[f"{NAME}/typo"]) == [f"{NAME}/typo: no such LESSON/CELL"]


def test_sync_marks_prose_changed_on_both_sides(pair):
    pair.edit("en", "prose-3", source="Other words.")
    pair.edit("zh", "prose-3", source="别的文字。")
    assert sync.sync(pair.folder) == [] and pair.problems() == []


def test_sync_inserts_new_cells_in_order(pair):
    pair.insert("en", 2, v4.new_markdown_cell("New.", id="new-prose"))
    pair.insert("en", 3, v4.new_code_cell("new = 1", id="new-code"))
    assert "zh new-prose: still in English" in only(sync.sync(pair.folder))
    assert [cell.id for cell in pair.load("zh").cells] == [cell.id for cell in pair.load("en").cells]


def test_sync_finds_the_place_of_a_new_cell_also_beside_a_deleted_one(pair):
    pair.remove("zh", "prose-7")
    pair.insert("en", 3, v4.new_code_cell("new = 1", id="new-code"))
    assert "en prose-7: deleted in zh" in only(sync.sync(pair.folder))
    names = [cell.id for cell in pair.load("zh").cells]
    assert names[names.index("new-code") - 1] == pair.load("en").cells[2].id


def test_sync_names_a_cell_deleted_on_one_side(pair):
    pair.remove("en", "prose-3")
    assert "zh prose-3: deleted in en -> delete it here too" in only(sync.sync(pair.folder))


def test_sync_takes_over_the_order_of_en(pair):
    notebook = pair.load("en")
    notebook.cells[2], notebook.cells[4] = notebook.cells[4], notebook.cells[2]
    lessons.save(notebook, pair.path("en"))
    assert sync.sync(pair.folder) == [] and pair.problems() == []


def test_sync_starts_a_missing_twin(pair):
    pair.path("zh").unlink()
    left = sync.sync(pair.folder)
    assert len(left) == 13 and all("still in English" in line for line in left)
    assert not any("counterpart" in cell.metadata for cell in pair.load("zh").cells if cell.cell_type == "markdown")
    assert [cell.id for cell in pair.load("zh").cells] == [cell.id for cell in pair.load("en").cells]


def test_sync_twice_changes_nothing(pair):
    before = pair.path("zh").read_bytes()
    assert sync.sync(pair.folder) == [] and pair.path("zh").read_bytes() == before


def test_command_fails_and_names_the_cell(pair, capsys):
    pair.edit("zh", "code-3", source="y = 3")
    assert lessons.main(["check", "--notebooks", str(pair.folder)]) == 1
    assert f"{NAME} zh code-3" in capsys.readouterr().out


def test_the_lessons_of_this_project_are_in_step():
    assert lessons.check(ROOT / "notebooks") == []
