"""helpers.paths: where things are, and paths that may be printed."""

import os
import subprocess
import sys

from helpers.paths import ROOT, short


def test_root_holds_this_project():
    assert (ROOT / "pyproject.toml").is_file()


def test_short_is_relative_inside_and_a_name_outside(tmp_path):
    assert short(ROOT / "data" / "x.jsonl") == "data/x.jsonl"
    assert short(tmp_path / "secret" / "x.jsonl") == "x.jsonl"


def test_short_sees_through_dots():
    assert short(ROOT / "notebooks" / "en" / ".." / ".." / "output") == "output"


def test_lessons_that_run_at_the_same_time_can_have_a_folder_each():
    code = "from helpers import Settings, paths; print(paths.short(Settings.tiny().output_dir))"
    for given, folder in (({}, "output"), ({"LESSON_OUTPUT": "build/nbval/06"}, "build/nbval/06")):
        clean = {name: value for name, value in os.environ.items() if name != "LESSON_OUTPUT"}
        ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean | given, capture_output=True, text=True)
        assert ran.stdout.strip() == folder
