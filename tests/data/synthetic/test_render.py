"""helpers.data.synthetic.render: same seed, same bytes; a set on disk is whole or made anew."""

import ast
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.data import media
from helpers.data.samples import load_jsonl
from helpers.data.synthetic import formulas, held_out, molecules, render, sounds, videos
from helpers.data.synthetic.formulas import draw_sample
from helpers.data.synthetic.render import render_set
from helpers.paths import ROOT


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unknown_style_or_part_lists_the_known_ones_and_costs_nothing(tmp_path):
    finished = render_set(tmp_path, 2, seed=0)
    for wrong in ({"style": "photo"}, {"part": "tset"}):
        with pytest.raises(ValueError, match="unknown .* choose one of"):
            render_set(tmp_path, 2, seed=0, **wrong)
    assert all(sample.file.exists() for sample in finished)


def test_the_style_says_whether_formulas_or_molecules_are_drawn(tmp_path):
    samples = render_set(tmp_path, 3, seed=1, style="sketch", part="test")
    drawn = [molecules.draw_sample(index, 1, "sketch", "test") for index in range(3)]
    assert [sample.text for sample in samples] == [smiles for _, smiles in drawn]
    assert (np.asarray(Image.open(samples[0].file)) == np.asarray(drawn[0][0])).all()


def test_no_two_modules_draw_the_same_style():
    assert not set(formulas.STYLES) & set(molecules.STYLES)


def test_same_seed_same_files(tmp_path):
    for name in ("a", "b"):
        render_set(tmp_path / name, 6, seed=1, style="scan")
    assert files(tmp_path / "a") == files(tmp_path / "b") and len(files(tmp_path / "a")) == 8


def test_one_core_and_many_draw_the_same(tmp_path, monkeypatch):
    render_set(tmp_path / "many", 100, seed=1)
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(render, "ProcessPoolExecutor", lambda *arguments: pytest.fail("cannot fork"))
    render_set(tmp_path / "one", 100, seed=1)
    assert files(tmp_path / "many") == files(tmp_path / "one") and len(files(tmp_path / "one")) == 102


@pytest.mark.parametrize("style", ["chalkboard", "sheet"])
def test_set_holds_what_was_asked_for(tmp_path, style):
    samples = render_set(tmp_path, 5, seed=1, style=style, part="test")
    assert samples == load_jsonl(tmp_path / "data.jsonl")
    for index, sample in enumerate(samples):
        image, latex = draw_sample(index, 1, style, "test")
        assert sample.text == latex and (np.asarray(Image.open(sample.file)) == np.asarray(image)).all()


def test_finished_set_is_used_again(tmp_path, monkeypatch):
    first = render_set(tmp_path, 5, seed=1)
    monkeypatch.setattr(formulas, "draw_sample", lambda *arguments: pytest.fail("drawn again"))
    assert render_set(tmp_path, 5, seed=1) == first


@pytest.mark.parametrize("change", [{"count": 3}, {"seed": 2}, {"style": "scan"}, {"part": "test"}])
def test_another_set_replaces_it_and_leaves_no_stray_pictures(tmp_path, change):
    wanted = {"count": 5, "seed": 1, "style": "printed", "part": "train"}
    render_set(tmp_path / "used", **wanted)
    samples = render_set(tmp_path / "used", **(wanted | change))
    render_set(tmp_path / "fresh", **(wanted | change))
    assert files(tmp_path / "used") == files(tmp_path / "fresh") and len(samples) == (wanted | change)["count"]


def test_half_written_set_is_redone(tmp_path, monkeypatch):
    def stop_at_3(index, *arguments):
        if index == 3:
            raise KeyboardInterrupt
        return draw_sample(index, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(formulas, "draw_sample", stop_at_3)
        render_set(tmp_path / "cut", 5, seed=1)
    render_set(tmp_path / "cut", 5, seed=1)
    render_set(tmp_path / "whole", 5, seed=1)
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.parametrize("name", ["images/00002.png", "data.jsonl", "made_from.json"])
def test_set_with_a_deleted_file_is_drawn_anew(tmp_path, name):
    render_set(tmp_path, 4, seed=1)
    whole = files(tmp_path)
    (tmp_path / name).unlink()
    if name == "made_from.json":
        with pytest.raises(FileExistsError, match="already holds other data"):
            render_set(tmp_path, 4, seed=1)
    else:
        render_set(tmp_path, 4, seed=1)
        assert files(tmp_path) == whole


def test_pictures_of_an_older_renderer_are_drawn_anew(tmp_path):
    render_set(tmp_path, 4, seed=1)
    whole, note = files(tmp_path), tmp_path / "made_from.json"
    recipe = json.loads(note.read_text(encoding="utf-8"))
    recipe["renderer"] += 1
    note.write_text(json.dumps(recipe), encoding="utf-8")
    (tmp_path / "images" / "00000.png").write_bytes(b"old")
    render_set(tmp_path, 4, seed=1)
    assert files(tmp_path) == whole


def code_behind(*names):
    """These modules of helpers and all that they import, and those import, in turn; packages left out."""
    found, waiting = {}, [f"helpers.{name}" for name in names]
    while waiting:
        name = waiting.pop()
        path = ROOT / f"{name.replace('.', '/')}.py"
        if name not in found and path.is_file():
            found[name] = importlib.import_module(name)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found[name] for name in sorted(found))


BEHIND_FORMULAS = code_behind("data.synthetic.formulas")
SETS = {
    "formulas": (lambda folder: render_set(folder, 2, 1, "scan"), BEHIND_FORMULAS),
    "molecules": (lambda folder: render_set(folder, 2, 1, "sketch"), code_behind("data.synthetic.molecules")),
    "videos": (lambda folder: videos.render_videos(folder, 2, 1), (videos, *BEHIND_FORMULAS)),
    "sounds": (lambda folder: sounds.render_sounds(folder, 2, 1), (sounds, media, held_out)),
}


def test_code_behind_a_set_is_found_through_imports_of_imports():
    known = "formulas papers held_out grammar grammar_arrays mathtext glyphs latex latex_commands latex_signs".split()
    assert set(known) <= {module.__name__.rpartition(".")[2] for module in BEHIND_FORMULAS}
    assert code_behind("data.synthetic.molecules") == (held_out, molecules)


@pytest.mark.parametrize(("name", "module"), [(name, module) for name in SETS for module in SETS[name][1]])
def test_set_is_made_anew_when_any_module_that_decides_it_has_changed(tmp_path, monkeypatch, name, module):
    make = SETS[name][0]
    (first, _), changed = make(tmp_path / "set"), tmp_path / "changed.py"
    made = first.file.stat().st_mtime_ns
    assert make(tmp_path / "set")[0].file.stat().st_mtime_ns == made
    changed.write_bytes(Path(module.__file__).read_bytes() + b"# changed")
    monkeypatch.setattr(module, "__file__", str(changed))
    assert make(tmp_path / "set")[0].file.stat().st_mtime_ns > made
