"""helpers.tex: what it hands to pdflatex and makes of its answer; with pdflatex itself where it is installed."""

import importlib.util
import shutil
import subprocess

import pytest

from helpers import cdm, tex

ARRAY = r"\begin{array}{c c} a & b \\ c & d \end{array}"
printed = pytest.mark.skipif(
    not shutil.which("pdflatex") or not importlib.util.find_spec("pymupdf"), reason="needs pdflatex and pymupdf"
)


def test_a_missing_pdflatex_is_said(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="apt install texlive-latex-base"):
        tex.characters(["x"])


def test_the_formula_to_blame_is_found(monkeypatch):
    monkeypatch.setattr(shutil, "which", str)
    runs = []
    monkeypatch.setattr(
        tex, "_compiled", lambda texts: runs.append(len(texts)) or (None if "bad" in texts else [(t,) for t in texts])
    )
    assert tex.characters(["a", "b", "bad", "c", "d"]) == [("a",), ("b",), None, ("c",), ("d",)]
    assert runs == [5, 2, 3, 1, 2]


def test_no_formulas_need_no_run(monkeypatch):
    monkeypatch.setattr(shutil, "which", str)
    assert tex.characters([]) == []


@printed
def test_arrays_are_matched():
    found, rows = cdm.score([ARRAY.replace("& d", "& e"), "x", ARRAY], [ARRAY, ARRAY, ARRAY], by="tex")
    assert found["cdm"].value == pytest.approx((3 / 4 + 0 + 1) / 3) and rows == []


@printed
def test_glyphs_lines_and_heights():
    fraction, power = tex.characters([r"\frac { a } { b }", "x ^ { 2 }"])
    assert [sign for sign, _ in fraction][-1] == "line" and len(fraction) == 3
    assert power[1][1][1] > power[0][1][1]


@printed
@pytest.mark.parametrize("text", ["x ^ {", r"\nosuchcommand", r"\input { /etc/hostname }", r"\loop \iftrue \repeat"])
def test_what_cannot_be_printed_is_none(monkeypatch, text):
    monkeypatch.setattr(tex, "SECONDS", 2)
    assert tex.characters(["x", text])[1] is None and tex.characters(["x", text])[0] is not None


@printed
def test_commands_of_the_shell_are_not_run(tmp_path):
    tex.characters([rf"\immediate\write18{{touch {tmp_path}/made}} x"])
    assert not list(tmp_path.iterdir())


@printed
def test_pdflatex_is_told_to_stay_in_its_folder(monkeypatch):
    seen = {}
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *a, **o: seen.update(o["env"]) or run(*a, **o))
    tex.characters(["x"])
    assert seen["openin_any"] == seen["openout_any"] == "p"
