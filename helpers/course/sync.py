"""Bring the two languages of a lesson back in step, without guessing (`make sync`).

Code is copied from the language in which it was changed. Prose is never written here: a pair of prose cells is marked
as translated when both sides changed since the last time, or when the maintainer says that the translation still
stands. Whatever needs a person is named, and the exit status says so.
"""

import copy
from pathlib import Path

from helpers.course.notebooks import (
    CHINESE,
    LANGUAGES,
    changed_since_sync,
    fingerprint,
    lesson_names,
    load,
    same_code,
    save,
)


def sync(notebooks: Path, source: str | None = None, same=()) -> list[str]:
    """Bring all lessons in step and print what was done; returns what is left for a person, one line each.

    source: the language that all code is taken from; None: the one in which each cell was changed.
    same:   "LESSON/CELL" of prose whose translation still stands although one side changed.
    """
    left, confirmed = [], set(same)
    for name in lesson_names(notebooks):
        paths = {language: notebooks / language / f"{name}.ipynb" for language in LANGUAGES}
        pair = _load_pair(paths)
        before = copy.deepcopy(pair)
        mine = {cell for lesson, _, cell in (entry.partition("/") for entry in same) if lesson == name}
        left += [f"{name} {line}" for line in _sync_pair(pair, source, mine)]
        confirmed -= {f"{name}/{cell.id}" for cell in pair["en"].cells}
        for language in LANGUAGES:
            if pair[language] != before[language] or not paths[language].exists():
                save(pair[language], paths[language])
                print(f"{name} {language}: written")
    return left + [f"{entry}: no such LESSON/CELL" for entry in sorted(confirmed)]


def _load_pair(paths: dict) -> dict:
    """Both notebooks; one that is missing starts as a notebook without cells."""
    found = {language: load(path) for language, path in paths.items() if path.exists()}
    first = next(iter(found.values()))
    for language in LANGUAGES:
        if language not in found:
            found[language] = copy.deepcopy(first)
            found[language].cells = []
            paths[language].parent.mkdir(parents=True, exist_ok=True)
    return found


def _sync_pair(pair: dict, source: str | None, same: set[str]) -> list[str]:
    left = _add_missing(pair, "en", "zh") + _add_missing(pair, "zh", "en")
    _take_order(pair, source or "en")
    others = {cell.id: cell for cell in pair["zh"].cells}
    for en in pair["en"].cells:
        zh = others.get(en.id)
        if zh is None or zh.cell_type != en.cell_type:
            continue
        left += _sync_code(en, zh, source) if en.cell_type == "code" else _sync_prose(en, zh, en.id in same)
    return left


def _add_missing(pair: dict, language: str, other: str) -> list[str]:
    """Copy cells that are new in `language`; a cell that once had a counterpart was deleted there, which is said."""
    left, known = [], {cell.id for cell in pair[other].cells}
    everything_is_new = not pair[other].cells
    for position, cell in enumerate(pair[language].cells):
        if cell.id in known:
            continue
        if "counterpart" in cell.metadata and not everything_is_new:
            left.append(f"{language} {cell.id}: deleted in {other} -> delete it here too, or put it back there")
            continue
        new = copy.deepcopy(cell)
        new.metadata.pop("counterpart", None)
        _clear(new)
        earlier = {before.id for before in pair[language].cells[:position]}
        places = [place for place, known_cell in enumerate(pair[other].cells, start=1) if known_cell.id in earlier]
        pair[other].cells.insert(max(places, default=0), new)
    return left


def _take_order(pair: dict, source: str):
    """Order the cells of the other language as in `source`; those it has alone stay at the end."""
    other = pair[LANGUAGES[1 - LANGUAGES.index(source)]]
    rank = {cell.id: place for place, cell in enumerate(pair[source].cells)}
    if {cell.id for cell in other.cells} == set(rank):
        other.cells.sort(key=lambda cell: rank[cell.id])


def _sync_code(en, zh, source: str | None) -> list[str]:
    """Copy code one way. Without `source` that is from en to zh, and only if nobody changed it in zh."""
    if not same_code(en, zh):
        if source is None and zh.metadata.get("counterpart") != fingerprint(zh.source):
            return [f"zh {zh.id}: code changed here -> make sync FROM=zh takes all code from zh, FROM=en undoes it"]
        origin, target = (zh, en) if source == "zh" else (en, zh)
        if target.source != origin.source:
            _clear(target)
        target.source = origin.source
        target.metadata = copy.deepcopy(origin.metadata)
    for cell in (en, zh):
        cell.metadata["counterpart"] = fingerprint(cell.source)
    return []


def _sync_prose(en, zh, stands: bool) -> list[str]:
    """Mark the pair as translated, if it is."""
    changed = changed_since_sync(en, zh)
    if not changed:
        return []
    if not CHINESE.search(zh.source):
        return [f"zh {zh.id}: still in English -> translate, then make sync"]
    if len(changed) == 1 and not stands:
        language = changed.pop()
        other = LANGUAGES[1 - LANGUAGES.index(language)]
        return [
            f"{other} {en.id}: stale, only {language} changed -> translate, then make sync;"
            f" if the text still stands: make sync SAME=LESSON/{en.id}"
        ]
    en.metadata["counterpart"], zh.metadata["counterpart"] = fingerprint(zh.source), fingerprint(en.source)
    return []


def _clear(cell):
    """Forget outputs: they were made by other code."""
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
