"""From samples to a batch of tensors: conversation, picture, labels. Nothing is ever cut off here."""

from helpers.language import message
from helpers.models.inputs import PROMPT, encode_prompts, special_tokens
from helpers.paths import short

IGNORE = -100  # label of a position that is not trained


def collate(samples, processor, prompt=PROMPT, max_length=2048):
    """A training batch. Only the answer and the token that ends it are trained.

    Rows are padded on the left, so all answers end together and logits are computed only for the last
    ``logits_to_keep`` positions: the longest answer, and one before it.

    Args:
        samples: list of ``Sample``.
        processor: the processor of a family of ``models.FAMILIES``.
        prompt: the question, the same for all.
        max_length: longest row in tokens.

    Returns:
        dict: what ``encode_prompts`` returns, the rows with their answers; labels (B, logits_to_keep);
        logits_to_keep (int).

    Raises:
        ValueError: a row is longer than ``max_length``, and nothing is cut; an answer holds a special token; a picture
            cannot be read. The picture is named.
    """
    import torch

    inputs = encode_prompts(samples, processor, prompt)
    tokenizer = processor.tokenizer
    special = special_tokens(processor)
    answers = [_answer(sample, tokenizer, special) for sample in samples]
    longest = max(map(len, answers))
    questions = inputs["attention_mask"].sum(1).tolist()
    for sample, question, answer in zip(samples, questions, answers, strict=True):
        if question + len(answer) > max_length:
            facts = {"question": question, "answer": len(answer), "limit": max_length}
            raise ValueError(message("collate.too_long", file=short(sample.file), **facts))
    fillers = {
        "input_ids": (tokenizer.pad_token_id, answers),
        "attention_mask": (0, [[1] * len(answer) for answer in answers]),
        "mm_token_type_ids": (0, [[0] * len(answer) for answer in answers]),  # 0: text
    }
    batch = dict(inputs)
    for name in fillers.keys() & inputs.keys():
        batch[name] = _lengthen(inputs[name], *fillers[name])
    if "image_bound" in inputs:  # the places in the text have moved
        batch |= processor.bounds(batch["input_ids"])
    labels = [torch.tensor([IGNORE] * (longest + 1 - len(answer)) + answer) for answer in answers]
    return batch | {"labels": torch.stack(labels), "logits_to_keep": longest + 1}


def fill(samples, make, filler):
    """What ``make`` makes of those samples that are not None; if there are none, of ``filler``, and without labels."""
    there = [sample for sample in samples if sample is not None]
    batch = make(there or [filler])
    if not there:
        batch["labels"].fill_(IGNORE)
    return batch


def _lengthen(rows, filler, tails):
    """``rows`` (B, L) with a tail behind each and fillers in front of it: (B, L + longest tail)."""
    import torch

    longest = max(map(len, tails))
    fronts = [torch.full((longest - len(tail),), filler) for tail in tails]
    parts = zip(fronts, rows, map(torch.tensor, tails), strict=True)
    return torch.stack([torch.cat(part) for part in parts])


def _answer(sample, tokenizer, special):
    """Token ids of an answer and of the token that ends it; ``special``: strings that must not stand in an answer."""
    if found := [token for token in special if token in sample.text]:
        raise ValueError(message("collate.special", file=short(sample.file), tokens=", ".join(found)))
    return tokenizer(sample.text).input_ids + [tokenizer.eos_token_id]
