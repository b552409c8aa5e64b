"""helpers.llamafactory.patches: for one release; sounds without FFmpeg; pictures and videos keep to their rows."""

from importlib.metadata import version

import pytest
import torch
from llamafactory_places import draw

from helpers.llamafactory import patches


def test_the_patched_release_is_the_installed_one():
    assert version("llamafactory") == patches.RELEASE


def test_cudnn_whose_gradient_can_be_nan_is_left_out(monkeypatch):
    import torchaudio
    from llamafactory.data.mm_plugin import MiniCPMVPlugin
    from llamafactory.model import loader
    from llamafactory.train.sft import workflow

    places = ((workflow, "load_model"), (loader, "register_autoclass"), (MiniCPMVPlugin, "get_mm_inputs"))
    for place, name in (*places, (torchaudio, "load")):
        monkeypatch.setattr(place, name, getattr(place, name))  # patched twice only for this test
    torch.backends.cuda.enable_cudnn_sdp(True)
    patches.apply.__wrapped__()
    assert not torch.backends.cuda.cudnn_sdp_enabled()


def test_another_release_is_refused_with_the_one_to_install(monkeypatch):
    monkeypatch.setattr(patches, "version", lambda package: "0.9.9")
    with pytest.raises(RuntimeError, match=rf"llamafactory 0.9.9: .* pip install llamafactory=={patches.RELEASE}"):
        patches.apply()


def test_sounds_are_read_and_broken_ones_named(tmp_path):
    draw(tmp_path)
    sound, rate = patches.load_sound(str(tmp_path / "1.wav"))
    assert sound.shape == (2, 44100) and sound.dtype == torch.float32 and rate == 44100 and sound.abs().max() < 1
    (tmp_path / "2.wav").write_bytes((tmp_path / "1.wav").read_bytes()[:20])
    with pytest.raises(ValueError, match="2.wav: sound is broken"):
        patches.load_sound(tmp_path / "2.wav")


class Plugin:
    """Stands for MiniCPMVPlugin: a file becomes its name."""

    def _get_mm_inputs(self, images, videos, audios, processor):
        sizes = [torch.full((1, 2), int(video[-1])) for video in videos]
        return {
            "pixel_values": [[video] for video in videos],
            "tgt_sizes": sizes,
            "image_sizes": [[video] for video in videos],
        }

    def original(self, images, videos, audios, imglens, vidlens, audlens, batch_ids, processor):
        assert videos == []
        found = {"audios": audios}
        if images:
            rows = torch.arange(len(imglens)).repeat_interleave(torch.tensor(imglens)).tolist()
            kept = [
                [name for name, row in zip(images, rows, strict=True) if row == place] for place in range(len(imglens))
            ]
            sizes = [torch.zeros(len(names), 2, dtype=torch.long) for names in kept]
            found |= {"pixel_values": kept, "tgt_sizes": sizes, "image_sizes": [list(names) for names in kept]}
        return found

    get_mm_inputs = patches.mixed(original)


def test_pictures_and_videos_of_a_batch_stay_in_their_rows():
    counts = {"imglens": [0, 2, 0, 0], "vidlens": [1, 0, 0, 1], "audlens": [0, 0, 1, 0]}
    found = Plugin().get_mm_inputs(["p1", "p2"], ["v1", "v2"], ["s"], **counts, batch_ids=[[0]] * 4, processor=None)
    assert found["pixel_values"] == found["image_sizes"] == [["v1"], ["p1", "p2"], [], ["v2"]]
    assert [sizes.tolist() for sizes in found["tgt_sizes"]] == [[[1, 1]], [[0, 0], [0, 0]], [], [[2, 2]]]
    assert found["audios"] == ["s"]


def test_videos_alone_and_no_videos():
    counts = {"imglens": [0, 0], "vidlens": [0, 1], "audlens": [0, 0]}
    found = Plugin().get_mm_inputs([], ["v1"], [], **counts, batch_ids=[[0]] * 2, processor=None)
    assert found["pixel_values"] == [[], ["v1"]]
    counts = {"imglens": [1, 0], "vidlens": [0, 0], "audlens": [0, 0]}
    found = Plugin().get_mm_inputs(["p1"], [], [], **counts, batch_ids=[[0]] * 2, processor=None)
    assert found["pixel_values"] == [["p1"], []]
