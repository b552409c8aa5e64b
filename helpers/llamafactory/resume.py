"""What a LLaMA-Factory run depends on, and how one that was killed goes on. ``training.resume`` holds the policy."""

import hashlib
import json

from helpers.data.formats import MARKS
from helpers.data.rows import read_rows
from helpers.files import write_text
from helpers.llamafactory.config import data_files, located, portable
from helpers.llamafactory.process import read_log
from helpers.training import resume

LEFT_OUT = ("output_dir", "overwrite_output_dir", "resume_from_checkpoint")  # change no weights


def find_run(config, nproc=1, overwrite=False):
    """What ``output_dir`` holds, as ``training.resume.find_run`` says it."""
    return resume.find_run(*_asked(config, nproc, overwrite))


def prepare(config, nproc=1, overwrite=False):
    """(the finished ``Run``, None), or (None, the configuration as it will run: from a checkpoint or from the start).

    Raises:
        FileExistsError: ``output_dir`` holds another run, and may not be overwritten.
    """
    finished, checkpoint = resume.prepare(*_asked(config, nproc, overwrite))
    if checkpoint:
        _cut_log(checkpoint.parent / "trainer_log.jsonl", int(checkpoint.name.split("-")[1]))
        return None, config | {"overwrite_output_dir": False, "resume_from_checkpoint": portable(checkpoint)}
    return finished, None if finished else config | {"overwrite_output_dir": True}


def _asked(config, nproc, overwrite):
    folder, overwrite = located(config["output_dir"]), overwrite or config.get("overwrite_output_dir", False)
    return folder, run_facts(config, nproc), overwrite


def _cut_log(path, step):
    """Leave out the rows after ``step``: those steps will be done again."""
    rows = [row for row in read_log(path) if row["current_steps"] <= step]
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def run_facts(config, nproc=1):
    """What the weights of a run depend on, by name: its configuration, processes, data and base."""
    said = {key: portable(value) for key, value in config.items() if key not in LEFT_OUT and "swanlab" not in key}
    files = data_files(config) + data_files(config, "eval_dataset")
    data = [_checksum(file) for file in files]
    for file in files:
        names = [n for _, row in read_rows(file)[0] for modality in MARKS for n in row.get(f"{modality}s") or []]
        data.append([(file.parent / name).stat().st_size for name in names])
    base = [_checksum(path) for path in sorted(located(config["model_name_or_path"]).glob("*.safetensors"))]
    digests = {name: _digest(json.dumps(parts).encode()) for name, parts in (("data", data), ("base", base))}
    return said | {"processes": nproc} | digests


def _checksum(path):
    """Size and a checksum of a file; of a large one, of its last megabyte."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**20))
        return [path.name, path.stat().st_size, _digest(file.read())]


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:16]
