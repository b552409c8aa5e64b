"""How well do the tiny models read real print that they never saw?

    python tests/reference/real_print.py FOLDER [FAMILY ...]    (FOLDER/data.jsonl: {"image": .., "text": ..} a line)

Prints for each family CER, BLEU, exact match as written and after normalising, the share of pictures whose rendered
answer looks the same, the tokens most often mistaken, accuracy by the length of the formula, and some answers.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]
from helpers import Settings, evaluation, inference, models  # noqa: E402
from helpers.data.samples import load_jsonl  # noqa: E402
from helpers.notation.latex import normalise_latex  # noqa: E402

LONGEST = 200  # tokens of an answer
SHOWN = 8


def main(folder, *families):
    settings, samples = Settings.tiny(max_new_tokens=LONGEST), load_jsonl(Path(folder) / "data.jsonl")
    truths = [sample.text for sample in samples]
    for family in families or ("qwen2_vl",):
        model, processor = models.load(family, settings)
        answers = inference.predict(model, processor, samples, settings)
        print(f"{family}, n = {len(samples)}")
        for name, interval in evaluation.score(answers, truths, formulas=True).items():
            print(f"  {name:20} {interval}")
        plain = [[normalise_latex(text) for text in texts] for texts in (answers, truths)]
        for mistake in evaluation.confusions(*plain)[:20]:
            print(" ", mistake)
        lengths = [len(truth.split()) for truth in truths]
        right = [answer == truth for answer, truth in zip(*plain, strict=True)]
        for part in evaluation.accuracy_by(lengths, right, bins=4):
            print(" ", part)
        for answer, truth in list(zip(answers, truths, strict=True))[:SHOWN]:
            print(f"  truth {truth}\n  model {answer}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
