"""What LLaMA-Factory itself says about the recipes and a data set, as JSON: run in a process of its own, once.

python tests/reference/llamafactory_facts.py CHECKPOINT_FOLDER DATASET_DIR
"""

import json
import sys
from dataclasses import asdict, fields
from pathlib import Path

import yaml

RECIPES = Path(__file__).resolve().parents[2] / "helpers" / "llamafactory" / "recipes"
ON_CPU = {"bf16": False, "use_cpu": True}


def parse(name, model):
    """The recipe through LLaMA-Factory's own parser: all its arguments, or the parser's complaint."""
    from llamafactory.hparams import get_infer_args, get_train_args

    config = yaml.safe_load((RECIPES / name).read_text(encoding="utf-8")) | {"model_name_or_path": model}
    parsed = get_infer_args(config) if "export_dir" in config else get_train_args(config | ON_CPU)
    return {key: value for part in parsed for key, value in vars(part).items()}


def declared():
    """Names of the keys the parsers take, and the defaults."""
    from llamafactory.hparams import parser

    def of(classes):
        return sorted({field.name for cls in classes for field in fields(cls) if field.init})

    return {"train": of(parser._TRAIN_ARGS), "export": of(parser._INFER_ARGS)}


def encode(model, dataset_dir, **changes):
    """input_ids and labels of every row of the data set "rows", as they would be trained on."""
    from llamafactory.data import get_template_and_fix_tokenizer
    from llamafactory.data.processor import SupervisedDatasetProcessor
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    config = yaml.safe_load((RECIPES / "glm_ocr_lora_sft.yaml").read_text(encoding="utf-8")) | ON_CPU | changes
    model_args, data_args, *_ = get_train_args(config | {"model_name_or_path": model, "dataset_dir": dataset_dir})
    modules = load_tokenizer(model_args)
    template = get_template_and_fix_tokenizer(modules["tokenizer"], data_args)
    encoder = SupervisedDatasetProcessor(template=template, data_args=data_args, **modules)
    rows = json.loads((Path(dataset_dir) / "rows.json").read_text(encoding="utf-8"))
    pairs = []
    for row in rows:
        pictures = [str(Path(dataset_dir) / name) for name in row["images"]]
        *prompt, answer = row["messages"]
        pairs.append(encoder._encode_data_example(prompt, [answer], "", "", pictures, [], []))
    return pairs


def encode_systems(model, dataset_dir, template):
    """Token ids of each row of the data set "systems", read as ``dataset_info.json`` says and without pictures."""
    from llamafactory.data import get_template_and_fix_tokenizer
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    config = yaml.safe_load((RECIPES / "glm_ocr_lora_sft.yaml").read_text(encoding="utf-8")) | ON_CPU
    config |= {"model_name_or_path": model, "dataset_dir": dataset_dir, "template": template}
    model_args, data_args, *_ = get_train_args(config)
    tokenizer = load_tokenizer(model_args)["tokenizer"]
    laid_out = get_template_and_fix_tokenizer(tokenizer, data_args)
    (attributes,) = get_dataset_list(["systems"], dataset_dir)
    convert = get_dataset_converter(attributes.formatting, attributes, data_args)
    counts = []
    for row in json.loads((Path(dataset_dir) / "systems.json").read_text(encoding="utf-8")):
        read = convert({"system": None} | row)  # as datasets fills a column
        turns = read["_prompt"] + read["_response"]
        pairs = laid_out.encode_multiturn(tokenizer, turns, read["_system"], read["_tools"])
        counts.append([sum(len(question) for question, _ in pairs), sum(len(answer) for _, answer in pairs)])
    return counts


def main():
    """Print the facts as one line of JSON, the last one."""
    from llamafactory.hparams import get_train_args

    model, dataset_dir = sys.argv[1:]
    bare = get_train_args({"model_name_or_path": model, "output_dir": "none", "use_cpu": True})
    found = {
        "recipes": {path.stem: parse(path.name, model) for path in RECIPES.glob("*.yaml")},
        "defaults": {key: value for part in bare for key, value in vars(part).items()},
        "keys": declared(),
        "rows": encode(model, dataset_dir, image_max_pixels=40000),
        "systems": {name: encode_systems(model, dataset_dir, name) for name in ("glm_ocr", "minicpm_v")},
        "cut": encode(model, dataset_dir, image_max_pixels=40000, cutoff_len=20),
    }
    print(
        json.dumps(found, default=lambda value: asdict(value) if hasattr(value, "__dataclass_fields__") else str(value))
    )


if __name__ == "__main__":
    main()
