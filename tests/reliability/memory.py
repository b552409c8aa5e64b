"""Does a long run's memory stay flat? 2,000 steps of ``training.train``, batch 1, and the memory after every 100.

python tests/reliability/memory.py                      a few minutes on a CPU
"""

import os
import sys
import tempfile
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

from transformers import TrainerCallback  # noqa: E402

from helpers import Settings, data, models, training  # noqa: E402

STEPS, SAMPLES, ALLOWED = 2000, 40, 60  # MB that the second half may add


class Memory(TrainerCallback):
    """Resident memory in MB by step."""

    def __init__(self):
        self.seen = {}

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step % 100 == 0:
            self.seen[state.global_step] = psutil.Process().memory_info().rss / 1e6


def main():
    settings = Settings.tiny(
        train_samples=SAMPLES, test_samples=1, batch_size=1, epochs=STEPS // SAMPLES, lora_r=4, tracker="disabled"
    )
    memory = Memory()
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        samples, _ = data.formulas(settings, place / "data", "printed")
        model, processor = models.load("qwen2_vl", settings)
        model = models.add_lora(model, "qwen2_vl", settings)
        training.train(model, processor, samples, settings, place / "run", [memory])
    print(" ".join(f"{step}: {size:.0f} MB" for step, size in memory.seen.items()))
    grown = memory.seen[STEPS] - memory.seen[STEPS // 2]
    print(f"from step {STEPS // 2} to step {STEPS}: {grown:+.0f} MB, {ALLOWED} allowed")
    sys.exit(grown > ALLOWED)


if __name__ == "__main__":
    main()
