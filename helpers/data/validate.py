"""Find everything that is wrong with a data set before training starts, not at step 900."""

import os
from dataclasses import dataclass
from pathlib import Path

from helpers.data.answers import examine_answers
from helpers.data.near_duplicates import SAME, find_near
from helpers.data.probe import Look, look_at, look_at_all
from helpers.data.records import KEYS, Problem, Record, read_records
from helpers.data.rows import half_character, shown
from helpers.language import message
from helpers.paths import short

WORDS = {"image": "word.picture", "video": "word.video", "audio": "word.sound"}


class DataError(ValueError):
    """The data set has problems: ``problems`` lists them, warnings left out; the message has one line for each."""

    def __init__(self, problems):
        self.problems = problems = [problem for problem in problems if not problem.warning]
        head = message("data.problem") if len(problems) == 1 else message("data.problems", count=len(problems))
        super().__init__(f"{head}\n" + "\n".join(map(str, problems)))


def find_problems(
    path,
    *,
    answer_tokens=None,
    max_answer_tokens=None,
    image_tokens=None,
    max_image_tokens=None,
    test_path=None,
    special_tokens=None,
    fmt="auto",
):
    """Every problem of a data file: its encoding, JSON, records, answers, pictures, videos and sounds, all decoded.

    Args:
        path: a JSONL of samples, or Qwen2-VL, MiniCPM or ShareGPT records (see ``helpers.data.records``).
        answer_tokens, max_answer_tokens: a function str -> number of tokens, and how many an answer may have.
        image_tokens, max_image_tokens: a function (width, height) in pixels -> tokens, and how many a picture may take.
        test_path: a second file, examined too; its pictures must not be in the first.
        special_tokens: strings that must not stand in any text, such as ``processor.tokenizer.all_special_tokens``.
            None: those that the families of the lessons have are warnings.
        fmt: "auto", "jsonl", "qwen2_vl", "minicpm" or "sharegpt".

    Returns:
        list of Problem, warnings among them, by file and row; empty if all is well.
    """
    if (answer_tokens is None) != (max_answer_tokens is None) or (image_tokens is None) != (max_image_tokens is None):
        raise TypeError(message("data.count_and_limit"))
    if fmt != "auto" and fmt not in KEYS:
        raise ValueError(message("data.no_format", name=fmt, known=", ".join(KEYS)))
    rules = Rules(answer_tokens, max_answer_tokens, image_tokens, max_image_tokens, special_tokens)
    train = examine(path, fmt, rules)
    if test_path is None:
        return train.problems
    test = examine(test_path, fmt, rules)
    return sorted(train.problems + _leaks(train, test), key=_place) + test.problems


def check(path, *, fmt="auto", **options):
    """The number of rows of a data file without a problem; takes the arguments of ``find_problems``, prints warnings.

    Raises:
        DataError: lists all problems at once.
    """
    accept(find_problems(path, fmt=fmt, **options))
    return len(read_records(path, fmt)[0])


def accept(problems):
    """Print the warnings among ``problems``. Raises DataError with all the others if there are any."""
    if not all(problem.warning for problem in problems):
        raise DataError(problems)
    for problem in problems:
        print(problem)


@dataclass(frozen=True)
class Rules:
    """How to count tokens, and how many are allowed."""

    answer_tokens: object
    max_answer_tokens: int | None
    image_tokens: object
    max_image_tokens: int | None
    special_tokens: list[str] | None = None


NO_RULES = Rules(None, None, None, None)


@dataclass(frozen=True)
class Examined:
    """A data file that was read, with what was seen of the files it names."""

    file: str
    records: list[Record]
    looks: dict[tuple[str, str], Look]
    problems: list[Problem]


def examine(path, fmt="auto", rules=NO_RULES):
    """The ``Examined`` data file: its records, what was seen of their files, and every problem, by row."""
    records, faults = read_records(path, fmt)
    looks = _look_at_files(Path(path).parent, records)
    for record in records:
        record.faults += [looks[file].fault for file in record.files if looks[file].fault]
        record.warnings += [looks[file].warning for file in record.files if looks[file].warning]
        record.faults += _too_long(record, looks, rules)
    examine_answers(records, rules.special_tokens)
    _contradictions(records, looks)
    _near_contradictions(records, looks)
    problems = [Problem(short(path), *fault) for fault in faults]
    problems += [Problem(short(path), record.row, *fault) for record in records for fault in record.faults]
    problems += [Problem(short(path), record.row, *found, True) for record in records for found in record.warnings]
    return Examined(short(path), records, looks, sorted(problems, key=_place))


def _place(problem):
    return -1 if problem.row is None else problem.row


def _look_at_files(folder, records):
    """{(name, modality): Look} of every file named."""
    files = sorted({file for record in records for file in record.files})
    root = os.path.realpath(folder)
    return dict(zip(files, look_at_all(lambda file: look_at(root, *file), files), strict=True))


def _too_long(record, looks, rules):
    """Answers and pictures over the token budget, as (reason, cure)."""
    if rules.answer_tokens:
        for answer in record.answers:
            if half_character(answer):
                continue  # already named, and no tokenizer takes it
            if (count := rules.answer_tokens(answer)) > rules.max_answer_tokens:
                limit = rules.max_answer_tokens
                reason = message("data.long_answer", count=count, limit=limit, answer=shown(answer))
                yield reason, message("data.long_answer_cure")
    if rules.image_tokens:
        for name, modality in record.files:
            picture = looks[name, modality].picture
            size = picture and picture.size
            if size and (count := rules.image_tokens(*size)) > rules.max_image_tokens:
                shrunk = " x ".join(str(int(side * (rules.max_image_tokens / count) ** 0.5)) for side in size)
                facts = {"width": size[0], "height": size[1], "count": count, "limit": rules.max_image_tokens}
                reason = message("data.large_picture", file=shown(name), **facts)
                yield reason, message("data.large_picture_cure", size=shrunk)


def _contradictions(records, looks):
    """Add a fault to rows that give the same files and prompts as an earlier row another answer."""
    first = {}
    for record in records:
        digests = tuple(looks[file].digest for file in record.files)
        if not digests or None in digests or not record.answers:
            continue
        earlier = first.setdefault((digests, record.system, *record.prompts), record)
        if earlier.answers != record.answers:
            what, answer = message(WORDS[record.files[0][1]]), shown(record.answers[0])
            reason = message("data.contradiction", what=what, row=earlier.row, answer=answer)
            record.faults.append((reason, message("data.contradiction_cure")))


def _near_contradictions(records, looks):
    """Add a warning to rows whose one picture nearly is that of an earlier row with the same prompts, other answer."""
    for here, there, apart in find_near([_only_print(record, looks) for record in records]):
        record, earlier = records[here], records[there]
        twins = looks[record.files[0]].digest == looks[earlier.files[0]].digest  # named already, if wrong
        other = earlier.prompts == record.prompts and earlier.answers != record.answers
        if apart <= SAME and other and record.answers and not twins:
            reason = message("data.near_contradiction", row=earlier.row, answer=shown(record.answers[0]))
            record.warnings.append((reason, message("data.contradiction_cure")))


def _only_print(record, looks):
    return looks[record.files[0]].print if len(record.files) == 1 else None


def _leaks(train, test):
    """Problems for rows of train whose picture, video or sound is in test too; warnings where it only nearly is."""
    cure = message("data.leak_cure")
    seen = {}
    for record in test.records:
        for file in record.files:
            seen.setdefault(test.looks[file].digest, record)
    problems, leaking, twins = [], set(), set()
    for record in train.records:
        for file in record.files:
            digest = train.looks[file].digest
            if digest is not None and (twin := seen.get(digest)):
                facts = {"what": message(WORDS[file[1]]), "file": test.file, "row": twin.row}
                same = twin.answers == record.answers
                reason = message("data.leak_with_answer", **facts) if same else message("data.leak", **facts)
                problems.append(Problem(train.file, record.row, reason, cure))
                leaking.add(record.row)
                twins.add(twin.row)
    return problems + _near_leaks(train, test, leaking) + _equal_texts(train, test, twins)


def _near_leaks(train, test, leaking):
    """Warnings for rows of train, ``leaking`` ones left out, whose picture nearly is in test.

    Saved again or resized it needs the same answer, too: by that much two formulas may differ in a digit.
    """
    prints = [[_only_print(record, part.looks) for record in part.records] for part in (train, test)]
    problems = {}
    for here, there, apart in find_near(*prints):
        record, twin = train.records[here], test.records[there]
        if record.row not in leaking and (apart <= SAME or record.answers == twin.answers):
            reason = message("data.near_leak", file=test.file, row=twin.row)
            problem = Problem(train.file, record.row, reason, message("data.near_leak_cure"), True)
            problems.setdefault(record.row, problem)
    return list(problems.values())


def _equal_texts(train, test, twins):
    """One warning on how many answers of test, ``twins`` left out, stand in train too: usual where they are short."""
    known = {_words(record) for record in train.records}
    rest = [record for record in test.records if record.answers and record.row not in twins]
    shared = [record for record in rest if _words(record) in known]
    if not shared:
        return []
    counts = {"count": len(shared), "total": len(test.records), "file": test.file, "row": shared[0].row}
    reason = message("data.equal_texts", **counts)
    return [Problem(train.file, None, reason, message("data.equal_texts_cure"), True)]


def _words(record):
    """Its answers, with runs of white space as one space, as ``split`` compares them."""
    return tuple(" ".join(answer.split()) for answer in record.answers)
