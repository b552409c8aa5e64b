"""A lesson made up in both languages, for the tests of check and sync."""

import pytest
from nbformat import v4

from helpers.course import notebooks
from helpers.course.check import check
from helpers.course.sync import sync

NAME = "01_made_up"
TITLES = {
    "en": """# 01 · Made up

**What you will have at the end**: nothing.

| | |
|---|---|
| Time | none |
| GPU, VRAM | none |
| Disk | none |
| Network, account | none |
| Before this | nothing |""",
    "zh": """# 01 · 编造的一课

**学完这一课，你会得到**：什么也没有。

| | |
|---|---|
| 用时 | 无 |
| 显卡与显存 | 不需要 |
| 磁盘 | 不需要 |
| 网络与账号 | 不需要 |
| 先修课 | 无 |""",
}
HEADINGS = {
    "en": "## Settings\n## Data: made up\n## Troubleshooting\n## Summary\n## Exercises\n## Next\n## Of its own",
    "zh": "## 设置\n## 数据：编造的\n## 可能遇到的问题\n## 小结\n## 练习\n## 下一课\n## 自己的标题",
}


def make_notebook(language):
    """A lesson that passes every check: 12 code cells, 3 of them solutions."""
    prose = {"en": "Some words.", "zh": "一些文字。"}[language]
    cells = [v4.new_markdown_cell(TITLES[language], id="title")]
    for number in range(12):
        metadata = {"tags": ["solution"], "jupyter": {"source_hidden": True}} if number >= 9 else {}
        source = f"x = {number}\nassert x == {number}"
        cells.append(v4.new_code_cell(source, id=f"code-{number}", metadata=metadata, execution_count=number + 1))
        cells.append(v4.new_markdown_cell(f"{prose} {number}", id=f"prose-{number}"))
    cells.append(v4.new_markdown_cell(HEADINGS[language], id="headings"))
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata["executed"] = notebooks.code_fingerprint(notebook)
    return notebook


@pytest.fixture
def pair(tmp_path):
    """A folder of notebooks in step, and a way to change one: pair.edit("zh", "code-3", source="...")."""
    return Pair(tmp_path)


class Pair:
    def __init__(self, folder):
        self.folder = folder
        for language in notebooks.LANGUAGES:
            (folder / language).mkdir()
            notebooks.save(make_notebook(language), self.path(language))
        assert sync(folder) == []

    def path(self, language):
        return self.folder / language / f"{NAME}.ipynb"

    def load(self, language):
        return notebooks.load(self.path(language))

    def cell(self, language, name):
        return next(cell for cell in self.load(language).cells if cell.id == name)

    def edit(self, language, name, **changes):
        notebook = self.load(language)
        cell = next(cell for cell in notebook.cells if cell.id == name)
        cell.update(changes)
        if cell.cell_type == "code":
            notebook.metadata["executed"] = notebooks.code_fingerprint(notebook)
        notebooks.save(notebook, self.path(language))

    def remove(self, language, name):
        notebook = self.load(language)
        notebook.cells = [cell for cell in notebook.cells if cell.id != name]
        notebooks.save(notebook, self.path(language))

    def insert(self, language, position, cell):
        notebook = self.load(language)
        notebook.cells.insert(position, cell)
        notebooks.save(notebook, self.path(language))

    def problems(self):
        return check(self.folder)
