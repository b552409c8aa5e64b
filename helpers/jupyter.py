"""What a notebook shows: bundles of HTML and pictures, drawn anew while a cell runs; elsewhere plain text."""

import io
import sys
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from helpers.language import columns_of

CHINESE = "Chinese of the lessons"  # the name under which plots find the font


def figure_png(figure) -> bytes:
    """A matplotlib figure as a PNG of few colours on white: about a third of the usual size."""
    _write_chinese(figure)
    raw = io.BytesIO()
    figure.savefig(raw, format="png", facecolor="white")
    return in_few_colours(raw.getvalue())


def in_few_colours(png: bytes) -> bytes:
    """A PNG in sixteen colours, of which the rarest, such as that of a few dots, is one."""
    from PIL import Image

    small, picture = io.BytesIO(), Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(16, method=Image.Quantize.FASTOCTREE)
    few.putpalette([255 if level > 250 else level for level in few.getpalette()])  # white stays white
    few.save(small, format="PNG", optimize=True)
    return small.getvalue()


def _write_chinese(figure):
    """Set the Chinese in a figure in a font of ours, so that no machine draws empty boxes.

    matplotlib only takes the thinnest weight of that file; a fine outline makes it as dark as the rest.
    """
    from matplotlib.patheffects import withStroke
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if columns_of(text.get_text()) > len(text.get_text()):
            _load_chinese()
            text.set_fontfamily([*text.get_fontfamily(), CHINESE])
            text.set_path_effects([withStroke(linewidth=0.3, foreground=text.get_color())])


@cache
def _load_chinese():
    """Make Noto Sans CJK, which comes with the package manimgx-fonts-cjk, known to matplotlib in its Chinese forms."""
    from matplotlib.font_manager import fontManager

    file = str(Path(find_spec("manimgx_fonts_cjk").submodule_search_locations[0]) / "NotoSansCJK-VF.otf.ttc")
    fontManager.addfont(file)
    faces = [face for face in fontManager.ttflist if face.fname == file]
    chinese = next((face for face in faces if face.name.endswith(" SC")), faces[0])
    fontManager.ttflist.append(replace(chinese, name=CHINESE, weight=400))


def in_notebook() -> bool:
    """True in a Jupyter kernel (also Colab's), False in a script, a terminal or a test."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def update_display(handle, bundle: dict):
    """Show a bundle (``handle`` None) or draw it anew where it was shown; returns the handle for the next time."""
    from IPython.display import display

    if handle is None:
        return display(bundle, raw=True, display_id=True)
    handle.update(bundle, raw=True)
    return handle


def display(bundle: dict) -> None:
    """Show what a bundle holds (media type -> data); outside a notebook print its "text/plain"."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)
