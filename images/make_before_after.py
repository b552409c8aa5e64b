"""Draw images/before_after.png, the picture in the READMEs, from what lesson 6 left in a tour.

    make tour LESSONS=06_qwen2_vl_lora && LESSON_OUTPUT=build/lessons/en .venv/bin/python images/make_before_after.py

The first six pictures of the lesson's test set, read by the base model and by base + adapter; nothing is picked.
"""

from pathlib import Path

from matplotlib.figure import Figure
from peft import PeftModel
from PIL import Image

from helpers.data import tasks
from helpers.data.synthetic import papers
from helpers.inference.predict import predict
from helpers.models.load import load
from helpers.settings import Settings
from helpers.show import kinds

COUNT = 6
settings = Settings.tiny()
folder = settings.output_dir / "06_qwen2_vl_lora"
samples = tasks.formulas(settings, folder, "handwritten")[1][:COUNT]
model, processor = load("qwen2_vl", settings)
before = predict(model, processor, samples, settings)
tuned = PeftModel.from_pretrained(model, folder / "run" / "adapter").eval()
after = predict(tuned, processor, samples, settings)

figure = Figure(figsize=(9, 0.62 * COUNT + 0.3), dpi=110, facecolor="white")
for row, sample in enumerate(samples):
    answers = [("picture", sample.file), ("before", before[row]), ("after", after[row])]
    for column, (head, content) in enumerate(answers):
        axes = figure.add_subplot(COUNT, 3, 3 * row + column + 1)
        axes.axis("off")
        if row == 0:
            axes.set_title(head, fontsize=11)
        if column == 0:
            with Image.open(content) as picture:
                shown = picture.copy()
        else:
            shown = kinds.formula_picture(content)
            right = content.split() == sample.text.split()
            axes.text(-0.04, 0.5, "✓" if right else "✗", color="#2e9e4f" if right else "#c0392b", fontsize=15,
                      transform=axes.transAxes, va="center", ha="right")  # fmt: skip
        if shown is None:  # it cannot be drawn
            axes.text(0, 0.5, content[:48], fontsize=7, family="monospace", va="center", transform=axes.transAxes)
            continue
        axes.imshow(shown, cmap="gray", vmin=0, vmax=255, extent=(0, shown.width, 0, shown.height))
        axes.set_xlim(0, papers.LARGEST[0])
        axes.set_ylim(0, papers.LARGEST[1])
figure.tight_layout(pad=0.4)
figure.savefig(Path(__file__).with_name("before_after.png"))
