"""Answers from a model that is in the middle of training or not: greedy unless said otherwise."""

from contextlib import contextmanager

GREEDY = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}  # whatever the checkpoint prefers


@contextmanager
def evaluating(model):
    """``model`` in evaluation mode, without gradients; afterwards in the mode it was in."""
    import torch

    trained = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(trained)


def generate(model, inputs, max_new_tokens, **options):
    """The new tokens of each row of ``inputs``, (B, longest answer); after an answer's end come padding tokens."""
    with evaluating(model):
        out = model.generate(**inputs.to(model.device), max_new_tokens=max_new_tokens, **(GREEDY | options))
    return out[:, inputs["input_ids"].shape[1] :]


def decode(processor, tokens):
    """The texts of generated tokens, stripped: list of str."""
    return [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]
