"""LoRA on Qwen2-VL-2B by other programs, by a plain Trainer and by this project, on the same rows and the same GPU.

    python tests/benchmarks/peers.py            (one GPU of 80 GB; 10 minutes)
    python tests/benchmarks/peers.py NAME ...   (some of ``RUNS`` and ``PEERS``; the rows of the others stay)
    python tests/benchmarks/peers.py small      (a CPU with tiny models, without unsloth: does it run?)

Beside this project's environment they need ``pip install liger-kernel ms-swift unsloth``; a run that lacks one notes
why it failed. Each run has a process of its own. Model, rows and targets are those of ``training.py ways`` beside this
file: random weights, LoRA r = 64 on the language model's seven projections, 16 samples a step. What a program offers
for speed is on: Liger's kernels, no gradient checkpointing, 8 processes that load. LLaMA-Factory packs by tokens, about
16 samples a row. Rates are those of the steps after the first third, memory is the most that PyTorch had reserved,
``weights`` is the type in which LoRA is trained. Results go to data/benchmarks/peers.json.
"""

import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

if "unsloth" in sys.argv[1:] and "measure" in sys.argv:
    os.environ |= {"UNSLOTH_DISABLE_STATISTICS": "1", "UNSLOTH_COMPILE_LOCATION": tempfile.mkdtemp()}
    import unsloth  # before all that it changes
import results
import torch
import training as single
from random_models import classes, make_processor, official_config

from helpers.data import formats
from helpers.data.samples import load_jsonl, write_jsonl
from helpers.models.inputs import PROMPT

SMALL = "small" in sys.argv
END = ["small"] if SMALL else []  # of the command lines of its own processes
RUNS = {"plain": 45, "compiled": 180}  # steps; those of the others are one epoch
PEERS = {
    "llamafactory": {"per_device_train_batch_size": 16},
    "swift": {},
    "llamafactory_packed": {
        "per_device_train_batch_size": 1,
        "neat_packing": True,
        "packing": True,
        "cutoff_len": 2800,
    },
    "unsloth": {},
}
SAMPLES = 32 if SMALL else 960
LONGEST = 240  # seconds of a run
single.SMALL = SMALL


def prepare(folder):
    """The rows as every program wants them, and the model with random weights, in ``folder``."""
    processor = make_processor("qwen2_vl")
    samples = single.draw(folder, SAMPLES, processor)
    write_jsonl(samples, folder / "data.jsonl")
    formats.write_sharegpt(samples, folder / "rows.json", PROMPT)
    formats.register(folder / "dataset_info.json", "rows", folder / "rows.json")
    with (folder / "swift.jsonl").open("w", encoding="utf-8") as rows:
        for sample in samples:
            row = [{"role": "user", "content": f"<image>{PROMPT}"}, {"role": "assistant", "content": sample.text}]
            rows.write(json.dumps({"messages": row, "images": [str(sample.file)]}) + "\n")
    config_class, model_class = classes("qwen2_vl")
    with torch.device("cpu" if SMALL else "cuda"):
        config = config_class.from_dict(official_config("qwen2_vl", processor, SMALL))
        model_class._from_config(config, dtype=torch.bfloat16).save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")


def llamafactory(folder, callback, **changes):
    from llamafactory.train.tuner import run_exp

    config = {
        "model_name_or_path": str(folder / "model"),
        "image_min_pixels": 28 * 28,
        "image_max_pixels": 2000 * 28 * 28,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": 64,
        "lora_alpha": 128,
        "lora_target": "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj",
        "disable_gradient_checkpointing": True,
        "enable_liger_kernel": not SMALL,
        "flash_attn": "sdpa",
        "dataset_dir": str(folder),
        "dataset": "rows",
        "template": "qwen2_vl",
        "cutoff_len": 1024,
        "overwrite_cache": True,
        "preprocessing_num_workers": 1 if SMALL else 8,
        "dataloader_num_workers": 0 if SMALL else 8,
        "output_dir": tempfile.mkdtemp(dir=folder),
        "save_strategy": "no",
        "report_to": "none",
        "gradient_accumulation_steps": 1,
        "num_train_epochs": 1.0,
        "learning_rate": 1e-4,
        "lr_scheduler_type": "cosine",
        "bf16": not SMALL,
        "use_cpu": SMALL,
    }
    run_exp(config | changes, callbacks=[callback])


def swift(folder, callback):
    import datasets.features
    from swift.callbacks import callbacks_map
    from swift.dataset.preprocessor.core import RowPreprocessor
    from swift.pipelines.train.sft import SwiftSft
    from swift.template.templates.qwen import Qwen2VLTemplate

    if not hasattr(datasets.features, "Json"):  # datasets 4.0; only needed for rows that differ in their fields
        from contextlib import nullcontext

        RowPreprocessor._patch_arrow_writer = lambda self: nullcontext()
    callbacks_map["clock"] = lambda args, trainer: callback
    Qwen2VLTemplate.image_token_id = json.loads((folder / "model" / "config.json").read_bytes())["image_token_id"]
    os.environ["IMAGE_MAX_TOKEN_NUM"] = "2000"
    options = {
        "model": folder / "model",
        "model_type": "qwen2_vl",
        "template": "qwen2_vl",
        "use_hf": True,
        "check_model": False,
        "tuner_type": "lora",
        "lora_rank": 64,
        "lora_alpha": 128,
        "lora_dropout": 0,
        "target_modules": "all-linear",
        "freeze_vit": True,
        "freeze_aligner": True,
        "torch_dtype": "float32" if SMALL else "bfloat16",
        "bf16": not SMALL,
        "attn_impl": "sdpa",
        "use_liger_kernel": not SMALL,
        "gradient_checkpointing": False,
        "vit_gradient_checkpointing": False,
        "dataset": folder / "swift.jsonl",
        "split_dataset_ratio": 0,
        "eval_strategy": "no",
        "lazy_tokenize": True,
        "load_from_cache_file": False,
        "per_device_train_batch_size": 16,
        "gradient_accumulation_steps": 1,
        "num_train_epochs": 1,
        "learning_rate": 1e-4,
        "dataloader_num_workers": 0 if SMALL else 8,
        "save_strategy": "no",
        "report_to": "none",
        "output_dir": tempfile.mkdtemp(dir=folder),
        "add_version": False,
        "callbacks": "clock",
    } | ({"use_cpu": True} if SMALL else {})
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    SwiftSft([word.lower() if word in ("True", "False") else word for word in words]).main()


def unsloth_run(folder, callback):
    from trl import SFTConfig, SFTTrainer

    whole = {"max_seq_length": 1024, "load_in_4bit": False, "use_gradient_checkpointing": False}
    place = {"dtype": torch.bfloat16, "attn_implementation": "sdpa"}
    here = {"local_files_only": True, "use_exact_model_name": True}
    model, processor = unsloth.FastVisionModel.from_pretrained(str(folder / "model"), **whole, **place, **here)
    parts = {"finetune_vision_layers": False, "use_gradient_checkpointing": False}
    model = unsloth.FastVisionModel.get_peft_model(model, r=64, lora_alpha=128, lora_dropout=0, **parts)
    unsloth.FastVisionModel.for_training(model, use_gradient_checkpointing=False)
    ends = {"instruction_part": "<|im_start|>user\n", "response_part": "<|im_start|>assistant\n"}
    collator = unsloth.trainer.UnslothVisionDataCollator(
        model, processor, max_seq_length=1024, resize="max", train_on_responses_only=True, **ends
    )
    rows = []
    for sample in load_jsonl(folder / "data.jsonl"):
        asked = [{"type": "image", "image": str(sample.file)}, {"type": "text", "text": PROMPT}]
        answered = [{"type": "text", "text": sample.text}]
        rows.append({"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]})
    arguments = SFTConfig(
        output_dir=tempfile.mkdtemp(dir=folder),
        per_device_train_batch_size=16,
        num_train_epochs=1,
        learning_rate=1e-4,
        optim="adamw_torch_fused",
        bf16=True,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to="none",
        dataloader_num_workers=8,
        remove_unused_columns=False,
        dataset_text_field="",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=1024,
    )
    options = {"train_dataset": rows, "processing_class": processor, "data_collator": collator, "args": arguments}
    SFTTrainer(model=model, callbacks=[callback], **options).train()


def measure(name, folder):
    """Samples a second of one run, and its memory."""
    if name in RUNS:
        samples, processor = load_jsonl(folder / "data.jsonl"), make_processor("qwen2_vl")
        found = single.measure(name, samples, processor, 1e12, RUNS[name], targets=single.LANGUAGE)
        rate, weights = found["samples_per_second"], "float32"
    else:
        work = {"swift": swift, "unsloth": unsloth_run}.get(name, llamafactory)
        clock = single.Clock()
        work(folder, clock.callback, **PEERS[name])
        rate, weights = clock.rate(SAMPLES), clock.weights
    row = {"way": name, "samples_per_second": round(rate, 1), "weights": weights}
    package = {"swift": "ms-swift", "unsloth": "unsloth"}.get(name, "llamafactory")
    row |= {"version": version(package)} if name in PEERS else {}
    return row if SMALL else row | {"peak_gb": round(torch.cuda.max_memory_reserved() / 1e9, 1)}


def run(name, folder):
    """``measure`` in a process of its own; of one that fails or takes too long, the end of what it printed."""
    log = Path(folder) / f"{name}.log"
    command = [sys.executable, __file__, "measure", name, folder, *END]
    with log.open("wb") as output:
        options = {"cwd": folder, "env": os.environ | {"TQDM_DISABLE": "1"}, "start_new_session": True}
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGUSR1)  # it writes where it is
            time.sleep(3)
        with suppress(ProcessLookupError):  # its loaders, too
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [line for line in lines if line.startswith('{"way"')]
    if rows:
        return json.loads(rows[-1])
    print("\n".join(lines[-80:]), flush=True)
    return {"way": name, "failed": "\n".join(lines[-15:])}


def main():
    names = [name for name in sys.argv[1:] if name in RUNS | PEERS] or [*RUNS, *PEERS]
    found = results.facts(SMALL)
    found["rows"] = results.rows("peers", SMALL)
    for package in ("transformers", "liger-kernel"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            pass
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "prepare", folder, *END], check=True)
        for name in names:
            results.keep("peers", found, run(name, folder), SMALL)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prepare"]:
        prepare(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["measure"]:
        faulthandler.register(signal.SIGUSR1)
        print("\n" + json.dumps(measure(sys.argv[2], Path(sys.argv[3]))), flush=True)
    else:
        main()
