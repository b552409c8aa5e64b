"""From samples to a batch of tensors: conversation, picture, labels. Nothing is ever cut off here."""

from contextlib import contextmanager
from pathlib import Path

from helpers.models import PROMPT
from helpers.pictures import PictureError, flatten, open_picture, picture_size
from helpers.settings import short

IGNORE = -100  # label of a position that is not trained


def read_picture(path):
    """The picture as RGB, upright, see-through parts white; see ``helpers.pictures``.

    Raises:
        FileNotFoundError, ValueError: no such file, or no picture that can be trained on; both name it.
    """
    with _naming(path):
        return flatten(open_picture(Path(path).read_bytes())).convert("RGB")


def read_size(path):
    """(width, height) of the picture's file in pixels, without decoding all of it; raises as ``read_picture``."""
    with _naming(path):
        return picture_size(Path(path).read_bytes())


@contextmanager
def _naming(path):
    """Say which file an error is about, and what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{short(path)}: no such picture -> correct the path of the sample") from error
    except PictureError as error:
        raise ValueError(f"{short(path)}: {error}") from error


def conversation(processor, prompt=PROMPT):
    """The text of one question about one picture, up to where the answer begins."""
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    return processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)


def encode_prompts(samples, processor, prompt=PROMPT):
    """Questions without answers, padded on the left: what ``generate`` wants.

    Returns:
        dict of tensors: input_ids, attention_mask, mm_token_type_ids (B, L); pixel_values (patches, 1176);
        image_grid_thw (B, 3).
    """
    pictures = [read_picture(sample.image) for sample in samples]
    texts = [conversation(processor, prompt)] * len(samples)
    inputs = processor(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
    _check_image_tokens(inputs, processor, samples)
    return inputs


def _check_image_tokens(inputs, processor, samples):
    """A wrong placeholder gives a model that trains blind, without any error: so count."""
    expected = inputs["image_grid_thw"].prod(1) // processor.image_processor.merge_size**2
    found = (inputs["input_ids"] == processor.image_token_id).sum(1)
    for sample, want, have in zip(samples, expected.tolist(), found.tolist(), strict=True):
        if want != have:
            raise ValueError(f"{short(sample.image)}: {have} image tokens in the text for {want} from the picture")


def collate(samples, processor, prompt=PROMPT, max_length=2048):
    """A training batch. Only the answer and the token that ends it are trained.

    Rows are padded on the left, so all answers end together and logits are computed only for the last
    ``logits_to_keep`` positions: the longest answer, and one before it.

    Args:
        samples: list of ``Sample``.
        processor: a ``Qwen2VLProcessor``.
        prompt: the question, the same for all.
        max_length: longest row in tokens.

    Returns:
        dict: input_ids, attention_mask, mm_token_type_ids (B, L); labels (B, logits_to_keep);
        pixel_values (patches of all pictures, 1176); image_grid_thw (B, 3); logits_to_keep (int).

    Raises:
        ValueError: a row is longer than ``max_length``, and nothing is cut; an answer holds a special token; a picture
            cannot be read. The picture is named.
    """
    import torch

    inputs = encode_prompts(samples, processor, prompt)
    tokenizer = processor.tokenizer
    answers = [_answer(sample, tokenizer) for sample in samples]
    longest = max(map(len, answers))
    questions = inputs["attention_mask"].sum(1).tolist()
    for sample, question, answer in zip(samples, questions, answers, strict=True):
        if question + len(answer) > max_length:
            raise ValueError(
                f"{short(sample.image)}: {question} + {len(answer)} tokens are more than {max_length}"
                " -> shorten the answer, lower max_pixels or raise max_length"
            )
    rows = {name: [] for name in ("input_ids", "attention_mask", "mm_token_type_ids")}
    for row, answer in enumerate(answers):
        new = torch.tensor(answer)
        room = longest - len(answer)
        for name, tail in (
            ("input_ids", new),
            ("attention_mask", torch.ones_like(new)),
            ("mm_token_type_ids", torch.zeros_like(new)),
        ):
            front = torch.full((room,), tokenizer.pad_token_id if name == "input_ids" else 0)
            rows[name].append(torch.cat([front, inputs[name][row], tail]))
    labels = [torch.tensor([IGNORE] * (longest + 1 - len(answer)) + answer) for answer in answers]
    batch = {name: torch.stack(values) for name, values in rows.items()}
    pictures = {name: inputs[name] for name in ("pixel_values", "image_grid_thw")}
    return batch | pictures | {"labels": torch.stack(labels), "logits_to_keep": longest + 1}


def _answer(sample, tokenizer):
    """Token ids of an answer and of the token that ends it."""
    ids = tokenizer(sample.text).input_ids
    special = [token for token in ids if token in tokenizer.all_special_ids]
    if special:
        words = ", ".join(tokenizer.convert_ids_to_tokens(special))
        raise ValueError(f"{short(sample.image)}: the answer holds the special token {words} -> take it out")
    return ids + [tokenizer.eos_token_id]
