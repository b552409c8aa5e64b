"""helpers.course.sync: code is copied one way, prose never; what needs a person is named."""

from nbformat import v4

from helpers.course import notebooks
from helpers.course.sync import sync

NAME = "01_made_up"


def only(problems):
    assert len(problems) == 1, problems
    return problems[0]


def test_sync_copies_new_code_from_en(pair):
    pair.edit("en", "code-3", source="y = 3")
    assert sync(pair.folder) == []
    assert pair.cell("zh", "code-3").source == "y = 3" and pair.cell("zh", "code-3").execution_count is None


def test_sync_does_not_overwrite_code_changed_in_zh(pair):
    pair.edit("zh", "code-3", source="y = 3")
    assert "zh code-3: code changed here -> make sync FROM=zh" in only(sync(pair.folder))
    assert pair.cell("zh", "code-3").source == "y = 3"


def test_sync_from_zh_takes_it(pair):
    pair.edit("zh", "code-3", source="y = 3")
    assert sync(pair.folder, source="zh") == []
    assert pair.cell("en", "code-3").source == "y = 3"


def test_sync_copies_tags(pair):
    pair.edit("en", "code-3", metadata={"tags": ["nbval-skip"]})
    assert sync(pair.folder) == []
    assert pair.cell("zh", "code-3").metadata["tags"] == ["nbval-skip"] and pair.problems() == []


def test_sync_never_marks_prose_changed_on_one_side(pair):
    pair.edit("en", "prose-3", source="Other words.")
    assert f"{NAME} zh prose-3: stale, only en changed" in only(sync(pair.folder))
    assert len(pair.problems()) == 1


def test_sync_same_confirms_one_cell(pair):
    pair.edit("en", "prose-3", source="Other words.")
    pair.edit("en", "prose-4", source="Other words.")
    assert "prose-4" in only(sync(pair.folder, same=[f"{NAME}/prose-3"]))
    assert "prose-4" in only(pair.problems())


def test_sync_same_refuses_a_cell_that_does_not_exist(pair):
    assert sync(pair.folder, same=[f"{NAME}/typo"]) == [f"{NAME}/typo: no such LESSON/CELL"]


def test_sync_marks_prose_changed_on_both_sides(pair):
    pair.edit("en", "prose-3", source="Other words.")
    pair.edit("zh", "prose-3", source="别的文字。")
    assert sync(pair.folder) == [] and pair.problems() == []


def test_sync_inserts_new_cells_in_order(pair):
    pair.insert("en", 2, v4.new_markdown_cell("New.", id="new-prose"))
    pair.insert("en", 3, v4.new_code_cell("new = 1", id="new-code"))
    assert "zh new-prose: still in English" in only(sync(pair.folder))
    assert [cell.id for cell in pair.load("zh").cells] == [cell.id for cell in pair.load("en").cells]


def test_sync_finds_the_place_of_a_new_cell_also_beside_a_deleted_one(pair):
    pair.remove("zh", "prose-7")
    pair.insert("en", 3, v4.new_code_cell("new = 1", id="new-code"))
    assert "en prose-7: deleted in zh" in only(sync(pair.folder))
    names = [cell.id for cell in pair.load("zh").cells]
    assert names[names.index("new-code") - 1] == pair.load("en").cells[2].id


def test_sync_names_a_cell_deleted_on_one_side(pair):
    pair.remove("en", "prose-3")
    assert "zh prose-3: deleted in en -> delete it here too" in only(sync(pair.folder))


def test_sync_takes_over_the_order_of_en(pair):
    notebook = pair.load("en")
    notebook.cells[2], notebook.cells[4] = notebook.cells[4], notebook.cells[2]
    notebooks.save(notebook, pair.path("en"))
    assert sync(pair.folder) == [] and pair.problems() == []


def test_sync_starts_a_missing_twin(pair):
    pair.path("zh").unlink()
    left = sync(pair.folder)
    assert len(left) == 14 and all("still in English" in line for line in left)
    assert not any("counterpart" in cell.metadata for cell in pair.load("zh").cells if cell.cell_type == "markdown")
    assert [cell.id for cell in pair.load("zh").cells] == [cell.id for cell in pair.load("en").cells]


def test_sync_twice_changes_nothing(pair):
    before = pair.path("zh").read_bytes()
    assert sync(pair.folder) == [] and pair.path("zh").read_bytes() == before
