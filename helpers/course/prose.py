"""Does the prose of the lessons keep to GLOSSARY.md? Its second table fixes headings, its third refuses words.

Only Markdown cells are looked at, without code and the addresses of links; kept outputs are not prose.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from helpers.course.notebooks import LANGUAGES
from helpers.files import read_text
from helpers.paths import short

FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"``[^\n]+?``|`[^`\n]*`")
ADDRESS = re.compile(r"(?<=\])\([^)\s]*\)|https?://[^\s)>]+|<[^<>\n]+>")
HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)
FIRST_COLUMN = re.compile(r"^\| *([^|\n]*?) *\|", re.MULTILINE)
CODE = "▮"  # stands for a piece of code inside a sentence
EVERYWHERE, SENTENCE, CARD = "every lesson", "sentence above the card", "first column of the card"


@dataclass(frozen=True)
class Glossary:
    """The three tables of GLOSSARY.md.

    terms     rows (English, Chinese, note)
    sentence  {language: how the sentence above the card begins}
    card      {language: first column of the card}
    headings  [{language: words, "where": EVERYWHERE or ""}]
    refused   {language: [(regular expression, what to write instead)]}
    """

    terms: list
    sentence: dict
    card: dict
    headings: list
    refused: dict


def read_glossary(path: Path) -> Glossary:
    """Raises ValueError naming the file when a table is missing, a row has another width or an expression is wrong."""
    try:
        return _glossary(*_tables(read_text(path)))
    except (ValueError, KeyError, TypeError, re.error) as error:
        raise ValueError(f"{short(path)}: {error} -> restore its three tables of three columns") from error


def _glossary(terms, wording, words):
    rows = [dict(zip((*LANGUAGES, "where"), row, strict=True)) for row in wording]
    unknown = {row["where"] for row in rows} - {"", EVERYWHERE, SENTENCE, CARD}
    if unknown:
        raise ValueError(f"where: {', '.join(sorted(unknown))} is none of {EVERYWHERE}, {SENTENCE}, {CARD} and nothing")
    (sentence,) = (row for row in rows if row["where"] == SENTENCE)
    refused = {language: [] for language in LANGUAGES}
    for language, pattern, instead in words:
        refused[language].append((re.compile(pattern.strip("`"), re.IGNORECASE), instead))
    return Glossary(
        terms=terms,
        sentence=sentence,
        card={language: [row[language] for row in rows if row["where"] == CARD] for language in LANGUAGES},
        headings=[row for row in rows if row["where"] in ("", EVERYWHERE)],
        refused=refused,
    )


def _tables(text):
    """The rows of each table, without its head: cells stripped, ``\\|`` inside a cell as ``|``."""
    blocks = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    split = [[re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()] for block in blocks]
    return [[[cell.strip().replace(r"\|", "|") for cell in row] for row in table[2:]] for table in split]


def plain(source: str) -> str:
    """The words of a Markdown cell: no blocks of code, code inside a sentence as ``▮``, no addresses, no tags."""
    return ADDRESS.sub("", INLINE.sub(CODE, FENCED.sub("", source)))


def check_prose(name: str, notebook, language: str, glossary: Glossary) -> list[str]:
    """Refused words, cell by cell; the card; the headings that every lesson has. A line each."""
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    refused = glossary.refused[language]
    problems = [f"{cell.id}: {problem}" for cell in prose for problem in _refused(cell.source, refused)]
    problems += [f"title: {problem}" for problem in _check_title(name, notebook.cells[0], language, glossary)]
    found = [heading for cell in prose for heading in HEADING.findall(FENCED.sub("", cell.source))]
    for fixed in glossary.headings:
        if fixed["where"] == EVERYWHERE and not any(_is(heading, fixed[language]) for heading in found):
            problems.append(f": no heading '## {fixed[language]}' -> every lesson has it (GLOSSARY.md)")
    return problems


def _refused(source, refused):
    text = plain(source)
    for pattern, instead in refused:
        if match := pattern.search(text):
            around = text[max(0, match.start() - 12) : match.end() + 12].replace("\n", " ").strip()
            yield f"'{match.group()}' in '{around}' -> {instead} (GLOSSARY.md)"


def _check_title(name, cell, language, glossary):
    head = f"# {name[:2]} · "
    if not cell.source.startswith(head):
        yield f"begins with {cell.source.splitlines()[0]!r:.60} -> {head}…"
    if glossary.sentence[language] not in cell.source:
        yield f"no sentence {glossary.sentence[language]} -> above the card (GLOSSARY.md)"
    rows = [row for row in FIRST_COLUMN.findall(cell.source) if row and not set(row) <= set("-: ")]
    if rows != glossary.card[language]:
        yield f"the rows of the card are {', '.join(rows)} -> {', '.join(glossary.card[language])} (GLOSSARY.md)"


def check_headings(en, zh, glossary: Glossary) -> list[str]:
    """Are fixed headings fixed in both languages? ``en`` and ``zh`` are the same Markdown cell."""
    both = [HEADING.findall(FENCED.sub("", cell.source)) for cell in (en, zh)]
    if len(both[0]) != len(both[1]):
        return [f"zh {zh.id}: {len(both[1])} second-level headings, but {len(both[0])} in en -> make the two alike"]
    problems = []
    for english, chinese in zip(*both, strict=True):
        for fixed in glossary.headings:
            if _is(english, fixed["en"]) and not _is(chinese, fixed["zh"]):
                problems.append(f"zh {zh.id}: heading '{chinese}' -> '{fixed['zh']}', as GLOSSARY.md has it")
            if _is(chinese, fixed["zh"]) and not _is(english, fixed["en"]):
                problems.append(f"en {en.id}: heading '{english}' -> '{fixed['en']}', as GLOSSARY.md has it")
    return problems


def _is(heading, fixed):
    """Is a heading the fixed one, alone or with a colon and more?"""
    return heading == fixed or heading.startswith((f"{fixed}:", f"{fixed}："))
