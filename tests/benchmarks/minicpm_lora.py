"""What LoRA and QLoRA of MiniCPM-o 2.6 need at full size: GPU memory and pictures a second. Not a test.

    python tests/benchmarks/minicpm_lora.py WORK           (one GPU of 80 GB or more; 4 minutes; nothing large on disk)
    python tests/benchmarks/minicpm_lora.py WORK small     (the same on a CPU at small sizes: does it run?)

The weights are random in the official shapes, which changes neither memory nor speed; they are made on the GPU. Each
run is a process of its own. Memory is the most that nvidia-smi saw during training, less what was in use before the
process began: weights, CUDA, everything. Pictures a second are those after the first few steps. One row a run is
appended to WORK/results.jsonl.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
from official_layouts import MINICPM_O, MINICPM_O_TINY  # noqa: E402

RUNS = {  # name: (batch, steps, settings)
    "LoRA, batch 1, gradient checkpointing": (1, 40, {"gradient_checkpointing": True}),
    "LoRA, batch 16": (16, 25, {}),
    "LoRA, batch 16, gradient checkpointing": (16, 25, {"gradient_checkpointing": True}),
    "QLoRA, batch 1, gradient checkpointing": (1, 40, {"gradient_checkpointing": True, "four_bit": True}),
    "QLoRA, batch 16, gradient checkpointing": (16, 25, {"gradient_checkpointing": True, "four_bit": True}),
    "QLoRA from a folder, small": (2, 6, {"gradient_checkpointing": True, "four_bit": True}),
}
WARM = 5  # steps that are not timed
FROM_FOLDER = "QLoRA from a folder, small"  # the lesson's own way to load, train and reload, at small sizes
BEGIN = "training begins"


# --- one run, in a process of its own -----------------------------------------------------------


def make_settings(small, name, **more):
    from helpers.settings import Settings

    batch, steps, options = RUNS[name]
    four_bit, place = options.get("four_bit", False), {}
    if small:
        batch, steps, place = min(batch, 2), 7, {"device": "cpu", "dtype": "float32"}
    place |= {"gradient_accumulation": 1, "epochs": 1, "batch_size": batch, "train_samples": batch * steps}
    made = Settings.real(**place, **options | {"four_bit": four_bit and not small}, **more)
    object.__setattr__(made, "four_bit", four_bit)  # Settings refuses it on a CPU
    return made


def make_model(config, settings):
    """MiniCPM-o with random weights on the device, the language model's layers in 4 bits if asked for."""
    import torch

    from helpers.models import families
    from helpers.models.load import four_bit_config
    from helpers.models.minicpm.configuration import MiniCPMOConfig
    from helpers.models.minicpm.modeling import MiniCPMO

    with torch.device(settings.device):
        model = MiniCPMO._from_config(MiniCPMOConfig.from_dict(config), dtype=getattr(torch, settings.dtype))
    model.config._name_or_path = "random-minicpm-o"
    if settings.four_bit:
        to_four_bits(model, four_bit_config(families.FAMILIES["minicpm_o"].language))
    return model


def to_four_bits(model, config):
    """As from_pretrained does it, from the weights that the model has."""
    import bitsandbytes as bnb
    import torch
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear

    weights = {name: part.weight.data for name, part in model.named_modules() if type(part) is torch.nn.Linear}
    biases = {name: part.bias for name, part in model.named_modules() if type(part) is torch.nn.Linear}
    replace_with_bnb_linear(model, config.llm_int8_skip_modules, config)
    for name, part in model.named_modules():
        if isinstance(part, bnb.nn.Linear4bit):
            weight = weights.pop(name)
            options = part.weight.__dict__ | {"requires_grad": False}
            part.weight = bnb.nn.Params4bit(weight, **options).to(weight.device)
            part.bias = biases[name]
    model.is_loaded_in_4bit = True


def timer(batch):
    """A callback that knows the time after each step."""
    import torch
    from transformers import TrainerCallback

    class Timer(TrainerCallback):
        times = []

        def on_step_end(self, args, state, control, **kwargs):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.times.append(time.perf_counter())

        def rate(self):
            return (len(self.times) - 1 - WARM) * batch / (self.times[-1] - self.times[WARM])

    return Timer()


def data(folder, count):
    from helpers.data.synthetic import render

    drawn = render.render_set(folder / "set", 64, 3, "scan")
    return (drawn * (count // len(drawn) + 1))[:count]


def run(name, small):
    """Train; print the row of the results."""
    import torch
    from transformers import Trainer

    from helpers.models import lora
    from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
    from helpers.models.minicpm.processing import MiniCPMOProcessor
    from helpers.pretraining import tiny_minicpm
    from helpers.training import trainer
    from helpers.training.collate import collate

    settings = make_settings(small, name, hub="modelscope")
    plain = tiny_minicpm.minicpm_o_processor()
    parts = MiniCPMVImageProcessor(), plain.feature_extractor, plain.tokenizer
    processor = MiniCPMOProcessor(*parts, chat_template=plain.chat_template)  # 64 tokens a picture, 448 x 448 pixels
    model = lora.add_lora(make_model(MINICPM_O_TINY if small else MINICPM_O, settings), "minicpm_o", settings)
    clock = timer(settings.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        arguments = trainer.arguments(settings, Path(folder))
        arguments.save_strategy, arguments.disable_tqdm = "no", True
        rows, collator = data(Path(folder), settings.train_samples), partial(collate, processor=processor)
        options = {"args": arguments, "train_dataset": rows, "data_collator": collator, "callbacks": [clock]}
        trainer = Trainer(model=model, **options)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        print(BEGIN, flush=True)
        trainer.train()
        tokens = collate(rows[: settings.batch_size], processor)["input_ids"].shape[1]
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    row = {"batch": settings.batch_size, "steps": settings.steps, "tokens a row": tokens}
    row |= {"pictures a second": round(clock.rate(), 2), "loss": (losses[0], losses[-1])}
    row["trained parameters, M"] = round(sum(p.numel() for p in model.parameters() if p.requires_grad) / 1e6, 1)
    print(json.dumps(row | machine()), flush=True)


def machine():
    import torch

    if not torch.cuda.is_available():
        return {"device": "CPU", "torch": torch.__version__}
    peak = round(torch.cuda.max_memory_allocated() / 1e9, 1)
    return {"allocated at most, GB": peak, "device": torch.cuda.get_device_name(), "torch": torch.__version__}


def run_from_folder(small):
    """The lesson's way at small sizes: models.load with four_bit, train.train, the adapter on a base loaded anew."""
    from peft import PeftModel

    from helpers.inference.predict import predict
    from helpers.models import lora
    from helpers.models.load import load
    from helpers.pretraining import tiny_minicpm
    from helpers.training import trainer

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        settings = make_settings(small, FROM_FOLDER, models_dir=folder, max_new_tokens=8, lora_r=8)
        processor = tiny_minicpm.minicpm_o_processor()
        tiny_minicpm.minicpm_o_model(processor).save_pretrained(folder / "MiniCPM-o-2_6")
        processor.save_pretrained(folder / "MiniCPM-o-2_6")
        base, processor = load("minicpm_o", settings)
        kinds = sorted(
            {f"{type(m).__name__} in {n.split('.')[0]}" for n, m in base.named_modules() if "Linear" in str(type(m))}
        )
        samples = data(folder, settings.train_samples)
        print(BEGIN, flush=True)
        tuned = lora.add_lora(base, "minicpm_o", settings)
        done = trainer.train(tuned, processor, samples, replace(settings, four_bit=False), folder / "run")
        answers = predict(tuned, processor, samples[:4], settings)
        again = PeftModel.from_pretrained(load("minicpm_o", settings)[0], folder / "run" / "adapter")
        same = predict(again, processor, samples[:4], settings) == answers
    losses = [loss for _, loss in done.history]
    row = {"layers": kinds, "adapter reloaded answers the same": same, "loss": (losses[0], losses[-1])}
    print(json.dumps(row | machine()), flush=True)


# --- all of them, watched from outside ----------------------------------------------------------


def used():
    """MB (10^6 bytes) in use on the first GPU that this process may take; 0 without nvidia-smi."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    question = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", first]
    try:
        return int(subprocess.run(question, capture_output=True, text=True, check=True).stdout) * 2**20 / 1e6
    except FileNotFoundError:
        return 0


def measure(name, small):
    """The row of one run: what its process printed last, and the memory seen from outside since training began."""
    before, began, peak, done = used(), time.monotonic(), [0], threading.Event()
    command = [sys.executable, __file__, "--run", name, "small" if small else "full"]
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)

        def watch():
            while not done.wait(0.2):
                peak[0] = max(peak[0], used())

        watcher, lines = threading.Thread(target=watch), []
        watcher.start()
        for line in child.stdout:
            lines.append(line.strip())
            if lines[-1] == BEGIN:
                peak[0] = 0  # the making of the weights is not training
        done.set()
        watcher.join()
        seconds = {"seconds with start": round(time.monotonic() - began)}
        if child.wait():
            errors.seek(0)
            return {"run": name, "failed": errors.read()[-3000:]} | seconds
    memory = {"GPU memory, GB": round((peak[0] - before) / 1000, 1)} if peak[0] else {}
    return {"run": name} | memory | json.loads(lines[-1]) | seconds


def main(work, small):
    work.mkdir(parents=True, exist_ok=True)
    for name in RUNS:
        row = measure(name, small)
        print(json.dumps(row), flush=True)
        with (work / "results.jsonl").open("a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        small = sys.argv[3] == "small"
        run_from_folder(small) if sys.argv[2] == FROM_FOLDER else run(sys.argv[2], small)
    else:
        main(Path(sys.argv[1]).resolve(), sys.argv[2:] == ["small"])
