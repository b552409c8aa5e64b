"""MiniCPM's pictures, videos and sounds as LLaMA-Factory 0.9.5 puts them into a row: the text that stands for each.

A picture keeps the model's own rule (an overview and up to 9 tiles). A video becomes frames, each with at most 2 tiles
and without a number. A sound becomes 25 embeddings a second.
"""

import math

from helpers.data import media
from helpers.language import message

FRAME_TILES = 2  # LLaMA-Factory's max_slice_nums for frames, which no key changes


def scaled_size(width, height, max_pixels, min_pixels):
    """The size in pixels that LLaMA-Factory gives a picture of ``width`` x ``height``, or a frame, for MiniCPM."""
    for limit, outside in ((max_pixels, lambda area: area > max_pixels), (min_pixels, lambda area: area < min_pixels)):
        if outside(width * height):
            factor = math.sqrt(limit / (width * height))
            width, height = int(width * factor), int(height * factor)
    return width, height


def video_faults(value, folder, config):
    """What LLaMA-Factory cannot do with the videos of a row, as (reason, cure)."""
    videos, faults = value.get("videos") or [], []
    if videos and value.get("images"):
        faults.append((message("budget.picture_and_video"), message("budget.picture_and_video_cure")))
    if len(videos) > 1:
        faults.append((message("budget.two_videos", count=len(videos)), message("budget.two_videos_cure")))
    return faults + [fault for name in videos if (fault := _video_fault(name, folder, config))]


def _video_fault(name, folder, config):
    video = media.look_at_video(folder / name, decode=False)
    fps, max_frames = config["video_fps"], config["video_maxlen"]
    if not video.declared or video.seconds is None:
        return message("budget.no_frame_count", file=name, limit=max_frames), message("budget.no_frame_count_cure")
    if len(media.frame_indices(video.declared, video.seconds, fps, max_frames)) < 2:
        enough = math.ceil(20 / video.seconds) / 10
        reason = message("budget.short_video", file=name, seconds=f"{video.seconds:.2g}", fps=f"{fps:g}")
        return reason, message("budget.short_video_cure", fps=f"{enough:g}")
    return None


def media_texts(value, folder, sizes, processor, config):
    """What stands for the files of a row: {"images": [text, …], "videos": […], "audios": […]}.

    Args:
        value: a ShareGPT record without faults.
        sizes: (width, height) of its pictures as the processor sees them.
        config: a configuration with all of ``DEFAULTS``.
    """
    images = processor.image_processor
    pictures = [images.get_slice_image_placeholder(size, place) for place, size in enumerate(sizes)]
    videos = [_video_text(folder / name, images, config) for name in value.get("videos") or []]
    sounds = [_sound_text(folder / name) for name in value.get("audios") or []]
    return {"images": pictures, "videos": videos, "audios": sounds}


def _video_text(path, images, config):
    return "".join(_frame_texts(media.look_at_video(path, decode=False), images, config))


def _frame_texts(video, images, config):
    """The text for each frame that LLaMA-Factory takes of a ``media.Video``."""
    taken = media.frame_indices(video.declared, video.seconds, config["video_fps"], config["video_maxlen"])
    size = scaled_size(*video.size, config["video_max_pixels"], config["video_min_pixels"])
    return [images.get_slice_image_placeholder(size, place, FRAME_TILES, False) for place in range(len(taken))]


def _sound_text(path):
    from helpers.models.minicpm.audio import embedding_count
    from helpers.models.minicpm.placeholders import audio_placeholder

    return audio_placeholder(embedding_count(media.look_at_sound(path).mel_frames))


def video_budget(seconds, size, processor, fps=2.0, max_frames=128, max_pixels=256 * 256):
    """What a video costs: (frames, tokens a frame, tokens), and says so.

    Args:
        seconds, size: its length, and (width, height) in pixels.
        fps, max_frames, max_pixels: LLaMA-Factory's video_fps, video_maxlen, video_max_pixels.
    """
    config = {"video_fps": fps, "video_maxlen": max_frames, "video_max_pixels": max_pixels, "video_min_pixels": 16 * 16}
    frames = math.ceil(seconds * max(fps, 25))  # of the file: more than are taken
    video = media.Video(frames, frames, seconds, size)
    texts = _frame_texts(video, processor.image_processor, config)
    each = len(processor.tokenizer.encode(texts[0], add_special_tokens=False))
    print(budget_line(seconds, fps, max_frames, len(texts), each))
    return len(texts), each, len(texts) * each


def budget_line(seconds, fps, max_frames, frames, each):
    """One line: how many tokens a video takes, and why."""
    reason = message("budget.capped", limit=max_frames) if seconds * fps > max_frames else ""
    facts = {"seconds": f"{seconds:g}", "fps": f"{fps:g}", "frames": frames, "each": each, "tokens": frames * each}
    return message("budget.video", **facts, reason=reason)
