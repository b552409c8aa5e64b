"""Reading pictures: the seed recipe's loop against inference.predict, in one run, with equal answers asserted.

    python tests/benchmarks/inference.py                    (the shipped tiny model on two CPU cores; about a minute)
    python tests/benchmarks/inference.py --size 2b          (Qwen2-VL-2B's layers on a GPU with 80 GB; about 3 minutes)

The seed's loop: one picture at a time, max_new_tokens 8192, the model as transformers loads it. Ours: batches of like
size. Both decode greedily. At size 2b the weights are random, and random weights never end an answer: there both ways
are made to write the truth, token by token, after each full forward pass. That the answers of a model itself are equal
is what size tiny asserts. --static adds ours with a static cache, which transformers compiles on a GPU.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from importlib import import_module
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
from official_layouts import QWEN2_VL  # noqa: E402

from helpers.data.synthetic import render  # noqa: E402
from helpers.models import attention, families, inputs  # noqa: E402
from helpers.models.generate import GREEDY  # noqa: E402
from helpers.models.load import checkpoint_folder, load  # noqa: E402
from helpers.pretraining import tiny_qwen2_vl  # noqa: E402
from helpers.settings import Settings  # noqa: E402

reader = import_module("helpers.inference.predict")  # the module; the package's face has a function of that name


def tiny_model(device, ours):
    from transformers import Qwen2VLForConditionalGeneration

    settings = Settings.tiny(device=device)
    model, processor = load("qwen2_vl", settings)
    if not ours:
        folder = checkpoint_folder("qwen2_vl", settings)
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).to(device).eval()
    return model, processor


def large_model(device, ours):
    """Qwen2-VL-2B with random weights and the sizes of pictures of real mode."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    processor, row = tiny_qwen2_vl.qwen2_vl_processor(), families.FAMILIES["qwen2_vl"]
    processor.image_processor.size = {"shortest_edge": row.min_pixels, "longest_edge": row.max_pixels}
    config = Qwen2VLConfig.from_dict(QWEN2_VL)
    config.image_token_id, config.vision_start_token_id = (
        processor.tokenizer.convert_tokens_to_ids(token) for token in ("<|image_pad|>", "<|vision_start|>")
    )
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen2VLForConditionalGeneration._from_config(config, dtype=torch.bfloat16).eval()
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    if ours:
        attention.batch_vision_attention(model)
    return model, processor


class Dictation:
    """Makes ``generate`` write the truths of the samples that were encoded last."""

    def __init__(self, model, processor, encode):
        self.model, self.tokenizer, self.inner, self.encoder = model, processor.tokenizer, model.generate, encode

    def encode(self, samples, *rest):
        ids = [[*self.tokenizer(sample.text).input_ids, self.tokenizer.eos_token_id] for sample in samples]
        longest = max(map(len, ids))
        padded = [row + [self.tokenizer.eos_token_id] * (longest - len(row)) for row in ids]
        self.steps = iter(torch.tensor(padded, device=self.model.device).T)
        return self.encoder(samples, *rest)

    def generate(self, **options):
        return self.inner(**options, logits_processor=[self.write])

    def write(self, ids, scores):
        return scores.scatter(1, next(self.steps)[:, None], torch.finfo(scores.dtype).max)


def seed_loop(model, processor, samples, encode):
    """One picture at a time, as the seed's predict."""
    answers = []
    for sample in samples:
        inputs = encode([sample], processor).to(model.device)
        with torch.inference_mode():
            out = model.generate(**inputs, max_new_tokens=8192, **GREEDY)
        new = out[:, inputs["input_ids"].shape[1] :]
        answers.append(processor.batch_decode(new, skip_special_tokens=True)[0].strip())
    return answers


def measure(name, read, samples):
    """(answers, pictures a second); a first call, not counted, warms up."""
    read(samples[:2])
    start = time.perf_counter()
    answers = read(samples)
    speed = len(samples) / (time.perf_counter() - start)
    print(f"{name:34} {speed:8.2f} pictures/s", flush=True)
    return answers, speed


def compare(make, device, samples, few, batches, dictated, static):
    """Seed's loop on the first ``few`` samples, ours on all; every answer both ways gave must be equal."""
    settings = Settings.tiny(device=device, max_new_tokens=512)
    model, processor = make(device, ours=False)
    encode = inputs.encode_prompts
    if dictated:
        dictation = Dictation(model, processor, encode)
        model.generate, encode = dictation.generate, dictation.encode
    wanted, seed = measure("seed: one at a time", lambda s: seed_loop(model, processor, s, encode), samples[:few])
    del model
    model, processor = make(device, ours=True)
    if dictated:
        dictation = Dictation(model, processor, inputs.encode_prompts)
        model.generate, reader.encode_prompts = dictation.generate, dictation.encode
    generate = model.generate
    for cache in ("dynamic", "static") if static else ("dynamic",):
        model.generate = partial(generate, cache_implementation="static") if cache == "static" else generate
        for batch in batches:
            read = partial(reader.predict, model, processor, settings=settings, batch_size=batch)
            if cache == "static":
                read(samples)  # compiling is not counted
            answers, speed = measure(f"ours: batch {batch}, {cache} cache", read, samples)
            assert answers[:few] == wanted, "the answers differ"
            print(f"{'':34} {speed / seed:8.1f} times, {few} answers equal", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--size", choices=("tiny", "2b"), default="tiny")
    options.add_argument("--device", default=None, help="cpu or cuda; default: cpu for tiny, cuda for 2b")
    options.add_argument("--pictures", type=int, default=None, help="default: 100 for tiny, 512 for 2b")
    options.add_argument("--few", type=int, default=32, help="pictures that the seed's loop reads")
    options.add_argument("--batch", type=int, nargs="+", default=[50])
    options.add_argument("--static", action="store_true")
    chosen = options.parse_args()
    large = chosen.size == "2b"
    device = chosen.device or ("cuda" if large else "cpu")
    count = chosen.pictures or (512 if large else 100)
    print(torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        samples = render.render_set(Path(folder) / "set", count, 3, part="test")
        make = large_model if large else tiny_model
        compare(make, device, samples, chosen.few, chosen.batch, large, chosen.static)


if __name__ == "__main__":
    main()
