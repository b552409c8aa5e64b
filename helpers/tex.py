"""Formulas printed by pdflatex, for what mathtext cannot draw: arrays, sized brackets, every symbol of amsmath.

Optional. It needs pdflatex with amsmath (Debian: apt install texlive-latex-base texlive-latex-recommended, 48 MB to
download) and the package pymupdf, which reads from the PDF where each glyph stands: no pictures, no ImageMagick.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SECONDS = 60  # a run that takes longer is stopped: a formula can hold an endless loop
POINTS = 10.0  # size of the font
HEAD = r"""\documentclass{article}\usepackage{amsmath,amssymb}\pagestyle{empty}
\usepackage[paperwidth=60cm,paperheight=20cm,margin=2cm]{geometry}\begin{document}
"""
CAREFUL = {"openin_any": "p", "openout_any": "p", "max_print_line": "1000"}  # no files outside its folder


def characters(formulas: list[str]) -> list[tuple | None]:
    """What pdflatex prints for each formula, set as a display: a tuple of (sign, (left, bottom, right, top) in em), as
    ``helpers.cdm.characters``; None where pdflatex reports an error, prints nothing, or does not end.

    Many formulas go into one run; where that fails, each half has its own, down to the formula that is to blame.
    Raises FileNotFoundError, ModuleNotFoundError: pdflatex or pymupdf is missing; says how to get it.
    """
    if shutil.which("pdflatex") is None:
        raise FileNotFoundError("pdflatex is missing: apt install texlive-latex-base texlive-latex-recommended")
    if not formulas:
        return []
    pages = _compiled(formulas)
    if pages is not None:
        return pages
    middle = len(formulas) // 2
    return characters(formulas[:middle]) + characters(formulas[middle:]) if middle else [None]


def _compiled(formulas):
    """The characters of each formula, or None if anything went wrong."""
    import pymupdf

    body = "".join(f"\\[ {text} \\]\\newpage\n" for text in formulas)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.tex").write_text(f"{HEAD}{body}\\end{{document}}\n", encoding="utf-8")
        command = ["pdflatex", "-no-shell-escape", "-halt-on-error", "-interaction=batchmode", "page.tex"]
        try:
            ran = subprocess.run(command, cwd=folder, env=os.environ | CAREFUL, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return None
        if ran.returncode:
            return None
        with pymupdf.open(Path(folder) / "page.pdf") as document:
            pages = [_page(page) for page in document]
    return pages if len(pages) == len(formulas) else None


def _page(page):
    """Glyphs in the order in which they are printed, then lines; y grows upwards."""
    found = []
    for span in page.get_texttrace():
        for _, glyph, _, (left, top, right, bottom) in span["chars"]:
            found.append((f"{span['font']} {glyph}", (left, -bottom, right, -top)))
    found += [("line", (box.x0, -box.y1, box.x1, -box.y0)) for box in (line["rect"] for line in page.get_drawings())]
    return tuple((sign, tuple(edge / POINTS for edge in box)) for sign, box in found) or None
