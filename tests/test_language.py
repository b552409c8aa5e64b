"""helpers.language: one table, both languages, and the reader's own in what is printed, raised and drawn."""

import ast
import json
import logging
import string
import subprocess
import sys
import warnings

import pytest
from PIL import Image

from helpers import Settings, data, doctor, evaluation, language
from helpers.course.prose import plain, read_glossary
from helpers.paths import ROOT
from helpers.show import tables
from helpers.training.loss_plot import loss_png

TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "helpers").rglob("*.py"))}
# What readers do not meet: the course and the tiny models are made with them, the others say what a program did wrong.
SILENT = ("course", "pretraining", "notation", "data/synthetic")


def places(text):
    """The names in braces."""
    return {name.split("!")[0] for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def calls(name):
    """(file and line, call) of each call of a function by this name."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def keys_of(call):
    """The keys that a call of ``message`` may ask for, where they stand in it."""
    first = call.args[0]
    chosen = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    return [node.value for node in chosen if isinstance(node, ast.Constant)]


# --- the table --------------------------------------------------------------------------------------------------------


def test_a_text_has_both_languages_with_the_same_places():
    rows = language.texts().items()
    assert [key for key, row in rows if set(row) != {"en", "zh"} or not all(row.values())] == []
    assert [key for key, row in rows if places(row["en"]) != places(row["zh"])] == []


def test_english_is_english_and_nothing_else():
    rows = language.texts().items()
    assert [key for key, row in rows if language.columns_of(row["en"]) > len(row["en"])] == []


def test_the_table_keeps_to_the_glossary():
    refused = read_glossary(ROOT / "GLOSSARY.md").refused
    texts = [(key, name, row[name]) for key, row in language.texts().items() for name in row]
    texts += [("labels", "zh", text) for text in language.labels().values()]
    found = [(key, text) for key, name, text in texts if any(words.search(plain(text)) for words, _ in refused[name])]
    assert found == []


def test_every_key_asked_for_is_in_the_table_and_gets_its_values():
    wrong = []
    for place, call in calls("message"):
        given = {word.arg for word in call.keywords}
        for key in keys_of(call):
            if key not in language.texts():
                wrong.append(f"{place}: no {key}")
            elif None not in given and given != places(language.texts()[key]["en"]):
                wrong.append(f"{place}: {key} is given {given}")
    assert wrong == []


def test_every_key_of_the_table_is_used():
    said = {node.value for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert sorted(set(language.texts()) - said) == []


def spoken(tree):
    """(line, text) of each string of two words or more that is raised or printed as it stands."""
    for node in ast.walk(tree):
        found = node.exc if isinstance(node, ast.Raise) else node
        is_print = isinstance(found, ast.Call) and isinstance(found.func, ast.Name) and found.func.id == "print"
        if isinstance(found, ast.Call) and (isinstance(node, ast.Raise) or is_print):
            for part in found.args:
                parts = part.values if isinstance(part, ast.JoinedStr) else [part]
                for text in (part.value for part in parts if isinstance(part, ast.Constant)):
                    if isinstance(text, str) and len(text.split()) > 1:
                        yield node.lineno, text


def test_nothing_is_raised_or_printed_past_the_table():
    found = []
    for path, tree in TREES.items():
        if not path.relative_to(ROOT / "helpers").as_posix().startswith(SILENT):
            found += [f"{path.relative_to(ROOT)}:{line}: {text}" for line, text in spoken(tree)]
    assert found == []


def test_a_text_past_the_table_would_be_found():
    assert list(spoken(ast.parse('raise ValueError(f"{name}: no such file")'))) == [(1, ": no such file")]
    assert list(spoken(ast.parse('print("all is well")'))) == [(1, "all is well")]


def tasks_and_axes():
    """What lessons call their tasks and axes, where the name stands in the call."""
    for path in sorted((ROOT / "notebooks" / "en").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "code":
                continue
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                    name, first = node.func.attr, node.args[0]
                    named = [first] if name.startswith("compare") else getattr(first, "keys", [])
                    if name.startswith("compare") or name in ("histograms", "accuracy"):
                        yield from (part.value for part in named if isinstance(part, ast.Constant))


def test_tasks_and_axes_of_the_lessons_have_a_chinese_name():
    assert sorted(set(tasks_and_axes()) - set(language.labels())) == []


# --- which language ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder, variable, wanted",
    [
        ("notebooks/en", None, "en"),
        ("notebooks/zh", None, "zh"),
        ("zhang", None, "en"),
        ("notebooks/zh", "en", "en"),
        ("notebooks/en", "zh", "zh"),
        ("notebooks/zh", "", "zh"),
    ],
)
def test_the_variable_decides_and_else_the_folder(folder, variable, wanted, tmp_path, monkeypatch):
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.delenv("LESSON_LANGUAGE", raising=False)
    if variable is not None:
        monkeypatch.setenv("LESSON_LANGUAGE", variable)
    assert language.reader_language() == wanted


def test_a_process_in_the_folder_of_chinese_lessons_speaks_chinese(monkeypatch):
    monkeypatch.delenv("LESSON_LANGUAGE", raising=False)
    command = [sys.executable, "-c", "from helpers import Settings; print(Settings.tiny())"]
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ran = subprocess.run(command, cwd=ROOT / "notebooks" / "zh", capture_output=True, encoding="utf-8", check=True)
    assert "小模型不需要 GPU" in ran.stdout


# --- what a reader sees -----------------------------------------------------------------------------------------------


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("LESSON_LANGUAGE", "zh")


def test_settings_and_what_cannot_be_set(chinese):
    assert "随机种子相同" in str(Settings.tiny())
    with pytest.raises(ValueError, match="应为不小于 1 的整数"):
        Settings.tiny(batch_size=0)


def test_doctor_and_its_columns(chinese):
    lines = doctor.report([doctor.disk(), doctor.Check("GPU", False, "none", "advice")]).splitlines()
    assert lines[0].startswith("正常  磁盘  剩余 ") and lines[1] == "注意  GPU   none"
    assert lines[2] == "            -> advice"


def test_faults_and_cures(chinese, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "1.png")
    rows = [{"image": "1.png", "text": "x"}, {"image": "1.png", "text": "y"}, {"image": "2.png", "text": "z"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = [str(problem) for problem in data.find_problems(tmp_path / "a.jsonl")]
    assert told[0] == "a.jsonl:2: 与第 1 条的图片相同，答案却不同：'y' -> 查清哪条正确，删掉另一条"
    assert told[1] == "a.jsonl:3: '2.png' 不存在 -> 把文件复制过来，或改正文件名"
    with pytest.raises(data.DataError, match="^2 个问题\n"):
        data.check(tmp_path / "a.jsonl")


def test_results_and_the_name_of_their_task(chinese):
    task = next(iter(language.labels()))
    comparison = evaluation.compare(task, ["a"], ["b"], ["b"])
    page = tables.results_html(comparison)
    assert "微调前" in page and "完全匹配率 ↑" in page and language.labels()[task] in page
    assert repr(comparison).startswith(f"{language.labels()[task]}，n = 1，95 % 置信区间")
    assert comparison.rows()[0] | {"before": 0, "after": 0} == {
        "task": task, "metric": "cer", "before": 0, "after": 0, "n": 1,
    }  # fmt: skip


def test_a_chinese_loss_plot_has_no_empty_boxes(chinese, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        picture = loss_png([(1, 2.0), (2, 1.0)], [(2, 1.5)])
    assert picture.startswith(b"\x89PNG") and not caplog.records


def test_a_chinese_character_takes_two_columns():
    assert language.columns_of("a中（") == 5 and language.padded("中", 4) == "中  " and language.padded("ab", 2) == "ab"
