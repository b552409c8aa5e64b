"""From samples to a model's inputs: conversation, picture, and the tokens a picture takes. Nothing is cut off here."""

from functools import partial

from helpers.data.images import read_picture
from helpers.language import message
from helpers.paths import short

PROMPT = "Convert the formula in the picture to LaTeX."


def conversation(processor, prompt=PROMPT, modality="image"):
    """The text of one question about one picture (or ``modality`` "audio": sound), up to where the answer begins.

    Raises:
        ValueError: a special token stands in the prompt; says which.
    """
    refuse_special_tokens(prompt, processor)
    content = [{"type": modality}, {"type": "text", "text": prompt}]
    return processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)


def special_tokens(processor):
    """The strings that are no text to the model: whatever is meant by them, its tokenizer makes one token of each.

    GLM's /nothink is left out: it is there to be written by people.
    """
    tokenizer = processor.tokenizer
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    media = [getattr(processor, f"{kind}_token", None) for kind in ("image", "video", "audio")]
    found = dict.fromkeys([*tokenizer.all_special_tokens, *added, *filter(None, media)])
    return [token for token in found if not token.startswith("/")]


def refuse_special_tokens(prompt, processor):
    """Raise ValueError if a special token stands in the prompt, and say which."""
    if found := [token for token in special_tokens(processor) if token in prompt]:
        raise ValueError(message("models.special_token", prompt=repr(prompt[:60]), tokens=", ".join(found)))


def encode_prompts(samples, processor, prompt=PROMPT):
    """Questions without answers, padded on the left: what ``generate`` wants.

    Returns:
        dict of tensors: input_ids, attention_mask (B, L), and the family's own: for Qwen2-VL and GLM-OCR
        mm_token_type_ids (B, L), pixel_values (patches, 1176), image_grid_thw (B, 3); for MiniCPM lists with an entry
        for each row: pixel_values, tgt_sizes, image_bound.
    """
    pictures = [read_picture(sample.file) for sample in samples]
    texts = [conversation(processor, prompt)] * len(samples)
    inputs = processor(text=texts, images=pictures, padding=True, padding_side="left", return_tensors="pt")
    for sample, want, have in zip(samples, *_image_tokens(inputs, processor), strict=True):
        if want != have:  # the model would train blind, without any error
            raise ValueError(message("models.image_tokens", file=short(sample.file), have=have, want=want))
    return inputs


def _image_tokens(inputs, processor):
    """Two lists: the image tokens each row's picture becomes, and the places for them in the row's text."""
    images = processor.image_processor
    if "image_bound" in inputs:  # MiniCPM
        made = [len(sizes) * images.image_feature_size for sizes in inputs["tgt_sizes"]]
        return made, [int((bounds[:, 1] - bounds[:, 0]).sum()) for bounds in inputs["image_bound"]]
    places = (inputs["input_ids"] == processor.image_token_id).sum(1)
    return (inputs["image_grid_thw"].prod(1) // images.merge_size**2).tolist(), places.tolist()


def image_tokens(processor):
    """A function (width, height) in pixels -> image tokens the model sees.

    Qwen2-VL and GLM-OCR make one of 28 x 28 pixels after resizing, MiniCPM 64 of each overview or tile.
    """
    images = processor.image_processor

    def count(width, height):
        return images.get_number_of_image_patches(height, width, {}) // images.merge_size**2

    def count_tiles(width, height):
        columns, rows = images.get_sliced_grid((width, height)) or (0, 0)
        return images.image_feature_size * (1 + columns * rows)

    return count_tiles if hasattr(images, "get_sliced_grid") else count


def shrunk_size(processor):
    """A function (width, height) in pixels -> the size to which the processor shrinks such a picture, or None.

    Told of its limit alone: rounding to whole patches is no loss worth a word. MiniCPM's size is that of all tiles
    together.
    """
    images = processor.image_processor
    return partial(_shrunk_by_tiles if hasattr(images, "get_sliced_grid") else _shrunk_by_limit, images)


def _shrunk_by_limit(images, width, height):
    """Of Qwen2-VL and GLM-OCR, whose sizes count a still picture as ``temporal_patch_size`` frames, or as one."""
    side = images.patch_size * images.merge_size
    seen = images.get_number_of_image_patches(height, width, {}) * images.patch_size**2
    whole = max(1, round(width / side)) * max(1, round(height / side)) * side**2
    if seen >= whole:
        return None
    factor = (seen / (width * height)) ** 0.5
    return max(1, round(width * factor)), max(1, round(height * factor))


def _shrunk_by_tiles(images, width, height):
    from helpers.models.minicpm.image_processing import tile_size

    columns, rows = images.get_sliced_grid((width, height)) or (1, 1)
    area = images.scale_resolution**2 * (images.max_slice_nums if images.slice_mode else 1)
    if width * height <= area:
        return None
    wide, high = tile_size(width, height, (columns, rows), images.scale_resolution, images.patch_size)
    return wide * columns, high * rows
