"""Answers from a model: many pictures at a time, greedy."""

import math

from helpers.collate import encode_prompts, read_size
from helpers.models import PROMPT

GREEDY = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}  # whatever the checkpoint prefers


def predict(model, processor, samples, settings, prompt=PROMPT, batch_size=50):
    """Read each picture.

    Pictures of like size go together, so little is padded; answers come back in the order of ``samples``.

    Args:
        model, processor: from ``models.load``, with or without an adapter.
        samples: list of ``Sample``; only the pictures are used.
        settings: ``max_new_tokens`` bounds an answer.

    Returns:
        list of str, one a sample.

    Raises:
        FileNotFoundError, ValueError: a picture is missing or cannot be read; names it, before any is read.
    """
    from tqdm.auto import tqdm

    sizes = [math.prod(read_size(sample.image)) for sample in samples]  # names a bad picture before any is read
    order = sorted(range(len(samples)), key=sizes.__getitem__)
    answers = [""] * len(samples)
    trained = model.training
    model.eval()
    try:
        with tqdm(total=len(samples), desc="reading", leave=False) as bar:
            for start in range(0, len(samples), batch_size):
                chosen = order[start : start + batch_size]
                texts = _read([samples[index] for index in chosen], model, processor, settings, prompt)
                for index, text in zip(chosen, texts, strict=True):
                    answers[index] = text
                bar.update(len(chosen))
    finally:
        model.train(trained)
    return answers


def _read(samples, model, processor, settings, prompt):
    """The answers for one batch."""
    import torch

    inputs = encode_prompts(samples, processor, prompt).to(model.device)
    with torch.inference_mode():
        out = model.generate(**inputs, max_new_tokens=settings.max_new_tokens, **GREEDY)
    texts = processor.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in texts]
