"""What LLaMA-Factory itself makes of rows with pictures, videos and sounds, as JSON: run in a process of its own, once.

python tests/reference/llamafactory_media.py CHECKPOINT_FOLDER DATASET_DIR TEMPLATE
"""

import json
import sys
from pathlib import Path

from helpers.llamafactory import patches
from helpers.llamafactory.run import recipe

ON_CPU = {"bf16": False, "use_cpu": True, "output_dir": "none"}


def main():
    """Print as one line, the last: input_ids and labels of each row, its loss alone and in a batch with all others."""
    patches.apply()
    from llamafactory.data import SFTDataCollatorWith4DAttentionMask, get_template_and_fix_tokenizer
    from llamafactory.data.processor import SupervisedDatasetProcessor
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer
    from transformers import AutoModelForImageTextToText

    folder, dataset_dir, template = sys.argv[1:]
    config = recipe(f"{template}_lora_sft") | ON_CPU | {"model_name_or_path": folder, "dataset_dir": dataset_dir}
    model_args, data_args, *_ = get_train_args(config)
    modules = load_tokenizer(model_args)
    template = get_template_and_fix_tokenizer(modules["tokenizer"], data_args)
    encoder = SupervisedDatasetProcessor(template=template, data_args=data_args, **modules)
    rows = [
        _encode(encoder, row, Path(dataset_dir)) for row in json.loads((Path(dataset_dir) / "rows.json").read_bytes())
    ]
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    collate = SFTDataCollatorWith4DAttentionMask(template=template, model=model, label_pad_token_id=-100, **modules)
    alone = [_losses(model, collate, [row])[0] for row in rows]
    found = {"rows": [(row["input_ids"], row["labels"]) for row in rows], "alone": alone}
    print(json.dumps(found | {"together": _losses(model, collate, rows)}))


def _encode(encoder, row, folder):
    """A row as LLaMA-Factory keeps it until the collator."""
    files = [[str(folder / name) for name in row.get(kind, [])] for kind in ("images", "videos", "audios")]
    *prompt, answer = row["messages"]
    ids, labels = encoder._encode_data_example(prompt, [answer], "", "", *files)
    made = {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels}
    return made | dict(zip(("images", "videos", "audios"), files, strict=True))


def _losses(model, collate, rows):
    """The mean loss of each row."""
    import torch

    batch = collate([dict(row) for row in rows])
    with torch.inference_mode():
        logits = model(**{name: value for name, value in batch.items() if name != "labels"}).logits[:, :-1]
    labels = batch["labels"][:, 1:]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
    return (losses.sum(1) / (labels != -100).sum(1)).tolist()


if __name__ == "__main__":
    main()
