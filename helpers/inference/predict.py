"""Answers from a model: many pictures at a time, greedy; or several drawn at random for one."""

import math
from dataclasses import dataclass
from functools import partial

from helpers.data.images import read_size
from helpers.inference import fast
from helpers.language import message
from helpers.models.generate import decode, generate
from helpers.models.inputs import PROMPT, encode_prompts


@dataclass(frozen=True)
class Answer:
    """What the model read, and how sure it was of the tokens it chose (the one that ends the answer included).

    log_probability  sum of the tokens' log-probabilities (natural logarithm): exp of it is the probability of the text
    weakest          probability of the token it was least sure of
    tokens           how many tokens there are
    """

    text: str
    log_probability: float
    weakest: float
    tokens: int

    @property
    def probability(self) -> float:
        """Probability of the whole answer."""
        return math.exp(self.log_probability)

    @property
    def mean_log_probability(self) -> float:
        """Mean over tokens: comparable between short and long answers."""
        return self.log_probability / self.tokens


def predict(model, processor, samples, settings, prompt=PROMPT, batch_size=None):
    """Read each picture, greedily.

    Pictures of like size go together, so little is padded; answers come back in the order of ``samples``. On a GPU many
    are read the way of ``fast``, if that is sooner done; a line says so.

    Args:
        model, processor: from ``models.load``, with or without an adapter.
        samples: list of ``Sample``; only the pictures are used.
        settings: ``max_new_tokens`` bounds an answer.
        batch_size: pictures at a time: 50, and on a GPU for many pictures what its memory allows, if not given.

    Returns:
        list of str, one a sample.

    Raises:
        FileNotFoundError, ValueError: a picture is missing or cannot be read; names it, before any is read.
    """
    answers = {}
    if fast.pays(model, len(samples)):
        print(message("predict.fast", count=len(samples), factor=f"{fast.factor(len(samples)):.1f}"))
        answers = fast.read(model, processor, samples, settings, prompt, batch_size)
    left = [index for index in range(len(samples)) if index not in answers]
    rest = _batched(partial(_read, model, processor, settings, prompt), [samples[i] for i in left], batch_size or 50)
    answers |= zip(left, rest, strict=True)
    return [answers[index] for index in range(len(samples))]


def predict_with_confidence(model, processor, samples, settings, prompt=PROMPT, batch_size=50):
    """The same answers as ``predict``, each with the probabilities of its tokens: list of ``Answer``.

    Probabilities are those of the softmax over the whole vocabulary, in float32. Arguments and errors as ``predict``.
    """
    return _batched(partial(_read_confident, model, processor, settings, prompt), samples, batch_size)


def sample_answers(model, processor, sample, settings, count=5, temperature=1.0, prompt=PROMPT):
    """``count`` answers for one picture, each token drawn by its probability: list of str.

    Args:
        temperature: divides the logits; below 1 the likelier tokens gain, towards 0 it becomes greedy decoding.

    ``settings.seed`` decides what is drawn; the random numbers of the caller are not touched. Errors as ``predict``.
    """
    import torch

    drawing = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(settings.seed)
        out = _generate(model, processor, settings, prompt, [sample] * count, **drawing)
    return decode(processor, out)


def _batched(read, samples, batch_size):
    """``read`` (list of samples -> list of answers) on samples of like size together; answers in the order given."""
    import torch
    from tqdm.auto import tqdm

    sizes = [math.prod(read_size(sample.file)) for sample in samples]  # names a bad picture before any is read
    order = sorted(range(len(samples)), key=sizes.__getitem__)
    answers = [None] * len(samples)
    with tqdm(total=len(samples), desc=message("predict.reading"), leave=False) as bar:
        for start in range(0, len(samples), batch_size):
            chosen = order[start : start + batch_size]
            try:
                found = read([samples[index] for index in chosen])
            except torch.OutOfMemoryError as error:
                raise MemoryError(message("predict.gpu_full", count=len(chosen))) from error
            for index, answer in zip(chosen, found, strict=True):
                answers[index] = answer
            bar.update(len(chosen))
    return answers


def _read(model, processor, settings, prompt, samples):
    """The answers for one batch."""
    return decode(processor, _generate(model, processor, settings, prompt, samples))


def _generate(model, processor, settings, prompt, samples, **options):
    """The new tokens for one batch, (B, longest answer)."""
    return generate(model, encode_prompts(samples, processor, prompt), settings.max_new_tokens, **options)


def _read_confident(model, processor, settings, prompt, samples):
    """The answers for one batch with their confidence.

    Kept from each step is one number a row, not the logits of the vocabulary: those of 50 rows and 512 steps of
    Qwen2-VL would be 16 GB.
    """
    import torch
    from transformers import LogitsProcessorList

    steps = []

    def record(_, scores):
        steps.append(scores.float().log_softmax(-1).amax(-1))
        return scores

    tokens = _generate(model, processor, settings, prompt, samples, logits_processor=LogitsProcessorList([record]))
    ends = model.generation_config.eos_token_id
    ended = torch.isin(tokens, torch.tensor(ends, device=tokens.device))
    inside = (ended.cumsum(1) - ended.long()) == 0  # up to and with the first end token
    found = torch.stack(steps, 1).masked_fill(~inside, 0).double()
    texts = decode(processor, tokens)
    columns = (found.sum(1).tolist(), found.amin(1).exp().tolist(), inside.sum(1).tolist())
    return [Answer(*row) for row in zip(texts, *columns, strict=True)]
