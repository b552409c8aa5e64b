"""helpers.jupyter: a bundle is shown in a notebook and printed as text elsewhere; figures become small PNGs."""

import io
import subprocess
import sys

import IPython
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers import jupyter
from helpers.paths import ROOT

BUNDLE = {"text/html": "<b>x</b>", "text/plain": "x"}


@pytest.fixture
def notebook(monkeypatch):
    """IPython as in a kernel; what it displays."""
    shown = []
    shell = type("Shell", (), {"kernel": None})()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)

    class Handle:
        def update(self, bundle, **how):
            shown.append(("update", bundle, how))

    def display(bundle, **how):
        shown.append(("display", bundle, how))
        return Handle() if "display_id" in how else None

    monkeypatch.setattr("IPython.display.display", display)
    return shown


def test_a_figure_becomes_a_small_png_on_white():
    figure = Figure(figsize=(4, 3), dpi=70)
    figure.add_subplot().plot([1, 3, 2])
    data = jupyter.figure_png(figure)
    picture = Image.open(io.BytesIO(data))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "P", (280, 210)) and len(data) < 10_000
    assert len(picture.getcolors()) <= 32 and picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_a_kernel_is_a_notebook_and_a_script_is_none(notebook):
    assert jupyter.in_notebook() is True
    code = "from helpers import jupyter; assert not jupyter.in_notebook(); jupyter.display({'text/plain': 'x'})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "x\n"


def test_in_a_notebook_the_whole_bundle_is_shown(notebook, capsys):
    jupyter.display(BUNDLE)
    assert notebook == [("display", BUNDLE, {"raw": True})] and capsys.readouterr().out == ""


def test_a_display_is_made_once_and_then_updated(notebook):
    handle = jupyter.update_display(None, BUNDLE)
    assert jupyter.update_display(handle, BUNDLE | {"text/plain": "y"}) is handle
    assert [name for name, *_ in notebook] == ["display", "update"]
    assert notebook[1][1]["text/plain"] == "y" and notebook[1][2] == {"raw": True}
