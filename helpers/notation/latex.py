r"""LaTeX formulas in one spelling: what prints the same is written the same.

``normalise_latex`` takes a formula (without or with surrounding ``$``) and returns tokens separated by single spaces,
as LaTeX_OCR writes them. Two formulas are rewritten to the same text only if a LaTeX compiler, setting them as a
displayed formula, prints the same signs in the same sizes and places, up to the width of horizontal white space:

1.  White space between tokens, and commands that only space: ``\, \; \: \> \! \  ~ \quad \qquad \enspace \thinspace
    \medspace \thickspace``, their negative forms, ``\hspace{..} \vspace{..} \hskip .. \kern .. \mkern ..``,
    ``\allowbreak \relax``. Dropped; also ``\nonumber``, ``\notag`` and ``\label{..}``, and ``$``, ``$$``, ``\( \)``,
    ``\[ \]`` around all.
2.  Arguments are written in braces: ``x^2 = x^{2}``, ``\frac12 = \frac{1}{2}``, ``\hat x = \hat{x}``. Other braces are
    dropped where no script hangs on more than one sign: ``{x}_{i} = x_{i}``, ``{{a} b} = a b``; not ``{a b}^{2}``.
3.  Scripts: first the lower, then the upper one; ``x' = x^{\prime}``, ``x'' = x^{\prime\prime}``,
    ``x'^2 = x^{\prime 2}``.
4.  Synonyms (``SYNONYMS``): ``\le = \leq``, ``\ne = \neq = \not=``, ``\to = \rightarrow``, ``\vert = |``.
5.  Infix fractions: ``{a \over b} = \frac{a}{b}``, ``{n \choose k} = \binom{n}{k}``; ``\buildrel a \over b`` is
    ``\overset{a}{b}``; ``\dfrac = \frac`` and
    ``\displaystyle`` is dropped where the style is that of a display anyway, ``\tfrac = \frac`` never.
6.  Old fonts reach to the end of their group: ``{\rm a b} = \mathrm{a b}``; so ``\bf \it \sf \tt \cal``.
7.  Letters and digits in ``\text \textrm \textnormal \mbox \hbox \operatorname`` are those in
    ``\mathrm``; in ``\textbf`` those in ``\mathbf``, and so on. Names of functions: ``\operatorname{sin} = {\rm sin} =
    \sin``; those that carry limits (``\max``) only without scripts, or with ``\operatorname*``.
8.  ``\left`` and ``\right`` are dropped around signs of usual height: letters, digits, operators, also with such signs
    below, ``x_{i}``. Around anything else, even ``x^{2}``, they make the bracket larger, and stay.
    ``\bigl = \bigr = \bigm = \big``, and so the larger ones.
9.  ``\limits`` after sums and ``\nolimits`` after integrals change nothing in a display, and are dropped there. So are
    ``\mathrel \mathbin \mathord \mathopen \mathclose \mathpunct \mathinner``, which only space.

Not covered, so still different: macros defined by authors; environments spelt in two ways (``array`` and ``matrix``,
``\begin{pmatrix}`` and ``\left( \begin{matrix}``); ``\mathrm{a}\mathrm{b}`` and ``\mathrm{ab}``; ``\dots`` and
``\ldots``; ``\bar`` and ``\overline`` over one letter; ``\not\in`` and ``\notin``; numbers in ``\mathrm``;
``\phantom``.
``helpers.evaluation.rendered`` compares what is printed, and sees some of these. ``tests/reference/latex_by_tex.py``
checks all rules by pdfTeX; ``\lt`` and ``\gt`` are known to KaTeX and MathJax only.
"""

import re
from dataclasses import dataclass, field

from helpers.notation import latex_commands
from helpers.notation.latex_commands import Unparsable, braced_text, bracketed_text


@dataclass
class _Atom:
    """A sign, command or group with its scripts: lists of tokens."""

    base: list = field(default_factory=list)
    single: bool = True  # a script may hang on it without braces
    low: list | None = None
    high: list | None = None
    primed: bool = False  # high holds primes only, and ^ may still follow


def normalise_latex(latex: str) -> str:
    """``latex`` in the spelling that the module's rules give; the result normalises to itself.

    A text that is no formula (braces that do not match, an argument missing, two upper scripts) comes back as its
    tokens, separated by single spaces.
    """
    tokens = latex_commands.split_tokens(latex)
    try:
        return " ".join(_sequence(tokens[::-1], (), display=True)[0])
    except (Unparsable, RecursionError):
        return " ".join(tokens)


def _sequence(rest, ends, display):
    """(tokens, whether they are one atom without scripts, the one of ``ends`` that came then).

    ``rest`` is the list of tokens still to come, the next one last. Without ``ends``: all of it.
    """
    display = display and not latex_commands.has_infix(rest)
    runs, numerator, infix = [(None, [])], None, None
    while rest and rest[-1] not in ends:
        token = rest.pop()
        atoms = runs[-1][1]
        if token in latex_commands.OLD_FONTS:
            runs.append((latex_commands.OLD_FONTS[token], []))
        elif token in latex_commands.INFIX:
            if infix:
                raise Unparsable(token)
            numerator, infix, runs = _runs(runs)[0], latex_commands.INFIX[token], [(runs[-1][0], [])]
        elif token in ("_", "^", "'"):
            _script(token, rest, atoms)
        elif not _ignored(token, rest, atoms, display):
            atoms.append(_atom(token, rest, display))
    if ends and not rest:
        raise Unparsable(f"no {ends}")
    end = rest.pop() if ends else None
    out, single = _runs(runs)
    return ([infix, *_braced(numerator), *_braced(out)], True, end) if infix else (out, single, end)


def _ignored(token, rest, atoms, display):
    """Take off what prints nothing; whether it was that."""
    if token in latex_commands.SPACES_WITH_ARGUMENT:
        braced_text(rest)
        return True
    before = atoms[-1].base[-1] if atoms and atoms[-1].base else None
    natural = {"\\limits": latex_commands.SUMS, "\\nolimits": latex_commands.INTEGRALS}.get(token, ())
    if display and (token == "\\displaystyle" or before in natural):
        return True
    return token in latex_commands.SPACES


def _script(token, rest, atoms):
    """Hang the script that follows on the last atom."""
    if not atoms:
        atoms.append(_Atom(single=False))
    atom = atoms[-1]
    if token == "_":
        if atom.low is not None:
            raise Unparsable("two lower scripts")
        atom.low = _argument(rest)
        return
    if atom.high is not None and not atom.primed:
        raise Unparsable("two upper scripts")
    atom.high = (atom.high or []) + (["\\prime"] if token == "'" else _argument(rest))
    atom.primed = token == "'"


def _argument(rest, display=False):
    """The tokens of the argument that follows, without its braces."""
    token = _first(rest)
    if token == "{":
        return _sequence(rest, ("}",), display)[0]
    return _written(_atom(token, rest, display))


def _first(rest):
    """Take the token off ``rest`` that an argument begins with."""
    while rest and rest[-1] in latex_commands.SPACES:
        rest.pop()
    if not rest or rest[-1] in latex_commands.NO_ARGUMENT:
        raise Unparsable("an argument is missing")
    return rest.pop()


def _atom(token, rest, display):
    """The atom that begins with ``token``."""
    token = latex_commands.SYNONYMS.get(token, token)
    if token == "\\not" and rest and rest[-1] == "=":
        rest.pop()
        return _Atom(["\\neq"])
    if token == "\\dfrac" and display:
        token = "\\frac"
    if token == "{":
        out, single, _ = _sequence(rest, ("}",), display)
        return _Atom(out, single) if not latex_commands.SCOPED & set(out) else _Atom(_braced(out))
    if token == "\\left":
        return _fenced(rest, display)
    if token == "\\begin":
        return _environment(rest)
    if token in latex_commands.TEXTS:
        return _text(token, braced_text(rest))
    if token in latex_commands.CLASSES:
        return _atom(_first(rest), rest, display)
    if token == "'" or token in latex_commands.OLD_FONTS:  # alone in an argument without braces
        return _Atom(_sequence([token], (), display)[0], single=False)
    if token in ("}", "\\right", "\\end"):
        raise Unparsable(f"{token} closes nothing")
    return _command(token, rest)


def _command(token, rest):
    """A sign, or a command with its arguments."""
    if token == "\\buildrel":
        above = _sequence(rest, ("\\over",), False)[0]
        return _Atom(["\\overset", *_braced(above), *_braced(_argument(rest))])
    out = [token]
    if token == "\\sqrt" and rest and rest[-1] == "[":
        rest.pop()
        out += ["[", *_sequence(rest, ("]",), False)[0], "]"]
    if token == "\\makebox":
        out += bracketed_text(rest)
    out += [f"{{{braced_text(rest)}}}" for _ in range(latex_commands.WORD_ARGUMENTS.get(token, 0))]
    for _ in range(latex_commands.ARGUMENTS.get(token, 0)):
        out += _braced(_argument(rest))
    if token in latex_commands.BARE_ARGUMENT:
        inside = _argument(rest)
        out += inside if len(inside) == 1 else _braced(inside)
    return _Atom(out)


def _text(token, text):
    font = latex_commands.TEXTS[token]
    if token == "\\operatorname*" and text in latex_commands.LIMITS:
        return _Atom([f"\\{text}"])
    if token == "\\operatorname*" or not re.fullmatch(r"[A-Za-z0-9]+", text):
        kept = "\\text" if font == "\\mathrm" and token != "\\operatorname" else token
        return _Atom([kept, "{", *latex_commands.TOKEN.findall(text), "}"])
    return _Atom([font, "{", *text, "}"])


def _fenced(rest, display):
    """``\\left .. \\right``."""
    opening = _bracket(rest)
    inside = _sequence(rest, ("\\right",), display)[0]
    closing = _bracket(rest)
    if latex_commands.is_low(inside):
        return _Atom([token for token in (opening, *inside, closing) if token != "."], single=False)
    return _Atom(["\\left", opening, *inside, "\\right", closing])


def _bracket(rest):
    if not rest or rest[-1] in latex_commands.NO_BRACKETS:
        raise Unparsable("no bracket")
    token = rest.pop()
    return {"<": "\\langle", ">": "\\rangle"}.get(token, latex_commands.SYNONYMS.get(token, token))


def _environment(rest):
    """``\\begin{name} .. \\end{name}``, cell by cell."""
    name = braced_text(rest)
    out = [f"\\begin{{{name}}}"]
    if name in ("array", "tabular", "aligned", "gathered"):
        out += bracketed_text(rest)
    if name in ("array", "tabular", "alignedat"):
        out.append(f"{{{braced_text(rest)}}}")
    end = None
    while end != "\\end":
        cell, _, end = _sequence(rest, ("&", "\\\\", "\\end"), display=False)
        out += [*cell, end]
    if braced_text(rest) != name:
        raise Unparsable(f"{name} does not end")
    return _Atom([*out[:-1], f"\\end{{{name}}}"])


def _runs(runs):
    """(tokens, whether they are one atom without scripts) of what stands in one font after the other."""
    printed = []
    for font, atoms in runs:
        atoms = [atom for atom in atoms if atom.base or atom.low is not None or atom.high is not None]
        if font and atoms:
            atoms = [_Atom([font, *_braced([token for atom in atoms for token in _written(atom)])])]
        printed += atoms
    single = len(printed) == 1 and printed[0].single and printed[0].low is printed[0].high is None
    return [token for atom in printed for token in _written(atom)], single


def _written(atom):
    """The tokens of an atom with its scripts, the lower one first."""
    pairs = [("_", atom.low), ("^", atom.high)]
    scripts = [token for sign, script in pairs if script is not None for token in (sign, *_braced(script))]
    base = _function(atom)
    return (_braced(base) if scripts and not atom.single else base) + scripts


def _function(atom):
    """``\\mathrm { s i n }`` as ``\\sin``."""
    font, *inside = atom.base or [None]
    name = "".join(inside[1:-1])
    known = name in latex_commands.FUNCTIONS or (name in latex_commands.LIMITS and atom.low is atom.high is None)
    return [f"\\{name}"] if font == "\\mathrm" and known else atom.base


def _braced(tokens):
    return ["{", *tokens, "}"]
