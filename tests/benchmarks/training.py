"""LoRA at official sizes on one GPU: the seed recipe's settings, this project's plain way and its fast ones.

    python tests/benchmarks/training.py PART         (one GPU of 80 GB; 5 minutes each)
    python tests/benchmarks/training.py small        (every part on a CPU with tiny models: does it run?)

PART is ``ways`` (Qwen2-VL-2B, LoRA on the language model's seven projections), ``whole`` (the same by training.train,
start-up included) or ``others`` (LoRA on the vision tower too; GLM-OCR; MiniCPM-o 2.6: all, or the families named
behind it). Weights are random, which changes neither memory nor speed; pictures have 2 to 6 x 8 to 30 tokens, answers
20 to 120; a step takes 16 samples in every way, through the Trainer and its loader. A rate is that of the steps after
the first third. Rows go to a file for each part, training.json, whole_runs.json and families.json in data/benchmarks,
in place of older ones of the same name. ``whole`` takes numbers of samples, too.
"""

import json
import random
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
from official import _merged, _with_ids  # noqa: E402
from official_layouts import CONFIGS, TOKENS  # noqa: E402

from helpers import training  # noqa: E402
from helpers.data.samples import Sample  # noqa: E402
from helpers.models import attention, families, lora  # noqa: E402
from helpers.models.inputs import PROMPT  # noqa: E402
from helpers.pretraining import tiny_glm_ocr, tiny_minicpm, tiny_qwen2_vl  # noqa: E402
from helpers.settings import Settings  # noqa: E402
from helpers.training.captured import _parts  # noqa: E402
from helpers.training.captured_trainer import captured_trainer  # noqa: E402
from helpers.training.collate import IGNORE, collate  # noqa: E402
from helpers.training.trainer import arguments as training_arguments  # noqa: E402

SMALL = sys.argv[1:] == ["small"]
DEVICE = "cpu" if SMALL else "cuda"
RESULTS = {"ways": "training", "whole": "whole_runs", "others": "families"}  # files in data/benchmarks
LANGUAGE = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"  # what the seed recipe names
FAST = {
    "packed": {"capture": False, "compiled": False},
    "graphs": {"capture": True, "compiled": False},
    "compiled": {"capture": True, "compiled": not SMALL},
}


# --- data and models ----------------------------------------------------------------------------


def draw(folder, count, processor):
    """Pictures of noise in many sizes, with answers of 20 to 120 tokens."""
    from PIL import Image

    rng, samples = random.Random(0), []
    tokenizer = processor.tokenizer
    words = [tokenizer.convert_tokens_to_string([word]) for word in list(tokenizer.get_vocab())[300:3000]]
    words = [word for word in words if word.isascii() and word.isalpha()]
    for index in range(count):
        height, width = (2, rng.randint(3, 6)) if SMALL else (rng.choice([2, 3, 4, 5, 6]), rng.randint(8, 30))
        path = folder / f"{index}.png"
        Image.effect_noise((28 * width, 28 * height), 50).convert("L").save(path)
        text, wanted = "", rng.randint(20, 120)
        while len(tokenizer(text).input_ids) < wanted:
            text += rng.choice(words)
        samples.append(Sample(path, text))
    return samples


def make_processor(family):
    """The family's own kind, which keeps pictures as large as the official one does; few words."""
    if family == "minicpm_o":
        from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
        from helpers.models.minicpm.processing import MiniCPMOProcessor

        plain = tiny_minicpm.minicpm_o_processor()
        parts = MiniCPMVImageProcessor(), plain.feature_extractor, plain.tokenizer
        return MiniCPMOProcessor(*parts, chat_template=plain.chat_template)
    processor = tiny_qwen2_vl.qwen2_vl_processor() if family == "qwen2_vl" else tiny_glm_ocr.glm_ocr_processor()
    frames = families.FAMILIES[family].frames
    processor.image_processor.size = {
        "shortest_edge": frames * 4 * 28 * 28, "longest_edge": frames * 400 * 28 * 28
    }  # fmt: skip
    return processor


def build(family, targets, settings, processor):
    """The model at its official size with random weights, with LoRA on ``targets``; "": the family's own."""
    import transformers as hf

    from helpers.models.minicpm.configuration import MiniCPMOConfig
    from helpers.models.minicpm.modeling import MiniCPMO

    kinds = {
        "qwen2_vl": (hf.Qwen2VLConfig, hf.Qwen2VLForConditionalGeneration),
        "glm_ocr": (hf.GlmOcrConfig, hf.GlmOcrForConditionalGeneration),
        "minicpm_o": (MiniCPMOConfig, MiniCPMO),
    }
    full, small = CONFIGS[family]
    ids = {token: processor.tokenizer.convert_tokens_to_ids(token) or 0 for token in TOKENS[family]}
    official = full if not SMALL else _merged(full, small)
    config = official if family == "minicpm_o" else _with_ids(official, family, ids)
    if SMALL and family != "minicpm_o":
        config.get("text_config", config)["vocab_size"] = len(processor.tokenizer) + 9
    with torch.device(DEVICE):
        config_class, model_class = kinds[family]
        made = config_class.from_dict(config)
        model = model_class._from_config(made, dtype=torch.float32 if SMALL else torch.bfloat16)
    model.config._name_or_path = f"random-{family}"  # the adapter writes down its base
    row = families.FAMILIES[family]
    families.FAMILIES[family] = replace(row, lora_targets=targets or row.lora_targets)
    model = lora.add_lora(model, family, settings)
    families.FAMILIES[family] = row
    return model


# --- measuring ----------------------------------------------------------------------------------


def matrix_rate():
    """bf16 floating-point operations a second of an 8192-cubed product on random data."""
    if SMALL:
        return 1e12
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in "ab")
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ b
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - start)


def full_logits(samples, processor):
    """The collator without logits_to_keep: labels as long as the rows, as the seed has them."""
    batch = collate(samples, processor)
    if "logits_to_keep" not in batch:
        return batch
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[:, -batch.pop("logits_to_keep") :] = batch["labels"]
    return batch | {"labels": labels}


def operations(model, samples, processor):
    """Floating-point operations a sample: 2 forward and 2 backward for each weight of a layer and token (LoRA's own are
    left out); pictures of a tower that is not trained have no backward."""
    batch, parts, total = collate(samples[:64], processor), _parts(model), 0
    sizes = batch["image_grid_thw"] if "image_grid_thw" in batch else torch.cat(list(batch["tgt_sizes"]))
    tokens, patches = (
        count.item() / len(samples[:64]) for count in (batch["attention_mask"].sum(), sizes.prod(1).sum())
    )
    for part, count in ((parts["language"].layers, tokens), (parts["blocks"], patches)):
        weights = sum(weight.numel() for name, weight in part.named_parameters() if "lora" not in name)
        trained = any(weight.requires_grad for weight in part.parameters())
        total += (4 if trained else 2) * weights * count
    return total


class Clock:
    """The time when a third of the steps is done, and when all are."""

    def __init__(self, steps):
        from transformers import TrainerCallback

        marks = self.marks = []

        class Mark(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                if state.global_step in (max(1, steps // 3), steps):
                    if not SMALL:
                        torch.cuda.synchronize()
                    marks.append((state.global_step, time.perf_counter()))

        self.callback = Mark()

    def rate(self):
        (first, began), (last, ended) = self.marks
        return 16 * (last - first) / (ended - began)


def measure(way, samples, processor, rate, steps, family="qwen2_vl", targets="", parts=1):
    """One row of the results: ``steps`` steps of 16 samples in this way, in so many parts (the seed's: 4)."""
    from transformers import Trainer

    steps, seed = 2 if SMALL else steps, way == "seed"
    if not SMALL:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    parts = 4 if seed else parts
    settings = make_settings(steps * 16, 16 // parts, parts)
    model, clock = build(family, targets, settings, processor), Clock(steps)
    rows = (samples * (steps * 16 // len(samples) + 1))[: steps * 16]
    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(settings, Path(folder))
        arguments.gradient_checkpointing, arguments.save_strategy, arguments.disable_tqdm = seed, "no", True
        began = time.perf_counter()
        if way in FAST:
            trainer = captured_trainer(model, processor, rows, arguments, PROMPT, [clock.callback], **FAST[way])
        else:
            if seed:
                model.enable_input_require_grads()
            else:
                attention.batch_vision_attention(model)
            collator = partial(full_logits if seed else collate, processor=processor)
            options = {"args": arguments, "train_dataset": rows, "data_collator": collator}
            trainer = Trainer(model=model, callbacks=[clock.callback], **options)
        trainer.train()
        whole = time.perf_counter() - began
    found = {"samples_per_second": round(clock.rate(), 1), "seconds": round(whole, 1), "samples": steps * 16}
    found["start_seconds"] = round(whole - steps * 16 / clock.rate(), 1)
    found["share_of_matrix_rate"] = round(operations(model, samples, processor) * clock.rate() / rate, 4)
    if not SMALL:
        found["peak_gb"] = round(torch.cuda.max_memory_reserved() / 1e9, 1)
    return {"family": family, "targets": "language" if targets else "all", "way": way} | found


def make_settings(samples, batch_size=16, accumulation=1):
    place = {"device": "cpu", "dtype": "float32"} if SMALL else {}
    made = Settings.real(hub="modelscope", batch_size=batch_size, gradient_accumulation=accumulation, epochs=1, **place)
    return replace(made, train_samples=samples, lora_r=64, lora_alpha=128, gradient_checkpointing=False)


def whole_run(samples, processor, count):
    """A run of ``training.train`` over ``count`` samples, start-up and saving included."""
    count = 32 if SMALL else count
    settings = make_settings(count)
    model = build("qwen2_vl", LANGUAGE, settings, processor)
    rows = (samples * (count // len(samples) + 1))[:count]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        training.train(model, processor, rows, settings, Path(folder) / "run")
        seconds = time.perf_counter() - began
    found = {"samples": count, "seconds": round(seconds, 1), "samples_per_second": round(count / seconds, 1)}
    return {"family": "qwen2_vl", "targets": "language", "way": "train"} | found


# --- the parts ----------------------------------------------------------------------------------


def ways(keep, rate, folder):
    processor = make_processor("qwen2_vl")
    samples = draw(folder, 512 if not SMALL else 32, processor)
    for way, steps in (("seed", 9), ("plain", 30), ("packed", 40), ("graphs", 200), ("compiled", 300)):
        keep(measure(way, samples, processor, rate, steps, targets=LANGUAGE))


def whole(keep, rate, folder):
    processor = make_processor("qwen2_vl")
    samples = draw(folder, 1024 if not SMALL else 32, processor)
    for count in map(int, sys.argv[2:] or (2000, 10000, 20000, 50000)):
        keep(whole_run(samples, processor, count))


def others(keep, rate, folder):
    plans = {
        "qwen2_vl": (("seed", 6), ("plain", 30), ("compiled", 150)),
        "glm_ocr": (("seed", 6), ("plain", 40), ("compiled", 150)),
        "minicpm_o": (("seed", 6), ("plain", 20), ("packed", 30), ("compiled", 120)),
    }
    for family in sys.argv[2:] or plans:
        processor = make_processor(family)
        samples = draw(Path(tempfile.mkdtemp(dir=folder)), 512 if not SMALL else 32, processor)
        for way, steps in plans[family]:
            parts = 2 if family == "minicpm_o" else 1  # 16 of its samples at once are more than 80 GB
            keep(measure(way, samples, processor, rate, steps, family, parts=parts))


def main():
    rate = matrix_rate()
    card = "CPU" if SMALL else torch.cuda.get_device_name()
    facts = {"card": card, "torch": torch.__version__.split("+")[0], "date": date.today().isoformat()}
    facts["matrix_tflops"] = round(rate / 1e12, 1)
    print(facts, flush=True)

    def keep(part, row):
        print(row, flush=True)
        path = (Path(tempfile.mkdtemp()) if SMALL else ROOT / "data" / "benchmarks") / f"{RESULTS[part]}.json"
        rows = json.loads(path.read_bytes())["rows"] if path.exists() else []
        kept = [old for old in rows if any(old[key] != row[key] for key in ("family", "targets", "way", "samples"))]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts | {"rows": [*kept, row]}, indent=1) + "\n", encoding="utf-8")

    parts = {"ways": ways, "whole": whole, "others": others}
    with tempfile.TemporaryDirectory() as folder:
        for part in parts if SMALL else sys.argv[1:2]:
            parts[part](partial(keep, part), rate, Path(tempfile.mkdtemp(dir=folder)))


if __name__ == "__main__":
    main()
