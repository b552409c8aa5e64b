"""What a notebook shows: bundles of HTML and pictures, drawn anew while a cell runs; elsewhere plain text."""

import io
import sys


def figure_png(figure) -> bytes:
    """A matplotlib figure as a PNG of 32 colours on white: about a third of the usual size."""
    from PIL import Image

    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", facecolor="white")
    Image.open(raw).convert("RGB").quantize(32).save(small, format="PNG", optimize=True)
    return small.getvalue()


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
