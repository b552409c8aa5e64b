"""Short videos of a short formula that is written from left to right, made up and drawn by the project itself.

Each is an MP4 (H.264 by PyAV), and the text is the formula, as in ``formulas``. The same seed always gives the same
frames. One formula in ten is reserved for testing, in videos as in pictures.
"""

import sys
from functools import partial

import numpy as np

from helpers.data.synthetic import formulas, render
from helpers.data.synthetic.held_out import PARTS, check_choice

FRAMES, FPS = 8, 4  # of a video: two seconds
LONGEST = 10  # tokens of a formula: a video says it again and again, and takes as many tokens each time


def render_videos(folder, count, seed, part="train"):
    """Make a data set of videos: ``folder/data.jsonl`` and ``folder/videos/*.mp4``; a finished one is used again.

    Args:
        folder: where it goes; a half-written or another set is made anew.
        part: "train", or "test" for formulas that no training set holds.

    Returns:
        list of ``Sample`` of modality video.

    Raises:
        ValueError: unknown part. FileExistsError: the folder holds something else.
    """
    check_choice("part", part, PARTS)
    recipe, draw = {"count": count, "seed": seed, "part": part}, partial(_write_sample, seed=seed, part=part)
    modules = (sys.modules[__name__], *render.SOURCES[formulas])
    return render.make_set(folder, "videos/{:05d}.mp4", "video", recipe, modules, draw)


def _write_sample(path, number, seed, part):
    frames, latex = draw_sample(number, seed, part)
    write_video(frames, path)
    return latex


def draw_sample(index, seed, part="train"):
    """Sample ``index`` of a set: (frames, latex); frames is uint8 (FRAMES, height, width), sides even."""
    image, latex = formulas.draw_sample(index, seed, "printed", part, LONGEST)
    return reveal(np.asarray(image)), latex


def reveal(page):
    """The page written from left to right, the last frame shows all of it: uint8 (FRAMES, height, width)."""
    frames = np.stack([page] * FRAMES)
    for frame, end in zip(frames, np.linspace(0, page.shape[1], FRAMES + 1)[1:].astype(int), strict=True):
        frame[:, end:] = page[0, 0]
    return frames


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
