"""The rooms of helpers/: imports point one way, no circle, nothing private crosses a wall, faces import no torch."""

import ast
import json
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from helpers.paths import ROOT

FLOORS = (  # an import may only point to a floor further up in this list; rooms of one floor do not know each other
    ("helpers", "paths", "language", "parent"),
    ("hub", "jupyter", "notation", "disk", "processes"),
    ("files", "evaluation"),
    ("data",),
    ("models",),
    ("settings", "training", "inference", "doctor"),
    ("show", "llamafactory", "pretraining"),
    ("course",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
HEAVY = ("torch", "transformers", "datasets", "matplotlib.pyplot", "peft", "swanlab", "pandas", "modelscope")
LINES = 260


def name_of(path):
    """helpers/data/split.py -> helpers.data.split; a package by its own name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted((ROOT / "helpers").rglob("*.py"))}
PACKAGES = [name for name, path in MODULES.items() if path.name == "__init__.py"]


def imported(name):
    """(module, name taken from it or "") of every import of helpers in a module, those inside functions included."""
    found = []
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names if alias.name.split(".")[0] == "helpers"]
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "helpers":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.append((whole, "") if whole in MODULES else (node.module, alias.name))
    return found


ARROWS = {name: imported(name) for name in MODULES}


def room_of(name):
    return (name.split(".") + ["helpers"])[1] if "." in name else "helpers"


def upward(arrows):
    """Arrows that do not point to an earlier floor, or to the same room."""
    return [
        f"{name} -> {target}"
        for name, targets in arrows.items()
        for target, _ in targets
        if name != "helpers" and room_of(name) != room_of(target) and FLOOR[room_of(name)] <= FLOOR[room_of(target)]
    ]


def circle(arrows):
    """The modules of a circle, or nothing. A face is imported with each of its modules, and counts only as itself."""
    try:
        list(
            TopologicalSorter(
                {name: {target for target, _ in targets} for name, targets in arrows.items()}
            ).static_order()
        )
    except CycleError as error:
        return error.args[1]
    return []


def private(arrows):
    return [
        f"{name} takes {taken} from {target}"
        for name, targets in arrows.items()
        for target, taken in targets
        if taken.startswith("_") or target.rpartition(".")[2].startswith("_")
    ]


def test_every_room_has_its_floor():
    assert {room_of(name) for name in MODULES} == set(FLOOR)


def test_imports_point_one_way():
    assert upward(ARROWS) == []


def test_there_is_no_circle():
    assert circle(ARROWS) == []


def test_nothing_private_is_taken_from_another_module():
    assert private(ARROWS) == []


def test_no_module_reaches_for_a_private_name_of_another():
    """``from helpers.data import cache`` and then ``cache._something``."""
    for name, path in MODULES.items():
        known = {target.rpartition(".")[2] for target, taken in ARROWS[name] if not taken}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
                assert not re.match("_(?!_)", node.attr), f"{name}: {node.value.id}.{node.attr}"


@pytest.mark.parametrize(
    "wrong, finds",
    [
        ({"helpers.data.split": [("helpers.show.html", "table")]}, upward),
        ({"helpers.training.trainer": [("helpers.inference.predict", "predict")]}, upward),
        ({"helpers.files": [("helpers.settings", "")]}, upward),
        (
            {"helpers.a": [("helpers.b", "")], "helpers.b": [("helpers.c", "x")], "helpers.c": [("helpers.a", "")]},
            circle,
        ),
        ({"helpers.data.rows": [("helpers.files", "_secret")]}, private),
    ],
)
def test_a_wrong_arrow_would_be_found(wrong, finds):
    assert finds(wrong)


def test_faces_import_nothing_heavy():
    """One after the other in one process, so the first one named is to blame."""
    code = "import importlib, sys\n"
    code += f"for face in {PACKAGES}:\n    importlib.import_module(face)\n"
    code += f"    print(face, [name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [f"{face} []" for face in PACKAGES]


def test_face_lists_what_it_gives():
    """Each name that a face imports stands in its docstring, with a word on what it is for."""
    for package in PACKAGES:
        tree = ast.parse(MODULES[package].read_text(encoding="utf-8"))
        given = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
        if package != "helpers":
            words = set((ast.get_docstring(tree) or "").replace(",", " ").split())
            assert set(given) <= words, f"{package}: {set(given) - words}"


def test_lessons_use_faces_only():
    for path in sorted((ROOT / "notebooks").glob("*/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "helpers" in source:
                lines = [line for line in source.splitlines() if "helpers" in line and "import" in line]
                assert all(line.startswith("from helpers import ") for line in lines), f"{path.name} {cell['id']}"


def test_no_module_is_long():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lengths.items() if count > LINES} == {}


def test_every_module_has_its_test_file():
    def wanted(path):
        inside = path.relative_to(ROOT / "helpers")
        return ROOT / "tests" / inside.parent / f"test_{inside.name}"

    plain = [path for path in MODULES.values() if path.name not in ("__init__.py", "__main__.py")]
    assert [str(wanted(path).relative_to(ROOT)) for path in plain if not wanted(path).is_file()] == []


# --- names of modules in the whole tree: cards, recipes, Makefile, READMEs, notebooks, messages --------------------


def names_in(module):
    """What a module holds: its functions, classes, constants and imports."""
    names = set()
    for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        else:
            names |= {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}
    return names


def leads_somewhere(dotted):
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        if (module := ".".join(parts[:end])) in MODULES:
            return end == len(parts) or parts[end] in names_in(module)
    return False


def wrong_names(text):
    files = re.findall(r"\b(?:helpers|tests)/[\w/-]+\.(?:py|yaml|json)\b", text)
    dotted = re.findall(r"(?<![\w.])helpers(?:\.[A-Za-z]\w*)+", text)
    return [name for name in files if not (ROOT / name).is_file()] + [n for n in dotted if not leads_somewhere(n)]


def test_names_of_modules_lead_somewhere():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [ROOT / name for name in listed.split("\0") if name.endswith((".py", ".md", ".ipynb", ".yaml", ".toml"))]
    texts = [path for path in [*texts, ROOT / "Makefile"] if path.is_file() and path.name != "test_house.py"]
    found = {path.relative_to(ROOT).as_posix(): wrong_names(path.read_text(encoding="utf-8")) for path in texts}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    "old", ["helpers/infer.py", "helpers.infer.predict", "helpers.data.images.nothing", "tests/x.py"]
)
def test_an_old_name_would_be_found(old):
    assert wrong_names(f"see ``{old}`` for more") == [old]
