"""Notebooks as files: read and written whole, their cells, code and fingerprints."""

import hashlib
import json
import re
from pathlib import Path

from helpers.files import read_text, write_text
from helpers.paths import short

LANGUAGES = ("en", "zh")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TINY = re.compile(r"^settings = Settings\.tiny\([^)]*\)", re.M)


def load(path: Path):
    """The notebook at `path`, exactly as it is. Raises ValueError naming the file when it is not one."""
    from nbformat import v4
    from nbformat.validator import iter_validate

    # nbformat.read is not used: it gives cells with the same id new ones without being asked.
    try:
        notebook = v4.reads(read_text(path))
        wrong = next(iter_validate(notebook, version=4, version_minor=notebook.nbformat_minor), None)
    except (json.JSONDecodeError, AttributeError, TypeError) as error:
        wrong = error
    if wrong:
        raise ValueError(f"{short(path)} is no readable notebook: {str(wrong).splitlines()[0]} -> restore it with git")
    return notebook


def save(notebook, path: Path):
    """Write the notebook whole or not at all."""
    from nbformat import v4

    write_text(path, v4.writes(notebook).rstrip("\n") + "\n")


def fingerprint(text: str) -> str:
    """The first 12 hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def code_fingerprint(notebook) -> str:
    """One fingerprint for all the code of a notebook; kept outputs carry that of the code which made them."""
    return fingerprint("\n\n".join(cell.source for cell in code_cells(notebook)))


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def leave_out_solutions(notebook) -> None:
    """Take the solutions of the exercises out of the notebook."""
    notebook.cells = [cell for cell in notebook.cells if "solution" not in cell.metadata.get("tags", [])]


def in_real_mode(notebook, **settings) -> int:
    """Change the one word that a reader would; returns how many calls were changed, one in a lesson.

    Args:
        settings: arguments of ``Settings.real``.
    """
    call = f"settings = Settings.real({', '.join(f'{name}={value!r}' for name, value in settings.items())})"
    changed = 0
    for cell in code_cells(notebook):
        cell.source, count = TINY.subn(lambda _: call, cell.source)
        changed += count
    return changed


def lesson_names(notebooks: Path) -> list[str]:
    """Lessons that exist in at least one language, in order."""
    return sorted({path.stem for language in LANGUAGES for path in (notebooks / language).glob("[0-9]*.ipynb")})


def output_text(output) -> str:
    """All text that a reader can see in one output of a cell."""
    data = output.get("data", {})
    return output.get("text", "") + "\n".join(str(value) for kind, value in data.items() if "image/" not in kind)


def same_code(en, zh) -> bool:
    return en.source == zh.source and _plain(en) == _plain(zh)


def _plain(cell) -> dict:
    """Metadata of a cell that the languages share: tags and folding."""
    return {key: cell.metadata[key] for key in ("tags", "jupyter") if key in cell.metadata}


def changed_since_sync(en, zh) -> set[str]:
    """The languages whose cell is not what it was at the last sync."""
    return {
        language
        for language, cell, other in (("en", en, zh), ("zh", zh, en))
        if other.metadata.get("counterpart") != fingerprint(cell.source)
    }
