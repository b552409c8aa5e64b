"""What LLaMA-Factory 0.9.5 lacks for MiniCPM's videos and sounds, put right in its own process.

- It reads sounds by ``torchaudio.load``, which wants torchcodec and with it FFmpeg's libraries on the machine.
  PyAV brings its own.
- Pictures and videos in one batch overwrite each other, and rows without a video shift those that have one.
"""


def prepare():
    """Let LLaMA-Factory read sounds with PyAV, and keep the pictures of a mixed batch in their rows."""
    import torchaudio
    from llamafactory.data.mm_plugin import MiniCPMVPlugin

    torchaudio.load = load_sound
    if not hasattr(MiniCPMVPlugin.get_mm_inputs, "mixed"):
        MiniCPMVPlugin.get_mm_inputs = mixed(MiniCPMVPlugin.get_mm_inputs)


def load_sound(path, *args, **kwargs):
    """(tensor (channels, samples) in -1..1, samples a second), as of ``torchaudio.load``.

    Raises:
        ValueError: no sound, or broken; the file is named.
    """
    import torch

    from helpers.clips import ClipError, read_sound
    from helpers.settings import short

    try:
        samples, rate = read_sound(path)
    except ClipError as error:
        raise ValueError(f"{short(path)}: {error}") from error
    return torch.from_numpy(samples), rate


def mixed(original):
    """``MiniCPMVPlugin.get_mm_inputs`` for batches of any rows: each with pictures, a video, sounds or text alone."""

    def get_mm_inputs(self, images, videos, audios, imglens, vidlens, audlens, batch_ids, processor):
        import torch

        found = original(self, images, [], audios, imglens, vidlens, audlens, batch_ids, processor)
        if not videos:
            return found
        if not images:
            found["pixel_values"] = [[] for _ in batch_ids]
            found["tgt_sizes"] = [torch.zeros(0, 2, dtype=torch.long) for _ in batch_ids]
            found["image_sizes"] = [[] for _ in batch_ids]
        frames = self._get_mm_inputs([], videos, [], processor)
        clip = 0
        for row, count in enumerate(vidlens):
            for _ in range(count):
                found["pixel_values"][row] = [*found["pixel_values"][row], *frames["pixel_values"][clip]]
                found["tgt_sizes"][row] = torch.cat([found["tgt_sizes"][row], frames["tgt_sizes"][clip]])
                found["image_sizes"][row] = [*found["image_sizes"][row], *frames["image_sizes"][clip]]
                clip += 1
        return found

    get_mm_inputs.mixed = True
    return get_mm_inputs
