"""Made-up formulas of physics and mathematics, as LaTeX in LaTeX_OCR's spelling.

The grammar is data, in the modules beside this one: ``grammar_statements`` (what is said), ``grammar_physics`` and
``grammar_mathematics`` (laws and identities), ``grammar_terms``, ``grammar_brackets``, ``grammar_calculus`` and
``grammar_arrays`` (what they are put together from), ``grammar_scripts`` and ``grammar_symbols`` (signs). This module
reads it and writes formulas that never exceed the length asked for. Each formula has its own small cast of symbols, so
that its letters and indices come back and mean something.
"""

import math
from bisect import bisect
from dataclasses import dataclass, field
from itertools import accumulate

from helpers.data.synthetic.grammar_arrays import ARRAYS
from helpers.data.synthetic.grammar_brackets import BRACKETS
from helpers.data.synthetic.grammar_calculus import CALCULUS
from helpers.data.synthetic.grammar_mathematics import MATHEMATICS
from helpers.data.synthetic.grammar_physics import PHYSICS
from helpers.data.synthetic.grammar_scripts import SCRIPTS
from helpers.data.synthetic.grammar_statements import STATEMENTS
from helpers.data.synthetic.grammar_symbols import SYMBOLS
from helpers.data.synthetic.grammar_terms import TERMS

SHORT = 24  # tokens of the longest formula of a lesson: read after three minutes of training
FULL = 140  # tokens of the longest formula of real print
SHORTEST = 4
MEDIAN, SPREAD = 60, 0.45  # tokens that half of the long formulas may take at most, and how much that varies
FILLED, TRIES = 0.75, 6  # written anew, so many times, if less of the room is used
COMFORT, CROWDED = 6, 2  # tokens that a part wants beyond its least, and how much a crowd is shunned
FIT = 1.5  # how much an option that cannot fill the room is shunned


@dataclass
class Option:
    """One way to write a rule: its parts, in order tokens or ``(rule or kind of letter, number or None)``."""

    weight: float
    parts: list
    least: int = 10**6  # tokens of the shortest text it can give
    most: float = math.inf
    usual: float = math.inf  # tokens it takes in the mean, if it has a longest text
    waiting: int = 0  # rules among its parts that share the room
    kept: int = 0  # room kept for those that have a longest text, where others have none


@dataclass
class Rule:
    options: list
    once: bool  # a formula that has chosen an option keeps to it
    least: int = 10**6
    most: float = math.inf
    usual: float = math.inf
    kept: int = 0  # room beyond the least that a rule with a longest text gets
    fitting: dict = field(default_factory=dict)  # room -> options and their summed weights


def read_rules(text):
    """{name: Rule} of lines ``name`` or ``name once``, each followed by indented lines ``weight text``."""
    rules = {}
    for line in filter(str.strip, text.splitlines()):
        if not line.startswith(" "):
            name, *once = line.split()
            if name in rules:
                raise ValueError(f"rule {name} of the grammar stands there twice: join the two")
            rule = rules[name] = Rule([], once == ["once"])
            continue
        weight, *words = line.split()
        rule.options.append(Option(float(weight), [_part(word) for word in words]))
    return rules


def _part(word):
    if not word.startswith("@"):
        return word
    name = word[1:].rstrip("123456789")
    return name, int(word[1 + len(name) :]) - 1 if len(name) < len(word) - 1 else None


def read_symbols(text):
    """{name: [(weight, letters)]} of lines ``name weight letters``: a formula takes its letters from one line."""
    families = {}
    for line in filter(str.strip, text.splitlines()):
        name, weight, *letters = line.split()
        families.setdefault(name, []).append((float(weight), letters))
    return families


FAMILIES = read_symbols(SYMBOLS)
RULES = read_rules(STATEMENTS + PHYSICS + MATHEMATICS + ARRAYS + CALCULUS + TERMS + BRACKETS + SCRIPTS)
SUMMED = {name: list(accumulate(weight for weight, _ in lines)) for name, lines in FAMILIES.items()}
DEEPEST = 40  # more than any rule nests on its shortest way
CAST = 3  # letters of one kind in a formula
ALTERNATING = ("V", "i", "mu")  # kinds of which one letter seldom comes twice in a row


def _measure():
    """Fill in the least, the most and the usual tokens of every option and rule."""
    for rule in RULES.values():
        rule.most = rule.usual = 0
    for _ in range(DEEPEST):
        for rule in RULES.values():
            for option in rule.options:
                option.least, option.most, option.usual = (
                    sum(1 if _is_token(part) else getattr(RULES[part[0]], which) for part in option.parts)
                    for which in ("least", "most", "usual")
                )
            rule.least = min(option.least for option in rule.options)
            most = max(option.most for option in rule.options)
            rule.most = most if most <= FULL else math.inf
            weight = sum(option.weight for option in rule.options)
            mean = sum(option.weight * option.usual for option in rule.options) / weight
            rule.usual = mean if most <= FULL else math.inf
    for rule in RULES.values():
        longest = rule.most - rule.least
        rule.kept = min(longest, math.ceil(2 * (rule.usual - rule.least)) + 4) if longest < math.inf else 0
    for rule in RULES.values():
        for option in rule.options:
            inside = [RULES[part[0]] for part in option.parts if not _is_token(part)]
            option.waiting = sum(child.most == math.inf for child in inside)
            option.kept = sum(child.kept for child in inside) if option.waiting else 0
            option.waiting = option.waiting if option.kept else len(inside)


def _is_token(part):
    return isinstance(part, str) or part[0] in FAMILIES


_measure()
TOKENS = tuple(
    sorted(
        {part for rule in RULES.values() for option in rule.options for part in option.parts if type(part) is str}
        | {letter for lines in FAMILIES.values() for _, letters in lines for letter in letters}
    )
)


def formula(rng, longest):
    """A formula of at most ``longest`` tokens, separated by single spaces; ``rng`` is a ``numpy.random.Generator``."""
    if longest < SHORTEST:
        raise ValueError(f"longest is {longest}, but a formula takes {SHORTEST} tokens at least: see grammar.SHORT")
    middle, room = min(MEDIAN, 0.7 * longest), longest + 1
    while not min(7, longest) <= room <= longest:
        room = round(middle * math.exp(SPREAD * rng.standard_normal()))
    tries, text = 1, phrase(rng, "formula", room)
    while text.count(" ") + 1 < max(SHORTEST, FILLED * room if tries < TRIES else 0):
        tries, text = tries + 1, phrase(rng, "formula", room)
    return text


def phrase(rng, name, room):
    """What rule ``name`` of the grammar gives in at most ``room`` tokens, if it can be that short."""
    words = []
    _write(words, name, max(room, RULES[name].least), {}, rng.random)
    return " ".join(words)


def _write(words, name, room, cast, random):
    """Append what a rule gives, at most ``room`` tokens."""
    rule = RULES[name]
    option = cast.get(name) if rule.once else None
    if option is None or option.least > room:
        options, summed = rule.fitting.get(room) or _fit(rule, room)
        option = options[bisect(summed, random() * summed[-1])]
        if rule.once:
            cast.setdefault(name, option)
    spare, waiting, kept = room - option.least, option.waiting, option.kept
    for part in option.parts:
        if type(part) is str:
            words.append(part)
            continue
        name, number = part
        if name in FAMILIES:
            words.append(_letter(name, number, cast, random))
            continue
        child = RULES[name]
        if child.kept and option.kept:  # it takes no more than it usually does; the others share what is left
            kept -= child.kept
            share = min(spare, child.kept)
        else:
            free = spare - min(kept, spare // 2)
            share = free if waiting == 1 else round(free * (1 - random() ** (1 / (waiting - 0.5))))
            waiting -= 1
        before = len(words)
        _write(words, name, child.least + int(min(share, child.most - child.least)), cast, random)
        spare -= len(words) - before - child.least


def _fit(rule, room):
    """The options that fit into ``room`` and their summed weights: what would leave it empty or crowded weighs less."""
    options = [option for option in rule.options if option.least <= room]
    power = FIT if rule.most == math.inf else 0
    weights = [
        option.weight * min(1.0, option.usual / room) ** power * min(1.0, room / _comfortable(option)) ** CROWDED
        for option in options
    ]
    rule.fitting[room] = options, list(accumulate(weights))
    return rule.fitting[room]


def _comfortable(option):
    """Tokens that an option needs if each of its parts is to have room for scripts."""
    rules = [RULES[part[0]] for part in option.parts if not _is_token(part)]
    return option.least + COMFORT * sum(rule.usual - rule.least >= 2 for rule in rules)


def _letter(name, number, cast, random):
    """Letter ``number`` of the formula's cast of this kind; without a number any of them, the first ones more often."""
    letters = cast.get(name)
    if letters is None:
        line = FAMILIES[name][bisect(SUMMED[name], random() * SUMMED[name][-1])][1]
        left = list(line)
        letters = cast[name] = [left.pop(int(len(left) * random() ** 1.3)) for _ in range(min(CAST, len(left)))]
    if number is None:
        number = int(len(letters) * random() ** 2)
        if letters[number] == cast.get("last " + name) and (name in ALTERNATING or random() < 0.7):
            number = (number + 1) % len(letters)
    cast["last " + name] = letters[number]
    return letters[number]
