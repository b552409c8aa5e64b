"""helpers.data.synthetic.render: same seed, same bytes; a set on disk is whole or made anew."""

import ast
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from helpers.data import media
from helpers.data.samples import Sample, load_jsonl
from helpers.data.synthetic import formulas, held_out, molecules, papers, render, sounds, videos
from helpers.data.synthetic.formulas import draw_sample
from helpers.data.synthetic.render import degrade_set, render_set
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process draws")
def test_a_killed_run_takes_the_processes_that_draw_along_and_is_begun_anew(tmp_path):
    code = f"from helpers.data import render_set; render_set({str(tmp_path)!r}, 4000, seed=1)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    while len(list(tmp_path.glob("images/*"))) < 5:
        assert process.poll() is None
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert family and psutil.wait_procs(family, timeout=20)[1] == []
    render_set(tmp_path, 3, seed=1)
    render_set(tmp_path / "again", 3, seed=1)
    again = files(tmp_path / "again")
    assert {name: content for name, content in files(tmp_path).items() if not name.startswith("again")} == again


@pytest.mark.parametrize("style", ["chalkboard", "handwritten", "sheet"])
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


# --- print of others ------------------------------------------------------------------------------


def printed(folder, count=4):
    return render_set(folder / "printed", count, seed=1)


@pytest.mark.parametrize("style", ["scan", "chalkboard"])
def test_degraded_set_holds_the_same_texts_in_order_and_is_seeded(tmp_path, style):
    samples = printed(tmp_path)
    made = [degrade_set(tmp_path / name, samples, seed, style) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    assert all([sample.text for sample in one] == [sample.text for sample in samples] for one in made)
    assert files(tmp_path / "a") == files(tmp_path / "b") and len(files(tmp_path / "a")) == 6
    for found in zip(made[0], made[2], samples, strict=True):
        assert len({sample.file.read_bytes() for sample in found}) == 3


def test_degraded_pictures_are_those_of_the_style(tmp_path):
    samples = printed(tmp_path)
    for number, sample in enumerate(degrade_set(tmp_path / "set", samples, 5, "scan")):
        image = papers.degraded(Image.open(samples[number].file), "scan", np.random.default_rng((5, number)))
        assert (np.asarray(Image.open(sample.file)) == np.asarray(image)).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "1"])
def test_colour_and_transparency_are_degraded_as_what_one_sees(tmp_path, mode):
    samples = printed(tmp_path, 1)
    grey = Image.open(samples[0].file).point(lambda value: 255 * (value > 127))
    image = grey.convert(mode)
    if mode in ("RGBA", "LA"):  # black everywhere, print by transparency only
        image = Image.merge("LA", [Image.new("L", grey.size), grey.point(lambda value: 255 - value)]).convert(mode)
    for name, saved in (("plain", grey), ("other", image)):
        saved.save(tmp_path / f"{name}.png")
        degrade_set(tmp_path / name, [Sample(tmp_path / f"{name}.png", "x")], 1, "scan")
    assert files(tmp_path / "plain" / "images") == files(tmp_path / "other" / "images")


def test_half_written_degraded_set_is_made_anew(tmp_path, monkeypatch):
    samples, degraded = printed(tmp_path), papers.degraded

    def stop_at_2(image, style, rng):
        if (tmp_path / "cut" / "images" / "00001.png").is_file():
            raise KeyboardInterrupt
        return degraded(image, style, rng)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(papers, "degraded", stop_at_2)
        degrade_set(tmp_path / "cut", samples, 1, "scan")
    assert not (tmp_path / "cut" / "data.jsonl").exists()
    degrade_set(tmp_path / "cut", samples, 1, "scan")
    degrade_set(tmp_path / "whole", samples, 1, "scan")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_finished_degraded_set_is_used_again_and_follows_its_print(tmp_path, monkeypatch):
    samples = printed(tmp_path)
    first = degrade_set(tmp_path / "set", samples, 1, "scan")
    before = files(tmp_path / "set")
    with monkeypatch.context() as patch:
        patch.setattr(papers, "degraded", lambda *arguments: pytest.fail("made again"))
        assert degrade_set(tmp_path / "set", samples, 1, "scan") == first
    Image.new("L", (60, 30), 255).save(samples[2].file)
    degrade_set(tmp_path / "set", samples, 1, "scan")
    changed = {name for name, data in files(tmp_path / "set").items() if before[name] != data}
    assert changed == {"images/00002.png", "made_from.json"}


def test_print_that_is_no_picture_is_named(tmp_path):
    samples = printed(tmp_path)
    samples[1].file.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="00001.png"):
        degrade_set(tmp_path / "set", samples, 1, "scan")


def test_style_that_is_no_degradation_costs_nothing(tmp_path):
    with pytest.raises(ValueError, match="choose one of scan, chalkboard"):
        degrade_set(tmp_path / "set", printed(tmp_path), 1, "printed")
    assert not (tmp_path / "set").exists()


# --- code and sets ---------------------------------------------------------------------------------


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
    known = (
        "formulas papers handwriting strokes held_out grammar grammar_arrays mathtext glyphs latex latex_signs".split()
    )
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
