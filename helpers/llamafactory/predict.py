"""Answers from a MiniCPM that LLaMA-Factory trained, asked in the very words, frames and sounds of its training."""

from itertools import groupby
from operator import attrgetter

from helpers.data import media
from helpers.data.images import read_picture
from helpers.language import message
from helpers.llamafactory.minicpm import FRAME_TILES, scaled_size
from helpers.llamafactory.tokens import prompt_pieces
from helpers.llamafactory.values import DEFAULTS
from helpers.models.generate import decode, generate
from helpers.models.inputs import refuse_special_tokens


def predict(model, processor, samples, settings, config, prompt, batch_size=25):
    """Answer one question about each picture, video or sound, greedily.

    The system message, the frames and their sizes are those of ``config``, as LLaMA-Factory trained with them; the
    model's own chat template may differ (that of MiniCPM-V 4.5 puts an empty thought before the answer).

    Args:
        model, processor: from ``models.load``, with or without an adapter.
        samples: list of ``Sample``; only the files are used.
        settings: ``max_new_tokens`` bounds an answer.
        config: the configuration of the training: template, video_fps, video_maxlen, image_max_pixels ….
        prompt: as given to ``data.write_sharegpt``.

    Returns:
        list of str, one a sample.
    """
    from tqdm.auto import tqdm

    config, answers = DEFAULTS | config, []
    for batch in tqdm(_batches(samples, batch_size), message("predict.answering"), leave=False):
        tokens = generate(model, encode(processor, batch, config, prompt), settings.max_new_tokens)
        answers += decode(processor, tokens)
    return answers


def _batches(samples, size):
    """Lists of up to ``size`` samples of one modality each, in order."""
    groups = [list(group) for _, group in groupby(samples, key=attrgetter("modality"))]
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def encode(processor, samples, config, prompt):
    """A batch of questions without answers, padded on the left, as LLaMA-Factory's template lays them out.

    ``config`` needs all of ``DEFAULTS``; the samples are of one modality.
    """
    from helpers.models.minicpm.placeholders import AUDIO_MARK, IMAGE_MARK

    refuse_special_tokens(prompt, processor)
    modality, files, options = samples[0].modality, [sample.file for sample in samples], {}
    if modality == "audio":
        inputs = {"audios": [[media.load_audio(file)] for file in files]}
    elif modality == "video":
        inputs = {"images": [_frames(file, config) for file in files]}
        options = {"max_slice_nums": FRAME_TILES, "use_image_id": False}
    else:
        limits = config["image_max_pixels"], config["image_min_pixels"]
        inputs = {"images": [[_resize(read_picture(file), *limits)] for file in files]}
    mark = AUDIO_MARK if modality == "audio" else IMAGE_MARK
    marks = [mark * len(row) for row in next(iter(inputs.values()))]
    texts = [_question(mark + prompt, config) for mark in marks]
    return processor(texts, **inputs, **options)


def _question(content, config):
    pieces = prompt_pieces([{"role": "user", "content": content}], config["template"], config)
    return "".join(text for _, text in pieces)


def _frames(file, config):
    frames = media.load_frames(file, config["video_fps"], config["video_maxlen"])
    return [_resize(frame, config["video_max_pixels"], config["video_min_pixels"]) for frame in frames]


def _resize(image, max_pixels, min_pixels):
    size = scaled_size(*image.size, max_pixels, min_pixels)
    return image if size == image.size else image.resize(size)
