"""Find everything that is wrong with a data set before training starts, not at step 900."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from helpers.data.answers import examine_answers
from helpers.data.images import strict_pillow
from helpers.data.probe import Look, look_at
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
    train = _examine(path, fmt, rules)
    if test_path is None:
        return train.problems
    test = _examine(test_path, fmt, rules)
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


@dataclass(frozen=True)
class Examined:
    """A data file that was read, with what was seen of the files it names."""

    file: str
    records: list[Record]
    looks: dict[tuple[str, str], Look]
    problems: list[Problem]


def _examine(path, fmt, rules):
    records, faults = read_records(path, fmt)
    looks = _look_at_all(Path(path).parent, records)
    for record in records:
        record.faults += [looks[file].fault for file in record.files if looks[file].fault]
        record.faults += _too_long(record, looks, rules)
    examine_answers(records, rules.special_tokens)
    _contradictions(records, looks)
    problems = [Problem(short(path), *fault) for fault in faults]
    problems += [Problem(short(path), record.row, *fault) for record in records for fault in record.faults]
    problems += [Problem(short(path), record.row, *found, True) for record in records for found in record.warnings]
    return Examined(short(path), records, looks, sorted(problems, key=_place))


def _place(problem):
    return -1 if problem.row is None else problem.row


def _look_at_all(folder, records):
    """{(name, modality): Look} of every file named, decoded by threads: Pillow and PyAV let go of Python's lock."""
    files = sorted({file for record in records for file in record.files})
    root = os.path.realpath(folder)
    with strict_pillow(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return dict(zip(files, pool.map(lambda file: look_at(root, *file), files), strict=True))


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
            size = looks[name, modality].size  # of a picture only
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


def _leaks(train, test):
    """Problems for rows of train whose picture, video or sound is in test too."""
    cure = message("data.leak_cure")
    seen = {}
    for record in test.records:
        for file in record.files:
            seen.setdefault(test.looks[file].digest, record)
    problems = []
    for record in train.records:
        for file in record.files:
            digest = train.looks[file].digest
            if digest is not None and (twin := seen.get(digest)):
                facts = {"what": message(WORDS[file[1]]), "file": test.file, "row": twin.row}
                same = twin.answers == record.answers
                reason = message("data.leak_with_answer", **facts) if same else message("data.leak", **facts)
                problems.append(Problem(train.file, record.row, reason, cure))
    return problems
