r"""The formula inside an answer: chat models wrap a right formula in fences, delimiters, environments and words.

``extract_latex`` takes off, from the outside in and as often as they come:

1.  A thought: everything up to the last ``</think>``, an empty ``<think></think>`` too.
2.  Words that announce the formula and end in a colon: ``LaTeX:``, ``Here is the formula in the image:``.
3.  Around a code fence (three backticks, with or without ``latex``, ``tex``, ``math``, ``markdown`` or ``text``) all
    else; a fence that never closes reaches to the end. One backtick on either side.
    Around ``\begin{document}`` .. ``\end{document}`` all else.
4.  ``$ $``, ``$$ $$``, ``\( \)``, ``\[ \]`` around all, where none of them stands inside.
5.  Environments that set one displayed formula: ``equation``, ``displaymath``, ``math``; and where they hold a single
    line also ``align``, ``gather``, ``multline``, ``eqnarray``, ``flalign``, ``split``, ``aligned``, ``gathered``;
    their ``&`` then only space. All with or without ``*``.

What prints something of its own stays: ``\tag``, several lines, text after the formula.
"""

import re

WORDS = re.compile(
    r"\s*[*#]*[^\\${}^_&=:：`\n]{0,80}?"
    r"(?i:\blatex|\bformula|\bequation|\bexpression|\btranscri|\banswer|\boutput|\bresult|公式|表达式|答案|结果|识别)"
    r"[^\\${}^_&=:：`\n]{0,40}[:：][*\s]*"
)
LANGUAGES = r"(?:(?i:latex|tex|katex|mathjax|math|markdown|md|text|txt|plaintext)(?=\s))?"
FENCE = re.compile(rf"```{LANGUAGES}(.*?)(?:```|\Z)", re.DOTALL)
DOCUMENT = re.compile(r"\\begin\s*\{document\}(.*)\\end\s*\{document\}", re.DOTALL)
BACKTICKS = re.compile(r"`([^`]*)`")
DELIMITERS = re.compile(r"\$\$(.*)\$\$|\$(.*)\$|\\\[(.*)\\\]|\\\((.*)\\\)", re.DOTALL)
DELIMITER = re.compile(r"(?<!\\)(?:\\\\)*(?:\$|\\[()\[\]])")
ENVIRONMENT = re.compile(r"\\begin\s*\{\s*([a-z]+\*?)\s*\}(.*)\\end\s*\{\s*\1\s*\}", re.DOTALL)
ONE_FORMULA = {"equation", "displaymath", "math"}
LINES = {"align", "gather", "multline", "eqnarray", "flalign", "split", "aligned", "gathered"}
PART = re.compile(r"\\begin\s*\{|\\end\s*\{|\\[a-zA-Z]+|\\.|[{}&]", re.DOTALL)


def extract_latex(answer: str) -> str:
    """The formula in ``answer`` without what the module's rules take off, stripped; an answer without any comes back.

    What is inside is not rewritten: see ``helpers.notation.latex.normalise_latex``.
    """
    text = answer.rpartition("</think>")[2].strip()
    if found := FENCE.search(text):
        text = found[1].strip()
    if found := DOCUMENT.search(text):
        text = found[1].strip()
    before = None
    while text != before:
        before = text
        if (found := WORDS.match(text)) and text[found.end() :].strip():
            text = text[found.end() :]
        for wrapping in (BACKTICKS, DELIMITERS):
            if found := wrapping.fullmatch(text):
                inside = next(part for part in found.groups() if part is not None)
                text = text if wrapping is DELIMITERS and DELIMITER.search(inside) else inside
        text = _without_environment(text.strip()).strip()
    return text


def _without_environment(text):
    """``text`` without an environment around all of it that prints nothing of its own."""
    found = ENVIRONMENT.fullmatch(text)
    if not found:
        return text
    name, inside = found[1].removesuffix("*"), found[2].strip()
    if name not in ONE_FORMULA | LINES or _depth(found[2]) is None:
        return text
    if name in ONE_FORMULA:
        return inside
    inside = re.sub(r"\\\\\s*\Z", "", inside)
    parts = _outer(inside)
    if any(part == "\\\\" for part, _ in parts):
        return text
    for _, place in reversed([found for found in parts if found[0] == "&"]):
        inside = f"{inside[:place]} {inside[place + 1 :]}"
    return inside


def _depth(text):
    """0 where every group and environment of ``text`` ends in it, None where one does not, or ends before it begins."""
    depth = 0
    for part in PART.findall(text):
        depth += _step(part)
        if depth < 0:
            return None
    return None if depth else 0


def _step(part):
    """How a part of ``PART`` changes the depth: the brace after ``\\begin`` or ``\\end`` is closed by its own."""
    if part.startswith("\\begin") and part.endswith("{"):
        return 2
    if part.startswith("\\end") and part.endswith("{"):
        return 0
    return (part == "{") - (part == "}")


def _outer(text):
    """(``\\\\`` or ``&``, its place) of those in no group and no environment of ``text``."""
    depth, found = 0, []
    for match in PART.finditer(text):
        depth += _step(match[0])
        if not depth and match[0] in ("\\\\", "&"):
            found.append((match[0], match.start()))
    return found
