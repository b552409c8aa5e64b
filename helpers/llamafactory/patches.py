"""All that is changed in LLaMA-Factory, in its own process and for one release.

- It copies the source of a checkpoint's own classes beside what it saves: official MiniCPM checkpoints name some.
- It reads sounds by ``torchaudio.load``, which wants torchcodec and with it FFmpeg's libraries on the machine.
  PyAV brings its own.
- Pictures and videos of MiniCPM in one batch overwrite each other, and rows without a video shift those that have one.
- Without a GPU the vision tower is slow, picture by picture, and a checkpoint in bfloat16 stays in it, slower still,
  though float32 is asked for.
- With a GPU, PyTorch 2.11 and newer would take cuDNN's attention, whose gradient can be NaN.
"""

from functools import cache
from importlib.metadata import version

from helpers.language import message
from helpers.models import minicpm
from helpers.models.attention import leave_out_cudnn

RELEASE = "0.9.5"


@cache
def apply():
    """Patch LLaMA-Factory in this process, once, and register MiniCPM with transformers.

    Raises:
        RuntimeError: another release of LLaMA-Factory is installed.
    """
    if (found := version("llamafactory")) != RELEASE:
        raise RuntimeError(message("run.other_release", found=found, known=RELEASE))
    import torchaudio
    from llamafactory.data.mm_plugin import MiniCPMVPlugin
    from llamafactory.model import loader
    from llamafactory.train.sft import workflow

    minicpm.register()
    leave_out_cudnn()
    workflow.load_model = quick_on_cpu(workflow.load_model)
    loader.register_autoclass = no_code_beside_the_weights
    torchaudio.load = load_sound
    MiniCPMVPlugin.get_mm_inputs = mixed(MiniCPMVPlugin.get_mm_inputs)


def no_code_beside_the_weights(config, model, tokenizer):
    """Instead of LLaMA-Factory's, which marks the classes of a checkpoint so that their source is saved with it.

    Ours belong to this project, and transformers' own cannot be copied: saving would fail after the last step.
    """


def quick_on_cpu(load):
    """LLaMA-Factory's loader; without a GPU in float32, and its vision tower takes all pictures of a batch at once."""
    import torch

    from helpers.models.attention import batch_vision_attention

    def load_model(*args, **kwargs):
        model = load(*args, **kwargs)
        if not torch.cuda.is_available():
            batch_vision_attention(model)
            model.float()
        return model

    return load_model


def load_sound(path, *args, **kwargs):
    """(tensor (channels, samples) in -1..1, samples a second), as of ``torchaudio.load``.

    Raises:
        ValueError: no sound, or broken; the file is named.
    """
    import torch

    from helpers.data.media import MediaError, read_sound
    from helpers.paths import short

    try:
        samples, rate = read_sound(path)
    except MediaError as error:
        raise ValueError(message("file.fault", file=short(path), reason=error)) from error
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
        rows = [row for row, count in enumerate(vidlens) for _ in range(count)]
        for video, row in enumerate(rows):
            found["pixel_values"][row] = [*found["pixel_values"][row], *frames["pixel_values"][video]]
            found["tgt_sizes"][row] = torch.cat([found["tgt_sizes"][row], frames["tgt_sizes"][video]])
            found["image_sizes"][row] = [*found["image_sizes"][row], *frames["image_sizes"][video]]
        return found

    return get_mm_inputs
