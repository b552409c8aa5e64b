"""Do the fast ways learn what the plain one learns? The shipped Qwen2-VL, handwritten formulas, 5 seeds, 300 steps.

    python tests/benchmarks/equality.py          (a GPU: bfloat16, graphs, compiled layers; a CPU: float32, packed)
    python tests/benchmarks/equality.py small    (one seed, four steps: does it run?)

Each seed is trained by ``training.train`` in three ways: plainly as it is, batches by length; plainly with the fast
way's batches, which are balanced; fast. The last two see the same samples in the same order, so they differ by rounding
alone; the first one is another draw of the same training. Handwritten pictures are much alike: sizes are rounded to
finer steps here than ``packing`` does, so that batches come in many sizes, as those of real pictures, and about half of
them run in graphs made for larger ones. Read are 200 held-out pictures. Loss is that of the held-out answers, a mean
over labels. Rows go to data/benchmarks/equality.json, with what the ways are apart on average and how far the seeds are
(standard deviation).
"""

import json
import statistics
import sys
import tempfile
from functools import partial
from importlib import import_module
from pathlib import Path

import results
import torch
from transformers import BatchFeature

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from helpers import Settings, data, evaluation, inference, models, training  # noqa: E402
from helpers.training.batches import arranged  # noqa: E402
from helpers.training.packing import STEPS as ROUNDED  # noqa: E402
from helpers.training.ways import PLAIN, Way  # noqa: E402

SMALL, CUDA = sys.argv[1:] == ["small"], torch.cuda.is_available()
SEEDS, STEPS, BATCH, TEST = (1, 4, 8, 8) if SMALL else (5, 300, 8, 200)
WAYS = ("plain", "balanced", "fast")
FAST = Way("compiled", 216, 107, capture=True, compiled=True) if CUDA else Way("packed", 63, 2)


def settings_of(seed):
    place = {"device": "cuda", "dtype": "bfloat16"} if CUDA else {}
    return Settings.tiny(
        seed=seed, train_samples=STEPS * BATCH, test_samples=TEST, batch_size=BATCH, tracker="disabled", **place
    )


def held_out_loss(model, processor, samples):
    """Mean over all labels of the held-out answers."""
    total = count = 0
    for start in range(0, len(samples), 20):
        batch = training.collate(samples[start : start + 20], processor)
        labels = int((batch["labels"] != training.IGNORE).sum())
        with torch.no_grad():
            total += model(**BatchFeature(batch).to(model.device)).loss.item() * labels
        count += labels
    return total / count


def run(folder, name, seed):
    """One training and its reading: a row of the results."""
    torch.set_num_threads(1)
    ROUNDED.update(tokens=16, patches=16, answers=16)
    trainer = import_module("helpers.training.trainer")
    trainer.choose_way = lambda model, settings: FAST if name == "fast" else PLAIN
    trainer.arranged = lambda *given: arranged(*given[:3], name != "plain" and processor.tokenizer)
    settings = settings_of(seed)
    train, test = data.formulas(settings_of(0), folder / "data", "handwritten")  # drawn before, the same for all
    torch.manual_seed(seed)
    model, processor = models.load("qwen2_vl", settings)
    model = models.add_lora(model, "qwen2_vl", settings)
    training.train(model, processor, train, settings, folder / f"{name}-{seed}")
    model.eval()
    answers = inference.predict(model, processor, test, settings)
    scores = evaluation.score(answers, [sample.text for sample in test])
    row = {"way": name, "seed": seed, "loss": round(held_out_loss(model, processor, test), 4)}
    return row | {metric: round(scores[metric].value, 4) for metric in ("exact_match", "cer")}


def apart(rows, one, other):
    """How much larger the figures of ``other`` are on average, and how far apart the seeds of ``one`` are."""
    seeds = [row["seed"] for row in rows if row["way"] == one]
    found = {"ways": [one, other], "seeds": len(seeds)}
    for metric in ("loss", "exact_match", "cer"):
        first, second = (
            [row[metric] for row in rows if row["way"] == name and row["seed"] in seeds] for name in (one, other)
        )
        found[metric] = round(statistics.mean(second) - statistics.mean(first), 4)
        found[f"{metric}_seeds"] = round(statistics.stdev(first), 4) if len(first) > 1 else 0.0
    return found


def main():
    facts = results.facts(small=not CUDA) | {"steps": STEPS, "batch_size": BATCH, "test_samples": TEST}
    with tempfile.TemporaryDirectory() as place, results.fresh_processes(5 if CUDA else 2) as pool:
        data.formulas(settings_of(0), Path(place) / "data", "handwritten")
        jobs = [(name, seed) for seed in range(SEEDS) for name in WAYS]
        rows = []
        for row in pool.map(partial(run, Path(place)), *zip(*jobs, strict=True)):
            print(json.dumps(row), flush=True)
            rows.append(row)
    found = facts | {"rows": rows, "apart": [apart(rows, name, "fast") for name in WAYS[:2]]}
    print(json.dumps(found, indent=1))
    if not SMALL:
        results.write("equality", found)


if __name__ == "__main__":
    main()
