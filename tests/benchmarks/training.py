"""LoRA on a model of Qwen2-VL-2B's size: the seed recipe's settings against this project's, in one run on one GPU.

    python tests/benchmarks/training.py            (one GPU with 80 GB; about 3 minutes)

Same pictures, same effective batch of 16, random weights. Prints samples a second, peak memory, and the share of the
bf16 matrix rate that was measured just before.
"""

import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
from official_layouts import QWEN2_VL  # noqa: E402

from helpers.data.synthetic import render  # noqa: E402
from helpers.models import attention, families, lora  # noqa: E402
from helpers.pretraining import tiny_qwen2_vl  # noqa: E402
from helpers.settings import Settings  # noqa: E402
from helpers.training.collate import IGNORE, collate  # noqa: E402
from helpers.training.trainer import arguments as training_arguments  # noqa: E402

SEED_TARGETS = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"


def matrix_rate():
    """bf16 floating-point operations a second of an 8192-cubed product on random data."""
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
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[:, -batch.pop("logits_to_keep") :] = batch["labels"]
    return batch | {"labels": labels}


def measure(name, samples, batch, accumulation, seed_way, steps, rate):
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Trainer

    torch.cuda.reset_peak_memory_stats()
    processor = tiny_qwen2_vl.qwen2_vl_processor()
    processor.image_processor.size = {"shortest_edge": 72 * 28 * 28, "longest_edge": 72 * 28 * 28}
    config = Qwen2VLConfig.from_dict(QWEN2_VL)
    config.image_token_id, config.vision_start_token_id = (
        processor.tokenizer.convert_tokens_to_ids(token) for token in ("<|image_pad|>", "<|vision_start|>")
    )
    with torch.device("cuda"):
        model = Qwen2VLForConditionalGeneration._from_config(config, dtype=torch.bfloat16)
    settings = Settings.real(hub="modelscope", batch_size=batch, gradient_accumulation=accumulation, epochs=1)
    settings = replace(settings, train_samples=steps * batch * accumulation, lora_alpha=16 if seed_way else 128)
    row = families.FAMILIES["qwen2_vl"]
    families.FAMILIES["qwen2_vl"] = replace(row, lora_targets=SEED_TARGETS)
    model = lora.add_lora(model, "qwen2_vl", settings)
    families.FAMILIES["qwen2_vl"] = row
    if seed_way:
        model.enable_input_require_grads()
    else:
        attention.batch_vision_attention(model)
    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(settings, Path(folder))
        arguments.gradient_checkpointing, arguments.save_strategy = seed_way, "no"
        collator = full_logits if seed_way else collate
        rows = (samples * (settings.train_samples // len(samples) + 1))[: settings.train_samples]
        options = {"args": arguments, "train_dataset": rows, "data_collator": partial(collator, processor=processor)}
        trainer = Trainer(model=model, **options)
        trainer.train()
    speed = trainer.state.log_history[-1]["train_samples_per_second"]
    peak = torch.cuda.max_memory_allocated() / 1e9
    share = 100 * flops(samples, processor) * speed / rate
    print(f"{name:28} {speed:7.1f} samples/s  peak {peak:5.1f} GB  {share:4.1f} % of the matrix rate", flush=True)
    return speed


def flops(samples, processor):
    """Floating-point operations of one sample: 2 forward and 2 backward for each frozen language weight and token,
    2 forward for each vision weight and patch (the vision tower is frozen and needs no backward)."""
    batch = collate(samples[:64], processor)
    tokens, patches = batch["attention_mask"].sum().item() / 64, len(batch["pixel_values"]) / 64
    language = 28 * (1536 * (1536 * 2 + 256 * 2) + 3 * 1536 * 8960)
    vision = 32 * 12 * 1280**2
    return 4 * language * tokens + 2 * vision * patches


def main():
    rate = matrix_rate()
    print(
        torch.cuda.get_device_name(), "torch", torch.__version__, f"matrix rate {rate / 1e12:.0f} TFLOP/s", flush=True
    )
    with tempfile.TemporaryDirectory() as folder:
        samples = render.render_set(Path(folder) / "set", 256, 3, "scan")
        seed = measure("seed: 4 x 4, checkpointing", samples, 4, 4, True, 12, rate)
        ours = measure("ours: 16", samples, 16, 1, False, 60, rate)
        print(f"ratio {ours / seed:.1f}")


if __name__ == "__main__":
    main()
