"""What ``kills.py`` kills: each stage of a lesson, as small as it can be, and what it leaves that counts as a result.

A stage is three functions. ``ready(place)`` makes once what it starts from; ``work(place, folder)`` does it, into
``folder``; ``results(folder)`` gives {name: checksum} of all that a reader, or the next stage, would take for whole.
"""

import hashlib
import json
import shutil
from collections import namedtuple

from helpers import data, inference, llamafactory, models, training
from helpers.settings import Settings

Stage = namedtuple("Stage", "ready work results")
SETTINGS = Settings.tiny(
    train_samples=8, batch_size=2, epochs=1, lora_r=4, tracker="disabled", max_new_tokens=12, test_samples=4
)
PROMPT = "Formula Recognition:"


def checksums(folder, files):
    """{path in ``folder``: checksum of its bytes}"""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def all_files(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def nothing(place):
    pass


def draw(place):
    data.formulas(SETTINGS, place / "data", "printed")


def drawn(place, part="train"):
    return data.load_jsonl(place / "data" / part / "data.jsonl")


# --- preparation: drawing (in several processes), splitting, every format -----------------------


def prepare(place, folder):
    from dataclasses import replace

    samples, _ = data.formulas(replace(SETTINGS, train_samples=100), folder / "drawn", "printed")
    train, test = data.split(samples, test_count=20, seed=1)
    data.write_jsonl(train, folder / "train.jsonl")
    data.write_jsonl(test, folder / "test.jsonl")
    data.write_sharegpt(train, folder / "rows.json", PROMPT)
    data.register(folder / "dataset_info.json", "rows", "rows.json")
    data.write_qwen2_vl(train, folder / "qwen2_vl.json")
    data.write_minicpm(train, folder / "minicpm.json", PROMPT)


def prepared(folder):
    files = list(folder.glob("*.json*"))
    for rows in folder.glob("drawn/*/data.jsonl"):
        files += [rows, *(sample.file for sample in data.load_jsonl(rows))]
    return checksums(folder, files)


# --- training with the Trainer ------------------------------------------------------------------


def train(place, folder):
    model, processor = models.load("qwen2_vl", SETTINGS)
    model = models.add_lora(model, "qwen2_vl", SETTINGS)
    training.train(model, processor, drawn(place), SETTINGS, folder / "run")


def trained(folder):
    found = checksums(folder, all_files(folder / "run" / "adapter") if (folder / "run" / "adapter").exists() else [])
    return found | _finished(folder / "run")


def _finished(run):
    """The losses of a run that is marked as finished."""
    note = run / "finished.json"
    return {"finished": json.loads(note.read_bytes())["run"]["history"]} if note.exists() else {}


# --- evaluation ---------------------------------------------------------------------------------


def evaluate(place, folder):
    model, processor = models.load("qwen2_vl", SETTINGS)
    samples = drawn(place, "test")
    answers = inference.predict(model, processor, samples, SETTINGS, batch_size=1)
    inference.save_predictions(folder / "predictions.jsonl", samples, answers, model="base")


def evaluated(folder):
    path = folder / "predictions.jsonl"
    if path.exists():
        inference.load_predictions(path)
    return checksums(folder, [path] if path.exists() else [])


# --- merging, from transformers' side -----------------------------------------------------------


def merge(place, folder):
    model, processor = models.load("qwen2_vl", SETTINGS)
    model = models.add_lora(model, "qwen2_vl", SETTINGS)
    models.merge(model, processor, folder / "merged")


def merged(folder):
    return checksums(folder, all_files(folder / "merged")) if (folder / "merged").exists() else {}


# --- LLaMA-Factory ------------------------------------------------------------------------------


def ready_for_llamafactory(place):
    data.formulas(SETTINGS, place / "data", "printed")
    samples = drawn(place)
    data.write_sharegpt(samples, place / "data" / "train" / "rows.json", PROMPT)
    data.register(place / "data" / "train" / "dataset_info.json", "rows", "rows.json")


def _config(place, folder):
    base = llamafactory.recipe("glm_ocr_lora_sft")
    said = {"cutoff_len": 256, "val_size": 0.0, "eval_strategy": "no", "save_steps": 1, "save_total_limit": 2}
    paths = {"dataset": "rows", "dataset_dir": place / "data" / "train", "output_dir": folder / "run"}
    return base | llamafactory.overrides(SETTINGS, base, **paths, **said)


def train_llamafactory(place, folder):
    llamafactory.train(_config(place, folder))


def llamafactory_trained(folder):
    """Nothing in the folder counts before ``finished.json``: LLaMA-Factory writes its adapter file by file."""
    done = _finished(folder / "run")
    if not done:
        return {}
    config = json.loads((folder / "run" / "adapter_config.json").read_bytes())
    config["target_modules"] = sorted(config["target_modules"])  # a set: its order differs between processes
    return done | {"config": config} | checksums(folder, [folder / "run" / "adapter_model.safetensors"])


def ready_for_export(place):
    ready_for_llamafactory(place)
    train_llamafactory(place, place)


def export(place, folder):
    config = llamafactory.recipe("glm_ocr_export") | {
        "model_name_or_path": str(models.checkpoint_folder("glm_ocr", SETTINGS)),
        "adapter_name_or_path": str(place / "run"),
        "export_dir": str(folder / "merged"),
        "infer_dtype": "float32",
    }
    llamafactory.export(config)


# --- conversion ---------------------------------------------------------------------------------


def ready_for_conversion(place):
    """Records of LLaVA's form."""
    draw(place)
    rows = [
        {"id": str(number), "image": f"images/{sample.file.name}", "conversations": _llava(sample.text)}
        for number, sample in enumerate(400 * drawn(place))
    ]
    shutil.copytree(place / "data" / "train" / "images", place / "images")
    (place / "llava.json").write_text(json.dumps(rows), encoding="utf-8")


def _llava(text):
    return [{"from": "human", "value": f"<image>\n{PROMPT}"}, {"from": "gpt", "value": text}]


def convert(place, folder):
    shutil.copytree(place / "images", folder / "images", dirs_exist_ok=True)
    data.convert(place / "llava.json", place / f"{folder.name}.json")


def converted(folder):
    output = folder.with_name(f"{folder.name}.json")
    return {"output": checksums(output.parent, [output])[output.name]} if output.exists() else {}


STAGES = {
    "preparation": Stage(nothing, prepare, prepared),
    "training": Stage(draw, train, trained),
    "evaluation": Stage(draw, evaluate, evaluated),
    "merge": Stage(nothing, merge, merged),
    "llamafactory": Stage(ready_for_llamafactory, train_llamafactory, llamafactory_trained),
    "conversion": Stage(ready_for_conversion, convert, converted),
    "export": Stage(ready_for_export, export, merged),
}
