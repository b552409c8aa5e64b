"""The project as a whole: one set of versions, nothing private in it, quick to import, links that lead somewhere."""

import ast
import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import helpers
from helpers.course import notebooks
from helpers.course.check import NOTEBOOK_BYTES
from helpers.course.report import (
    HEADS,
    README_END,
    README_START,
    SPEED,
    SPEED_END,
    SPEED_START,
    kept_rows,
    readme_results,
    readme_speed,
)
from helpers.paths import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
WANTED = [Requirement(text) for text in PYPROJECT["project"]["dependencies"] + EXTRAS["torch"] + EXTRAS["dev"]]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*/*.ipynb"))
READMES = ("README.md", "README_zh.md")
TEXTS = [ROOT / name for name in (*READMES, "CONTRIBUTING.md", "GLOSSARY.md")]

REGISTRY_HOST = re.compile(
    r"py[p]i[.]|python[h]osted|npm[j]s[.]|(debian|ubuntu)[.](org|com)|index-ur[l] *[=h]|/simpl[e]\b"
)
SECRET = re.compile(
    r"\bhf_\w{30}|\bsk-\w{20}|\bAKIA[0-9A-Z]{16}|\bgh[pousr]_\w{30}|PRIVATE KEY-{5}"
    r"|(?i:api_?key|token|password|secret)['\"]? *[=:] *['\"][\w-]{16,}['\"]"
)
MACHINE_PATH = re.compile(r"(?<![\w.<])/(?:home|root|work|Users)/(?!autodl-tmp|autodl-fs)\w+")


def lock() -> dict[str, set[str]]:
    """Versions in requirements.lock by package; more than one where they depend on Python or platform."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)(?:\[[^]]*\])?==([^ ;]+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def tracked() -> list[str]:
    """Text files of the project, as git lists them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    binary = (".png", ".safetensors", ".jpg", ".parquet", ".npz")
    return [name for name in listed.split("\0") if name and not name.endswith(binary) and (ROOT / name).exists()]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_lock_holds_what_pyproject_asks_for(wanted):
    versions = lock().get(canonicalize_name(wanted.name), set())
    assert versions and all(version in wanted.specifier for version in versions), "run make lock"


def test_lock_carries_no_address():
    assert not re.search(r"https?:|--|@ ", (ROOT / "requirements.lock").read_text(encoding="utf-8"))


def test_conda_environment_is_python_pip_and_the_project():
    python, pip, project = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    assert python.removeprefix("python=") in SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert pip == "pip" and project == {"pip": ["-r requirements.lock", "-e ."]}


def test_set_up_accepts_the_pythons_of_pyproject():
    allowed = re.search(r"in (\(\(3.*?\)\))\)'", (ROOT / ".ci" / "setup").read_text(encoding="utf-8"))[1]
    minors = {minor for minor in range(30) if f"3.{minor}" in SpecifierSet(PYPROJECT["project"]["requires-python"])}
    assert set(ast.literal_eval(allowed)) == {(3, minor) for minor in minors}


def test_set_up_says_which_python_it_needs(tmp_path):
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    ran = subprocess.run(
        [tmp_path / ".ci" / "setup"], env={**os.environ, "PYTHON": "false"}, capture_output=True, text=True
    )
    assert ran.returncode == 1 and "Python 3.11, 3.12 or 3.13 is needed" in ran.stderr and "PYTHON=" in ran.stderr
    assert not (tmp_path / ".venv").exists()


def test_every_module_is_installed():
    folders = [path.parent for path in (ROOT / "helpers").rglob("*.py")]
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == packages


def test_importing_every_helper_is_light():
    found = pkgutil.walk_packages(helpers.__path__, "helpers.")
    made_of_torch = (  # classes; others import them late
        "helpers.models.minicpm.",
        "helpers.training.captured_trainer",
        "helpers.training.stop_at_nan",
    )
    names = [m.name for m in found if not m.name.startswith(made_of_torch) and "__main__" not in m.name]
    heavy = ["torch", "transformers", "datasets", "matplotlib.pyplot", "peft", "swanlab", "pandas", "modelscope"]
    code = f"import sys, {', '.join(names)}; print([name for name in {heavy} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("pattern", [REGISTRY_HOST, SECRET], ids=["registry", "secret"])
def test_no_tracked_file_holds(pattern):
    found = {name: pattern.search((ROOT / name).read_text(encoding="utf-8")) for name in tracked()}
    assert not {name: match.group() for name, match in found.items() if match}


def test_no_tracked_file_holds_a_machine_path():
    names = [name for name in tracked() if not name.startswith("tests/")]  # tests make some up
    found = {name: MACHINE_PATH.search((ROOT / name).read_text(encoding="utf-8")) for name in names}
    assert not {name: match.group() for name, match in found.items() if match}


@pytest.mark.parametrize(
    "text", ["hf_" + "a" * 34, 'api_key = "' + "k" * 20 + '"', "-" * 5 + "END RSA PRIVATE KEY" + "-" * 5]
)
def test_secrets_would_be_found(text):
    assert SECRET.search(text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_notebooks_are_small(path):
    assert path.stat().st_size <= NOTEBOOK_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_notebooks_start_in_tiny_mode_on_the_plain_kernel(path):
    notebook = notebooks.load(path)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert "Settings.tiny(" in "".join(cell.source for cell in notebooks.code_cells(notebook))


def links(path) -> list[str]:
    """Relative links of a Markdown file or of the prose of a notebook, without anchors."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(
            "".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"
        )
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL))
    return [link.split("#")[0] for link in found if not re.match(r"https?:|mailto:|#", link)]


@pytest.mark.parametrize("path", TEXTS + NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    assert [link for link in links(path) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("name, language", [("README.md", "en"), ("README_zh.md", "zh")])
def test_readmes_link_every_lesson_there_is(name, language):
    linked = {link for link in links(ROOT / name) if link.endswith(".ipynb")}
    assert linked == {f"notebooks/{language}/{lesson}.ipynb" for lesson in notebooks.lesson_names(ROOT / "notebooks")}


@pytest.mark.parametrize("name", READMES)
def test_readmes_show_the_results_of_the_notebooks(name):
    shown = re.search(f"{README_START}\n(.*)\n{README_END}", (ROOT / name).read_text(encoding="utf-8"), re.S)[1]
    assert shown == readme_results(kept_rows(ROOT / "notebooks"), HEADS[name]), "run make readme"


@pytest.mark.parametrize(("name", "language"), [("README.md", "en"), ("README_zh.md", "zh")])
def test_readmes_show_the_speed_that_was_measured(name, language):
    shown = re.search(f"{SPEED_START}\n(.*)\n{SPEED_END}", (ROOT / name).read_text(encoding="utf-8"), re.S)[1]
    files = [json.loads((ROOT / "data" / "benchmarks" / f"{name}.json").read_bytes()) for name in SPEED]
    assert shown == "\n\n".join(readme_speed(found, language) for found in files), "run make readme"


def test_make_help_lists_every_target():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"\.PHONY: (.*)", text)[1].split()
    printed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[1] for line in printed.splitlines()] == targets


@pytest.mark.parametrize("name", [".ci/run", ".ci/setup"])
def test_ci_scripts_can_be_run(name):
    assert os.access(ROOT / name, os.X_OK)


def test_license_is_apache():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0" in text and PYPROJECT["project"]["license"] == "Apache-2.0"
