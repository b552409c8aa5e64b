"""Does ``dataset_info.json`` name all that the rows of a file hold? LLaMA-Factory leaves out the rest, unsaid."""

import json

from helpers.data.formats import entry_of
from helpers.data.records import Problem
from helpers.language import message
from helpers.paths import short


def entry_problems(file):
    """Problems of the entries for a ShareGPT file without faults, in the ``dataset_info.json`` beside it."""
    wanted, info = entry_of(file), file.parent / "dataset_info.json"
    problems = []
    for name, entry in json.loads(info.read_bytes()).items():
        if not isinstance(entry, dict) or entry.get("file_name") != file.name:
            continue
        missing = [
            key
            for part in ("columns", "tags")
            for key, value in wanted[part].items()
            if (entry.get(part) or {}).get(key) != value
        ]
        if missing:
            reason = message("config.unread", name=name, keys=", ".join(missing))
            problems.append(Problem(short(info), None, reason, message("config.unread_cure")))
    return problems
