"""A batch as one row: all its samples end to end, nothing padded but the end, in few different sizes."""

from helpers.models.inputs import PROMPT
from helpers.training.collate import IGNORE, collate

STEPS = {"tokens": 256, "patches": 512, "answers": 256}  # sizes are rounded up to multiples of these


def pack(samples, model, processor, prompt=PROMPT):
    """A training batch of Qwen2-VL or GLM-OCR as one row. Labels and errors are those of ``collate``.

    Args:
        model: for its rule of positions alone (``get_rope_index``); nothing is computed with it.

    Returns:
        dict of tensors; T tokens, P patches, A labels are multiples of ``STEPS``:
        input_ids (T,), position_ids (3, 1, T), starts (rows + 2,) of the rows in it;
        pixel_values (P, 1176), patch_places (P, 2): row and column of each patch, picture_starts (pictures + 2,);
        image_places (P / 4,): where the pictures' tokens go; answer_places, labels (A,): which positions answer what;
        count (): the number of labels.
    """
    import torch

    batch = collate(samples, processor, prompt)
    inside, grid = batch["attention_mask"].bool(), batch["image_grid_thw"]
    positions = _rule_of_positions(model)(
        batch["input_ids"], batch["mm_token_type_ids"], image_grid_thw=grid, attention_mask=batch["attention_mask"]
    )[0]
    ids, lengths = batch["input_ids"][inside], inside.sum(1)
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[:, -batch["labels"].shape[1] :] = batch["labels"]
    labels = labels[inside]
    answers = (labels != IGNORE).nonzero()[:, 0]
    patches = grid.prod(1)
    total, size, count = (
        -(-number // step) * step
        for number, step in zip((len(ids) + 1, int(patches.sum()), len(answers)), STEPS.values(), strict=True)
    )  # at least one filling token: what is left over of pictures and answers points to it
    merge = processor.image_processor.merge_size
    images = (ids == processor.image_token_id).nonzero()[:, 0]
    return {
        "input_ids": _filled(ids, total, processor.tokenizer.pad_token_id),
        "position_ids": _filled(positions[:, inside].T, total, 0).T[:, None].contiguous(),
        "starts": _starts(lengths, total),
        "pixel_values": _filled(batch["pixel_values"], size, 0),
        "patch_places": _filled(torch.cat([_places(h, w, merge) for _, h, w in grid.tolist()]), size, 0),
        "picture_starts": _starts(patches, size),
        "image_places": _filled(images, size // merge**2, total - 1),
        "answer_places": _filled(answers - 1, count, total - 1),
        "labels": _filled(labels[answers], count, IGNORE),
        "count": torch.tensor(float(len(answers))),
    }


def _rule_of_positions(model):
    """The model's ``get_rope_index``, under whatever wrappers."""
    return next(part.get_rope_index for part in model.modules() if hasattr(part, "get_rope_index"))


def _filled(values, size, filler):
    """``values`` (N, …) with fillers behind them: (size, …)."""
    import torch

    rest = torch.full((size - len(values), *values.shape[1:]), filler, dtype=values.dtype)
    return torch.cat([values, rest])


def _starts(lengths, size):
    """Where rows of these lengths begin, laid end to end; the filling behind them is a row of its own."""
    import torch

    ends = lengths.cumsum(0)
    return torch.cat([ends.new_zeros(1), ends, ends.new_tensor([size])]).to(torch.int32)


def _places(height, width, merge):
    """(row, column) of each patch of a picture, in the order of the patches: those merged into one token together."""
    import torch

    places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), -1)
    blocks = places.unflatten(0, (-1, merge)).unflatten(2, (-1, merge))
    return blocks.transpose(1, 2).flatten(0, 3)
