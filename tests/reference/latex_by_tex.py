r"""normalise_latex against pdfTeX: does it print two spellings alike where we write them the same, and only there?

    python tests/reference/latex_by_tex.py    (needs pdflatex with amsmath and pymupdf; about half a minute)

Debian: apt install texlive-latex-base texlive-latex-recommended; pip install pymupdf. Two formulas print alike if the
same glyphs of the same fonts and sizes stand on the same lines, in the same order, with as many rules; horizontal
distances are left out. Exits with 1 if texts that normalise alike print differently.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "notation")]
from test_latex import DIFFERENT, SAME  # noqa: E402

from helpers.data.synthetic.grammar import FULL, formula  # noqa: E402
from helpers.notation import latex, latex_commands  # noqa: E402

HEAD = r"""\documentclass{article}\usepackage{amsmath,amssymb}\pagestyle{empty}
\usepackage[paperwidth=60cm,paperheight=20cm,margin=2cm]{geometry}\begin{document}
"""


def printed(formulas):
    """What pdfTeX prints for each formula, without horizontal distances; RuntimeError with TeX's words if it cannot."""
    import pymupdf

    pages = "".join(f"\\[ {_bare(text)} \\]\\newpage\n" for text in formulas)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "t.tex").write_text(HEAD + pages + "\\end{document}\n", encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "t.tex"]
        log = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace").stdout
        errors = [line for line in log.splitlines() if line.startswith("!")]
        if errors:
            raise RuntimeError("; ".join(errors))
        with pymupdf.open(Path(folder) / "t.pdf") as document:
            found = [_signature(page) for page in document]
    if len(found) != len(formulas):
        raise RuntimeError(f"{len(found)} pages for {len(formulas)} formulas")
    return found


def _bare(text):
    return text.replace("$", "").removeprefix("\\[").removesuffix("\\]")


def _signature(page):
    glyphs = [
        (*(round(place, 1) for place in sign[2]), span["font"], round(span["size"], 1), sign[1])
        for span in page.get_texttrace()
        for sign in span["chars"]
    ]
    lowest = max((y for _, y, *_ in glyphs), default=0)
    lines = sorted((round(lowest - y, 1), x, *rest) for x, y, *rest in glyphs)
    return [(y, *rest) for y, _, *rest in lines], len(page.get_drawings())


def tables():
    """Pairs that the tables of latex_commands claim to print alike."""
    known = {
        name: new for name, new in latex_commands.SYNONYMS.items() if name not in ("\\lt", "\\gt", "\\bold", "\\owns")
    }
    brackets = [name for name in known if name.startswith(("\\big", "\\Big"))]
    yield from (
        (f"x {old} y", f"x {new} y") for old, new in known.items() if old not in (*brackets, "\\stackrel", "\\Bbb")
    )
    yield from ((f"x {old} (", f"x {known[old]} (") for old in brackets)
    yield from ((f"x {space} y", "x y") for space in sorted(latex_commands.SPACES - {"\\nonumber", "\\notag"}))
    yield from ((f"x {name}{{+}} y", "x + y") for name in sorted(latex_commands.CLASSES))
    yield from ((f"x {{{old} A}} b", f"x {new}{{A}} b") for old, new in latex_commands.OLD_FONTS.items())
    yield from (
        (f"x {old}{{a1B}}", f"x {new}{{a1B}}") for old, new in latex_commands.TEXTS.items() if not old.endswith("*")
    )
    yield from (
        (f"\\operatorname{{{name}}}_2 {{\\rm {name}}}^3", f"\\{name}_2 \\{name}^3") for name in latex_commands.FUNCTIONS
    )
    yield from (
        (f"\\operatorname*{{{name}}}_2 {{\\rm {name}}}", f"\\{name}_2 \\{name}") for name in latex_commands.LIMITS
    )
    yield from ((f"{name}\\limits_2^3 x", f"{name}_2^3 x") for name in sorted(latex_commands.SUMS))
    yield from ((f"{name}\\nolimits_2^3 x", f"{name}_2^3 x") for name in sorted(latex_commands.INTEGRALS))
    for sign in sorted(latex_commands.LOW):
        yield rf"\left( {sign} \right) \left| {sign} \right| \left[ {sign} \right]", f"( {sign} ) | {sign} | [ {sign} ]"
    for sign in sorted(latex_commands.LOW - latex_commands.LOW_BARE):
        yield rf"\left( {sign} _ {{ M y }} \right)", f"( {sign} _ {{ M y }} )"
    for sign in sorted(latex_commands.LOW_SCRIPTS):
        yield rf"\left( y _ {{ {sign} }} \right)", f"( y _ {{ {sign} }} )"


def report(name, pairs):
    """Print how many pairs print alike; those that do not."""
    found = printed([text for pair in pairs for text in pair])
    alike = [first == second for first, second in zip(found[::2], found[1::2], strict=True)]
    print(f"{name}: {sum(alike)} of {len(pairs)} print alike", flush=True)
    return [pair for pair, same in zip(pairs, alike, strict=True) if not same]


def main():
    rng = np.random.default_rng(0)
    made = [formula(rng, FULL) for _ in range(200)]
    wrong = report("pairs that the tests call the same", SAME)
    wrong += report("pairs that the tables call the same", list(tables()))
    wrong += report("formulas and their normal forms", [(text, latex.normalise_latex(text)) for text in made])
    wrong += report(
        "spellings and their normal forms", [(text, latex.normalise_latex(text)) for pair in SAME for text in pair]
    )
    different = report("pairs that the tests call different", DIFFERENT)
    print("kept apart though they print alike:", [pair for pair in DIFFERENT if pair not in different])
    print("WRONG, print differently:" if wrong else "nothing wrong", *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
