"""Short videos of a formula, made up and drawn by the project itself: written from left to right, or scrolling past.

Each is an MP4 (H.264 by PyAV), and the text is the formula, as in ``helpers.formulas``. The same seed always gives the
same frames. One formula in ten is reserved for testing, in videos as in pictures.
"""

import zlib
from functools import partial
from pathlib import Path

import numpy as np

from helpers import folders, formulas, render
from helpers.drawing import PARTS, check_choice
from helpers.samples import load_jsonl

MOTIONS = ("reveal", "scroll")
FRAMES, FPS = 8, 4  # of a video: two seconds
VIEW = 112  # pixels of the window through which a scrolling formula is seen: the widest is 252


def render_videos(folder, count, seed, motion="reveal", style="printed", part="train", longest=formulas.LONGEST):
    """Make a data set of videos: ``folder/data.jsonl`` and ``folder/videos/*.mp4``; a finished one is used again.

    Args:
        folder: where it goes; a half-written or another set is made anew.
        motion: reveal (the formula is written from left to right) or scroll (it passes behind a narrow window, so that
            no frame shows all of it).
        style, part, longest: as of ``helpers.formulas.draw_sample``.

    Returns:
        list of ``Sample``, whose ``image`` is the video.

    Raises:
        ValueError: unknown motion, style or part. FileExistsError: the folder holds something else.
    """
    folder = Path(folder)
    for name, value, known in (("motion", motion, MOTIONS), ("style", style, formulas.STYLES), ("part", part, PARTS)):
        check_choice(name, value, known)
    options = {"motion": motion, "style": style, "part": part, "longest": longest}
    made_by = [zlib.crc32(Path(module).read_bytes()) for module in (__file__, formulas.__file__)]
    recipe = {"count": count, "seed": seed, "renderer": made_by} | options
    if not folders.finished(folder, recipe):
        folders.begin(folder, recipe, "videos")
        files = [folder / "videos" / f"{index:05d}.mp4" for index in range(count)]
        render.fill(folder, files, partial(_make, files, seed, options))
    return load_jsonl(folder / "data.jsonl")


def _make(files, seed, options, index):
    frames, latex = draw_sample(index, seed, **options)
    write_video(frames, files[index])
    return latex


def draw_sample(index, seed, motion="reveal", style="printed", part="train", longest=formulas.LONGEST):
    """Sample ``index`` of a set: (frames, latex); frames is uint8 (FRAMES, height, width), sides even."""
    image, latex = formulas.draw_sample(index, seed, style, part, longest)
    return (reveal if motion == "reveal" else scroll)(np.asarray(image)), latex


def reveal(page):
    """The page written from left to right, the last frame shows all of it: uint8 (FRAMES, height, width)."""
    frames = np.stack([page] * FRAMES)
    for frame, end in zip(frames, np.linspace(0, page.shape[1], FRAMES + 1)[1:].astype(int), strict=True):
        frame[:, end:] = page[0, 0]
    return frames


def scroll(page):
    """The page passing behind a window ``VIEW`` pixels wide: uint8 (FRAMES, height, VIEW)."""
    wide = np.full((page.shape[0], max(page.shape[1], VIEW)), page[0, 0], np.uint8)
    wide[:, : page.shape[1]] = page
    starts = np.linspace(0, wide.shape[1] - VIEW, FRAMES).astype(int)
    return np.stack([wide[:, start : start + VIEW] for start in starts])


def write_video(frames, path, fps=FPS):
    """Write grey frames, uint8 (count, height, width) with even sides, as an MP4 that browsers play."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        options = {"crf": "18", "preset": "veryfast", "threads": "1"}
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "gray").reformat(format="yuv420p")))
        container.mux(stream.encode())
