"""Are the two languages of every lesson in step, the prose as GLOSSARY.md has it, the outputs whole? (`make check`)

Cells are paired by id. Code is the same in both languages, byte for byte. A prose cell keeps in its metadata, as
`counterpart`, the fingerprint that the other language's cell had when the two were last translated: when that cell
changes, the fingerprint no longer fits, and the translation is stale. Code cells keep it too, so that `sync` can tell
in which language a line of code was changed.
"""

import re
from pathlib import Path

from helpers.course.notebooks import (
    CHINESE,
    LANGUAGES,
    changed_since_sync,
    code_cells,
    code_fingerprint,
    lesson_names,
    load,
    output_text,
    same_code,
)
from helpers.course.prose import check_headings, check_prose, read_glossary
from helpers.paths import ROOT

CODE_CELLS = range(12, 23)
CODE_LINES = 15
EXERCISES = range(3, 6)
NOTEBOOK_BYTES = 150_000
READABLE_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RANDOM_ID = re.compile(r"(?=.*\d)[0-9a-f]{8}(-[0-9a-f]{4}){0,3}(-[0-9a-f]{12})?")
BROKEN_SENTENCE = re.compile(r"[\u4e00-\u9fff，。；：、）]\n *[\u4e00-\u9fff（]")  # shown with a gap in it
MACHINE_PATH = re.compile(r"(?<![\w.<])/(?:home|root|work|Users|tmp)/[^\s'\"<>]*|\b[CD]:\\[^\s'\"<>]*")


def check(notebooks: Path, glossary: Path = ROOT / "GLOSSARY.md") -> list[str]:
    """Everything that is out of step, one line each: lesson, language, cell, what is wrong -> what to do."""
    problems, glossary = [], read_glossary(glossary)
    for name in lesson_names(notebooks):
        pair = {}
        for language in LANGUAGES:
            path = notebooks / language / f"{name}.ipynb"
            if not path.exists():
                problems.append(f"{name} {language}: the notebook is missing -> make sync, then translate")
                continue
            try:
                pair[language] = load(path)
            except ValueError as error:
                problems.append(f"{name} {language}: {error}")
                continue
            found = _check_one(pair[language], language) + check_prose(name, pair[language], language, glossary)
            problems += [f"{name} {language} {problem}" for problem in found]
            if path.stat().st_size > NOTEBOOK_BYTES:
                size = path.stat().st_size // 1000
                problems.append(f"{name} {language}: {size} KB, over {NOTEBOOK_BYTES // 1000} -> smaller pictures")
        if len(pair) == 2:
            problems += [f"{name} {problem}" for problem in _check_pair(pair, glossary)]
    return problems


def _check_one(notebook, language: str) -> list[str]:
    return _check_ids(notebook) + _check_shape(notebook, language) + _check_outputs(notebook)


def _check_ids(notebook) -> list[str]:
    if notebook.nbformat_minor < 5:
        return [f": format 4.{notebook.nbformat_minor} has no cell ids -> save it as 4.5"]
    problems, seen = [], set()
    for cell in notebook.cells:
        if cell.id in seen:
            problems.append(f"{cell.id}: two cells have this id -> rename one, in both languages")
        elif not READABLE_ID.fullmatch(cell.id) or RANDOM_ID.fullmatch(cell.id):
            problems.append(f"{cell.id}: not a readable id -> name it like 'look-at-data', in both languages")
        seen.add(cell.id)
    return problems


def _check_shape(notebook, language: str) -> list[str]:
    problems, code = [], code_cells(notebook)
    for cell in notebook.cells:
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > CODE_LINES:
            problems.append(f"{cell.id}: {lines} lines of code, over {CODE_LINES} -> move some into helpers/")
        if language == "zh" and cell.cell_type == "markdown" and not CHINESE.search(cell.source):
            problems.append(f"{cell.id}: no Chinese in it -> translate, then make sync")
        if language == "zh" and cell.cell_type == "markdown" and (gap := BROKEN_SENTENCE.search(cell.source)):
            around = gap.group().replace("\n", "↵")
            problems.append(f"{cell.id}: a line break inside a sentence ({around}) shows as a gap -> join the lines")
    solutions = [cell for cell in code if "solution" in cell.metadata.get("tags", [])]
    for cell in solutions:
        if "assert" not in cell.source or not cell.metadata.get("jupyter", {}).get("source_hidden"):
            problems.append(f"{cell.id}: a solution -> give it an assert and fold it (source_hidden)")
    for what, count, allowed in (("code cells", len(code), CODE_CELLS), ("solutions", len(solutions), EXERCISES)):
        if count not in allowed:
            problems.append(f": {count} {what} -> a lesson has {allowed.start} to {allowed.stop - 1}")
    return problems


def _check_outputs(notebook) -> list[str]:
    problems, code = [], code_cells(notebook)
    if all(cell.execution_count is None for cell in code):
        return [": no outputs are kept -> make outputs"]
    if notebook.metadata.get("executed") != code_fingerprint(notebook):
        problems.append(": the kept outputs are not of this code -> make outputs")
    for position, cell in enumerate(code, start=1):
        if cell.execution_count != position:
            problems.append(f"{cell.id}: kept output has count {cell.execution_count}, not {position} -> make outputs")
        if "nbval-check-output" in cell.metadata.get("tags", []) and not cell.outputs:
            problems.append(f"{cell.id}: tagged nbval-check-output, but no output is kept -> make outputs")
        for output in cell.outputs:
            if output.output_type == "error":
                problems.append(f"{cell.id}: {output.ename} is kept as output -> fix the cell, then make outputs")
            elif path := MACHINE_PATH.search(output_text(output)):
                problems.append(f"{cell.id}: the output shows {path.group()} -> print settings.short(path)")
    return problems


def _check_pair(pair: dict, glossary) -> list[str]:
    cells = {language: {cell.id: cell for cell in pair[language].cells} for language in LANGUAGES}
    order = {language: list(cells[language]) for language in LANGUAGES}
    problems = []
    for language, other in (LANGUAGES, LANGUAGES[::-1]):
        absent = [name for name in order[other] if name not in cells[language]]
        problems += [f"{language} {name}: missing, {other} has it -> make sync" for name in absent]
    common = {
        language: [name for name in order[language] if all(name in c for c in cells.values())] for language in order
    }
    moved = next((zh for en, zh in zip(common["en"], common["zh"], strict=False) if en != zh), None)
    if moved:
        problems.append(f"zh {moved}: stands elsewhere than in en -> make sync")
    for name in common["en"]:
        problems += _check_cells(cells["en"][name], cells["zh"][name])
        if cells["en"][name].cell_type == cells["zh"][name].cell_type == "markdown":
            problems += check_headings(cells["en"][name], cells["zh"][name], glossary)
    return problems


def _check_cells(en, zh) -> list[str]:
    if en.cell_type != zh.cell_type:
        return [f"zh {zh.id}: {zh.cell_type}, but {en.cell_type} in en -> make the two alike"]
    if en.cell_type == "code":
        return [] if same_code(en, zh) else [f"zh {zh.id}: code differs from en -> make sync"]
    changed = changed_since_sync(en, zh)
    if changed == set(LANGUAGES):
        return [f"zh {zh.id}: this translation was never marked as up to date -> make sync"]
    return [
        f"{other} {en.id}: stale, {language} changed since it was translated -> translate, then make sync"
        for language, other in (LANGUAGES, LANGUAGES[::-1])
        if language in changed
    ]
