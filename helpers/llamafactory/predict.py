"""Answers from a MiniCPM that LLaMA-Factory trained, asked in the very words, frames and sounds of its training."""

from helpers import clips
from helpers.collate import read_picture
from helpers.infer import GREEDY
from helpers.llamafactory.config import DEFAULTS
from helpers.llamafactory.minicpm import FRAME_TILES, shrunk
from helpers.llamafactory.tokens import prompt_pieces


def predict(model, processor, samples, settings, config, prompt, medium="image", batch_size=25):
    """Answer one question about each picture, video or sound, greedily.

    The system message, the frames and their sizes are those of ``config``, as LLaMA-Factory trained with them; the
    model's own chat template may differ (that of MiniCPM-V 4.5 puts an empty thought before the answer).

    Args:
        model, processor: from ``models.load``, with or without an adapter.
        samples: list of ``Sample``; only the files are used.
        settings: ``max_new_tokens`` bounds an answer.
        config: the configuration of the training: template, video_fps, video_maxlen, image_max_pixels ….
        prompt, medium: as given to ``formats.write_sharegpt``.

    Returns:
        list of str, one a sample.
    """
    from tqdm.auto import tqdm

    trained, config, answers = model.training, DEFAULTS | config, []
    model.eval()
    try:
        for start in tqdm(range(0, len(samples), batch_size), "answering", leave=False):
            batch = [sample.image for sample in samples[start : start + batch_size]]
            answers += _answer(model, processor, encode(processor, batch, config, prompt, medium), settings)
    finally:
        model.train(trained)
    return answers


def _answer(model, processor, inputs, settings):
    import torch

    with torch.inference_mode():
        out = model.generate(**inputs.to(model.device), max_new_tokens=settings.max_new_tokens, **GREEDY)
    texts = processor.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in texts]


def encode(processor, files, config, prompt, medium="image"):
    """A batch of questions without answers, padded on the left, as LLaMA-Factory's template lays them out.

    ``config`` needs all of ``DEFAULTS``; ``files`` is one path for each row.
    """
    from helpers.minicpm.text import AUDIO_MARK, IMAGE_MARK

    if medium == "audio":
        media, options = {"audios": [[clips.hear(file)] for file in files]}, {}
    elif medium == "video":
        media = {"images": [_frames(file, config) for file in files]}
        options = {"max_slice_nums": FRAME_TILES, "use_image_id": False}
    else:
        limits = config["image_max_pixels"], config["image_min_pixels"]
        media, options = {"images": [[_resize(read_picture(file), *limits)] for file in files]}, {}
    mark = AUDIO_MARK if medium == "audio" else IMAGE_MARK
    marks = [mark * len(row) for row in next(iter(media.values()))]
    texts = [_question(mark + prompt, config) for mark in marks]
    return processor(texts, **media, **options)


def _question(content, config):
    pieces = prompt_pieces([{"role": "user", "content": content}], config["template"], config)
    return "".join(text for _, text in pieces)


def _frames(file, config):
    frames = clips.watch(file, config["video_fps"], config["video_maxlen"])
    return [_resize(frame, config["video_max_pixels"], config["video_min_pixels"]) for frame in frames]


def _resize(image, most, least):
    size = shrunk(*image.size, most, least)
    return image if size == image.size else image.resize(size)
