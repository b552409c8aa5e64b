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


def conversation(processor, prompt=PROMPT, medium="image"):
    """The text of one question about one picture (or ``medium`` "audio": sound), up to where the answer begins."""
    content = [{"type": medium}, {"type": "text", "text": prompt}]
    return processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)


def encode_prompts(samples, processor, prompt=PROMPT):
    """Questions without answers, padded on the left: what ``generate`` wants.

    Returns:
        dict of tensors: input_ids, attention_mask (B, L), and the family's own: for Qwen2-VL and GLM-OCR
        mm_token_type_ids (B, L), pixel_values (patches, 1176), image_grid_thw (B, 3); for MiniCPM lists with an entry
        for each row: pixel_values, tgt_sizes, image_bound.
    """
    pictures = [read_picture(sample.image) for sample in samples]
    texts = [conversation(processor, prompt)] * len(samples)
    inputs = processor(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
    for sample, want, have in zip(samples, *_image_tokens(inputs, processor), strict=True):
        if want != have:  # the model would train blind, without any error
            raise ValueError(f"{short(sample.image)}: {have} image tokens in the text for {want} from the picture")
    return inputs


def _image_tokens(inputs, processor):
    """Two lists: the image tokens each row's picture becomes, and the places for them in the row's text."""
    images = processor.image_processor
    if "image_bound" in inputs:  # MiniCPM
        made = [len(sizes) * images.image_feature_size for sizes in inputs["tgt_sizes"]]
        return made, [int((bounds[:, 1] - bounds[:, 0]).sum()) for bounds in inputs["image_bound"]]
    places = (inputs["input_ids"] == processor.image_token_id).sum(1)
    return (inputs["image_grid_thw"].prod(1) // images.merge_size**2).tolist(), places.tolist()


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
    answers = [_answer(sample, tokenizer) for sample in samples]
    longest = max(map(len, answers))
    questions = inputs["attention_mask"].sum(1).tolist()
    for sample, question, answer in zip(samples, questions, answers, strict=True):
        if question + len(answer) > max_length:
            raise ValueError(
                f"{short(sample.image)}: {question} + {len(answer)} tokens are more than {max_length}"
                " -> shorten the answer, lower max_pixels or raise max_length"
            )
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


def _lengthen(rows, filler, tails):
    """``rows`` (B, L) with a tail behind each and fillers in front of it: (B, L + longest tail)."""
    import torch

    longest = max(map(len, tails))
    fronts = [torch.full((longest - len(tail),), filler) for tail in tails]
    parts = zip(fronts, rows, map(torch.tensor, tails), strict=True)
    return torch.stack([torch.cat(part) for part in parts])


def _answer(sample, tokenizer):
    """Token ids of an answer and of the token that ends it."""
    ids = tokenizer(sample.text).input_ids
    special = [token for token in ids if token in tokenizer.all_special_ids]
    if special:
        words = ", ".join(tokenizer.convert_ids_to_tokens(special))
        raise ValueError(f"{short(sample.image)}: the answer holds the special token {words} -> take it out")
    return ids + [tokenizer.eos_token_id]
