"""Reading pictures at Qwen2-VL-2B's size: the seed's loop, plain batches, and the fast way, in one run on one GPU.

    python tests/benchmarks/inference.py            (one GPU with 80 GB; 7 minutes)
    python tests/benchmarks/inference.py adapter    (only with an adapter; "base": only without)
    python tests/benchmarks/inference.py small      (the shipped tiny model on a CPU: tries the script, stores nothing)

The seed's loop: one picture at a time, max_new_tokens 8192, the model as transformers loads it. Random weights never
end an answer, so in each way the same answers of 20 to 120 tokens are dictated, token by token, after each full step;
what the model itself would have chosen is kept. ``agreement``: how many of those choices are the ones that a float32
copy makes with the same tokens before; the rest is rounding of bfloat16, and no way should have more than the seed's.
Last, the shipped model's own answers in float32 on the GPU, ended by itself: plain and fast must be equal.
"""

import gc
import json
import random
import sys
import tempfile
import time
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path

import torch
from random_models import ROOT, words_of

from helpers.data.samples import Sample
from helpers.inference import decoder, fast
from helpers.models import attention, families, inputs
from helpers.models.generate import GREEDY
from helpers.models.load import load
from helpers.pretraining import tiny_qwen2_vl
from helpers.settings import Settings

reader = import_module("helpers.inference.predict")  # the module; the package's face has a function of that name
SMALL = "small" in sys.argv[1:]
DEVICE = "cpu" if SMALL else "cuda"
FEW, SOME, MANY = (2, 4, 12) if SMALL else (24, 200, 3072)  # pictures for the seed's loop, plain batches, the fast way
ROWS = 4 if SMALL else None
SETTINGS = Settings.tiny(device=DEVICE, max_new_tokens=512, lora_r=64)
LANGUAGE = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"


def build(adapter, dtype=torch.bfloat16):
    """(model, processor): random weights, or the shipped tiny model if small; with a random adapter or not."""
    from official_layouts import QWEN2_VL
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    if SMALL:
        model, processor = load("qwen2_vl", SETTINGS)
    else:
        processor, row = tiny_qwen2_vl.qwen2_vl_processor(), families.FAMILIES["qwen2_vl"]
        processor.image_processor.size = {"shortest_edge": row.min_pixels, "longest_edge": row.max_pixels}
        config = Qwen2VLConfig.from_dict(QWEN2_VL)
        config.image_token_id, config.vision_start_token_id = (
            processor.tokenizer.convert_tokens_to_ids(token) for token in ("<|image_pad|>", "<|vision_start|>")
        )
        torch.manual_seed(0)
        with torch.device(DEVICE):
            model = Qwen2VLForConditionalGeneration._from_config(config, dtype=torch.bfloat16).to(dtype).eval()
        model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
        model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    if adapter:
        torch.manual_seed(1)
        rank = SETTINGS.lora_r
        config = LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=2 * rank, target_modules=LANGUAGE)
        model = get_peft_model(model, config).eval()
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.data = (0.01 * torch.randn(weight.shape)).bfloat16().to(weight.device, weight.dtype)
    return model, processor


def draw(folder, count, processor):
    """Pictures of noise in many sizes, with answers of 20 to 120 tokens."""
    from PIL import Image

    rng, samples, tokenizer, words = random.Random(0), [], processor.tokenizer, words_of(processor.tokenizer)
    for index in range(count):
        height, width = (2, rng.randint(3, 6)) if SMALL else (rng.choice([2, 3, 4, 5, 6]), rng.randint(8, 30))
        path = folder / f"{index}.png"
        Image.effect_noise((28 * width, 28 * height), 50).convert("L").save(path)
        wanted = rng.randint(20, 120)
        text = "".join(rng.choice(words) for _ in range(wanted))
        samples.append(Sample(path, tokenizer.decode(tokenizer(text).input_ids[:wanted])))
    return samples


class Dictation:
    """Lets every way of reading write the samples' texts; ``own`` keeps what the model would have chosen itself."""

    def __init__(self, processor, samples):
        tokenizer = processor.tokenizer
        self.end, self.own = tokenizer.eos_token_id, {}
        self.number = {sample.file: index for index, sample in enumerate(samples)}
        self.rows = [[*tokenizer(sample.text).input_ids, self.end] for sample in samples]
        reader.encode_prompts = fast.encode_prompts = self.encode
        dictation, begin, run = self, BEGIN, RUN

        def begin_dictated(self, batch):
            if not hasattr(self, "dictated"):
                self.dictated, self.chosen = torch.zeros_like(self.written), torch.zeros_like(self.written)
            rows = batch.pop("dictated")
            self.dictated.fill_(dictation.end)
            self.dictated[: len(rows), : rows.shape[1]] = rows.to(self.dictated.device)
            begin(self, batch)

        def run_dictated(self, batch):
            numbers = batch.pop("number").tolist()
            tokens = run(self, batch)
            dictation.keep(numbers, self.chosen[: len(numbers)].tolist())
            STAMPS.append((time.perf_counter(), len(numbers)))
            return tokens

        def choose(self, scores):
            self.chosen.index_copy_(1, self.count, scores.argmax(-1)[:, None])
            return self.dictated.index_select(1, self.count)[:, 0]

        kind = decoder.Decoder
        kind._begin, kind.__call__, kind.choose = begin_dictated, run_dictated, choose

    def encode(self, samples, processor, prompt=inputs.PROMPT):
        batch, numbers = inputs.encode_prompts(samples, processor, prompt), [self.number[s.file] for s in samples]
        longest = max(len(self.rows[number]) for number in numbers)
        rows = [self.rows[number] + [self.end] * (longest - len(self.rows[number])) for number in numbers]
        batch["dictated"], batch["number"] = torch.tensor(rows), torch.tensor(numbers)
        return batch

    def keep(self, numbers, chosen):
        self.own |= {number: row[: len(self.rows[number])] for number, row in zip(numbers, chosen, strict=True)}

    def into(self, model):
        """Make ``model.generate`` write what is dictated."""
        generate = model.generate

        def dictated(dictated, number, **options):
            steps, own = iter(dictated.T), []

            def write(ids, scores):
                own.append(scores.argmax(-1))
                return scores.scatter(1, next(steps)[:, None], torch.finfo(scores.dtype).max)

            out = generate(**options, logits_processor=[write])
            self.keep(number.tolist(), torch.stack(own, 1).tolist())
            return out

        model.generate = dictated

    def agreement(self, wanted):
        """Share of the choices in ``wanted`` (by number of sample) that were made here, too."""
        pairs = [pair for number in wanted for pair in zip(self.own[number], wanted[number], strict=True)]
        return round(sum(a == b for a, b in pairs) / len(pairs), 4)


BEGIN, RUN, CHOOSE = decoder.Decoder._begin, decoder.Decoder.__call__, decoder.Decoder.choose
STAMPS = []  # when the fast way had ended a batch, and how many pictures it was


def seed_loop(model, processor, encode, samples):
    """One picture at a time, as the seed's predict."""
    answers = []
    for sample in samples:
        batch = encode([sample], processor).to(model.device)
        with torch.inference_mode():
            out = model.generate(**batch, max_new_tokens=8192, **GREEDY)
        new = out[:, batch["input_ids"].shape[1] :]
        answers.append(processor.batch_decode(new, skip_special_tokens=True)[0].strip())
    return answers


def clock(read, samples):
    """(answers, seconds)."""
    start = time.perf_counter()
    answers = read(samples)
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return answers, time.perf_counter() - start


def measure(way, adapter, samples, wanted=None):
    """(row for the table, what the model would have chosen) of one way to read ``samples``."""
    model, processor = build(adapter, torch.float32 if way == "float32" else torch.bfloat16)
    dictation = Dictation(processor, samples)
    if way != "seed" and not SMALL:
        attention.batch_vision_attention(model.get_base_model() if adapter else model)
    if way == "fast":
        STAMPS.clear()
        read = partial(read_fast, model, processor)
    else:
        dictation.into(model)
        size = len(samples) if way == "float32" else 4 if SMALL else 50
        batches = partial(plain, model, processor, size)
        read = partial(seed_loop, model, processor, dictation.encode) if way == "seed" else batches
        read(samples[:2])  # warms up
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    answers, seconds = clock(read, samples)
    assert answers == [sample.text.strip() for sample in samples], f"{way} did not write what was dictated"
    row = {"way": way, "adapter": adapter, "pictures": len(samples), "seconds": round(seconds, 2)}
    row["pictures_per_second"] = round(len(samples) / seconds, 2)
    if way == "fast":
        (begun, rows), (ended, _) = STAMPS[1], STAMPS[-1]
        row["steady_pictures_per_second"] = round(sum(n for _, n in STAMPS[2:]) / max(ended - begun, 1e-9), 2)
        row |= {
            "rows": rows,
            "batch_seconds": [round(b - a, 2) for (a, _), (b, _) in zip(STAMPS, STAMPS[1:], strict=False)],
        }
    if wanted:
        row["agreement"] = dictation.agreement(wanted)
    if DEVICE == "cuda":
        row["peak_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    print(json.dumps(row), flush=True)
    own = dictation.own
    del model, read, dictation
    gc.collect()  # a patched model refers to itself
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
    return row, own


def plain(model, processor, size, samples):
    """``predict`` as it reads a few pictures."""
    return reader._batched(partial(reader._read, model, processor, SETTINGS, inputs.PROMPT), samples, size)


def read_fast(model, processor, samples):
    """``predict`` as it reads many; here nothing may be left for the plain way."""
    answers = fast.read(model, processor, samples, SETTINGS, inputs.PROMPT, ROWS)
    assert len(answers) == len(samples), "the fast way gave up"
    return [answers[index] for index in range(len(samples))]


def own_answers(samples):
    """The shipped model in float32, answers ended by itself: how many are equal, plain and fast."""
    kind = decoder.Decoder
    kind._begin, kind.__call__, kind.choose = BEGIN, RUN, CHOOSE
    reader.encode_prompts = fast.encode_prompts = inputs.encode_prompts
    model, processor = load("qwen2_vl", SETTINGS)
    one, other = plain(model, processor, 50, samples), read_fast(model, processor, samples)
    equal = sum(a == b for a, b in zip(one, other, strict=True))
    row = {"way": "own_answers", "pictures": len(samples), "equal": equal, "distinct": len(set(one))}
    print(json.dumps(row), flush=True)
    return row


def compare(adapter, samples, keep):
    """The ways beside one another: without or with an adapter."""
    row, wanted = measure("float32", adapter, samples[:FEW])
    keep(row)
    seed = None
    for way, count in (("seed", FEW), ("batches", SOME), ("fast", MANY)):
        row = measure(way, adapter, samples[:count], wanted)[0]
        seed = seed or row["pictures_per_second"]
        row["times_seed"] = round(row["pictures_per_second"] / seed, 1)
        if way == "fast":
            row["steady_times_seed"] = round(row["steady_pictures_per_second"] / seed, 1)
        keep(row)


def main():
    facts = {"card": "cpu" if SMALL else torch.cuda.get_device_name(), "torch": torch.__version__.split("+")[0]}
    facts["date"] = date.today().isoformat()
    path = Path(tempfile.mkdtemp()) / "inference.json" if SMALL else ROOT / "data" / "benchmarks" / "inference.json"
    rows = json.loads(path.read_bytes())["rows"] if path.exists() else []

    def keep(row):
        rows[:] = [old for old in rows if any(old.get(key) != row.get(key) for key in ("way", "adapter"))] + [row]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory() as folder:
        samples = draw(Path(folder), MANY, build(False)[1] if SMALL else tiny_qwen2_vl.qwen2_vl_processor())
        for adapter in [True] if "adapter" in sys.argv else [False] if "base" in sys.argv else [False, True]:
            compare(adapter, samples, keep)
        keep(own_answers(samples[: 4 if SMALL else 200]))


if __name__ == "__main__":
    main()
