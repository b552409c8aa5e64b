"""A batch as one row: all its samples end to end, nothing padded but the end, in few different sizes."""

from helpers.models.inputs import PROMPT
from helpers.models.parts import parts_of
from helpers.training.collate import IGNORE, collate

STEPS = {"tokens": 64, "patches": 128, "answers": 64, "pictures": 16}  # sizes are rounded up to multiples of these


def pack(samples, model, processor, prompt=PROMPT):
    """A training batch of any of our families as one row. Labels and errors are those of ``collate``.

    Args:
        model: for its rule of positions alone (``get_rope_index``); nothing is computed with it.

    Returns:
        dict of tensors; T tokens, P patches, A labels are multiples of ``STEPS``:
        input_ids (T,), position_ids (3, 1, T), starts (rows + 2,) of the rows in it;
        pixel_values (P, 1176), patch_places (P, 2): row and column of each patch, picture_starts (pictures + 2,);
        image_places (P / 4,): where the pictures' tokens go; answer_places, labels (A,): which positions answer what;
        count (): the number of labels.
        MiniCPM: position_ids (1, T); pixel_values (P, 588); N pictures (slices), a multiple of ``STEPS`` too:
        picture_starts (N + 2,), image_places (N * queries,), patch_positions (P,) in the tower's table,
        picture_patches (N, L): the numbers of each picture's patches, L a multiple as P is.
    """
    import torch

    batch = collate(samples, processor, prompt)
    inside = batch["attention_mask"].bool()
    ids, lengths = batch["input_ids"][inside], inside.sum(1)
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[:, -batch["labels"].shape[1] :] = batch["labels"]
    labels = labels[inside]
    answers = (labels != IGNORE).nonzero()[:, 0]
    total = _rounded(len(ids) + 1, "tokens")  # at least one filling token: what is left over points to it
    count = _rounded(len(answers), "answers")
    see = _slices if "tgt_sizes" in batch else _patches
    positions, pictures = see(batch, inside, total, model, processor)
    return {
        "input_ids": _filled(ids, total, processor.tokenizer.pad_token_id),
        "position_ids": _filled(positions.movedim(-1, 0), total, 0).movedim(0, -1).contiguous(),
        "starts": _starts(lengths, total),
        "answer_places": _filled(answers - 1, count, total - 1),
        "labels": _filled(labels[answers], count, IGNORE),
        "count": torch.tensor(float(len(answers))),
    } | pictures


def put(batch, inputs):
    """Copy ``batch`` into ``inputs``, tensors of the same names and of no smaller sizes: of another batch of ``pack``.

    What is left over is filled as ``pack`` fills it, and counts nothing. The copies do not wait for a GPU.
    """
    total, size = len(inputs["input_ids"]), len(inputs["pixel_values"])
    fillers = {
        "input_ids": batch["input_ids"][-1],  # the last is always one
        "starts": total,
        "picture_starts": size,
        "labels": IGNORE,
        "answer_places": total - 1,
        "image_places": total - 1,
        "picture_patches": size - 1,
    }
    for name, tensor in batch.items():
        values, target = tensor[:-1] if name.endswith("starts") else tensor, inputs[name]
        if values.shape != target.shape:
            target.fill_(fillers.get(name, 0))
        target[tuple(map(slice, values.shape))].copy_(values, non_blocking=True)


def _patches(batch, inside, total, model, processor):
    """(positions (3, 1, tokens), what becomes the pictures) for Qwen2-VL and GLM-OCR."""
    import torch

    ids, grid = batch["input_ids"], batch["image_grid_thw"]
    options = {"image_grid_thw": grid, "attention_mask": batch["attention_mask"]}
    positions = parts_of(model)["whole"].model.get_rope_index(ids, batch["mm_token_type_ids"], **options)[0]
    patches, merge = grid.prod(1), processor.image_processor.merge_size
    size = _rounded(int(patches.sum()), "patches")
    images = (ids[inside] == processor.image_token_id).nonzero()[:, 0]
    return positions[:, None, inside], {
        "pixel_values": _filled(batch["pixel_values"], size, 0),
        "patch_places": _filled(torch.cat([_places(h, w, merge) for _, h, w in grid.tolist()]), size, 0),
        "picture_starts": _starts(patches, size),
        "image_places": _filled(images, size // merge**2, total - 1),
    }


def _slices(batch, inside, total, model, processor):
    """(positions (1, tokens), what becomes the pictures, each slice one) for MiniCPM."""
    import torch

    from helpers.models.minicpm.vision import valid_mask

    pictures = [picture for row in batch["pixel_values"] for picture in row]
    sizes = torch.cat([torch.as_tensor(row) for row in batch["tgt_sizes"]])
    patch = pictures[0].shape[1]
    pixels = [picture.unflatten(2, (-1, patch)).permute(2, 0, 1, 3).flatten(1) for picture in pictures]
    counts = sizes.prod(1)
    size, number = _rounded(int(counts.sum()), "patches"), _rounded(len(pictures), "pictures")
    starts = _starts(_filled(counts, number, 0), size)
    numbers = torch.arange(_rounded(int(counts.max()), "patches"))
    mine = torch.where(valid_mask(starts.diff()[:-1], len(numbers)), starts[:number, None] + numbers, size - 1)
    order = inside.flatten().cumsum(0).view_as(inside) - 1  # where each token goes
    spans = [(row, bounds) for row, found in enumerate(batch["image_bound"]) for bounds in found.tolist()]
    images = torch.cat([order[row, first:end] for row, (first, end) in spans])
    table = parts_of(model)["whole"].vpm.embeddings.patch_positions(sizes.tolist())
    return (inside.cumsum(1) - 1)[inside][None], {
        "pixel_values": _filled(torch.cat(pixels), size, 0),
        "patch_places": _filled(torch.cat([_places(h, w, 1) for h, w in sizes.tolist()]), size, 0),
        "patch_positions": _filled(torch.cat(table), size, 0),
        "picture_starts": starts,
        "picture_patches": mine,
        "image_places": _filled(images, number * processor.image_processor.image_feature_size, total - 1),
    }


def _rounded(number, what):
    return -(-number // STEPS[what]) * STEPS[what]


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
