"""helpers.llamafactory.predict: answers in order, in batches of one modality; test_minicpm compares the questions."""

import pytest
from llamafactory_places import draw

from helpers import llamafactory, models
from helpers.data.samples import Sample
from helpers.data.synthetic.sounds import SOUND_PROMPT
from helpers.llamafactory.predict import encode
from helpers.llamafactory.values import DEFAULTS
from helpers.settings import Settings

SETTINGS = Settings.tiny(max_new_tokens=4)
FILES = (("0.png", "image"), ("0.wav", "audio"), ("1.wav", "audio"), ("1.png", "image"), ("0.mp4", "video"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    draw(folder)
    return folder


def test_every_file_is_answered_in_order_whatever_it_is(folder):
    model, processor = models.load("minicpm_o", SETTINGS)
    config = llamafactory.recipe("minicpm_o_lora_sft")
    samples = [Sample(folder / name, "", modality) for name, modality in FILES]
    each = [llamafactory.predict(model, processor, [sample], SETTINGS, config, SOUND_PROMPT)[0] for sample in samples]
    assert llamafactory.predict(model, processor, samples, SETTINGS, config, SOUND_PROMPT) == each
    assert (
        llamafactory.predict(model, processor, samples[1:3], SETTINGS, config, SOUND_PROMPT, batch_size=1) == each[1:3]
    )


def test_special_token_in_a_prompt_is_refused(folder):
    config = DEFAULTS | llamafactory.recipe("minicpm_o_lora_sft")
    processor = models.load_processor("minicpm_o", SETTINGS)
    with pytest.raises(ValueError, match="special token <slice>"):
        encode(processor, [Sample(folder / "0.png", "")], config, "Read <slice> this")


@pytest.mark.parametrize(("fps", "frames"), [(2.0, 10), (1.0, 5), (100.0, 20)])
def test_a_video_is_asked_about_with_the_frames_of_its_training(folder, fps, frames):
    config = DEFAULTS | llamafactory.recipe("minicpm_v_lora_sft") | {"video_fps": fps}
    processor = models.load_processor("minicpm_v", SETTINGS)
    inputs = encode(processor, [Sample(folder / "1.mp4", "", "video")], config, "Q")
    assert len(inputs["image_bound"][0]) == frames
