"""helpers.models.minicpm.configuration: versions that are not known are refused, parts are configs of their own."""

import pytest

from helpers.models.minicpm.configuration import MiniCPMOConfig, MiniCPMVConfig


@pytest.mark.parametrize("config", [MiniCPMVConfig, MiniCPMOConfig])
def test_an_unknown_version_is_refused_by_name(config):
    with pytest.raises(ValueError, match="version 4.0 -> this code loads"):
        config(version=4.0)


def test_parts_survive_saving_and_keep_what_is_not_said(tmp_path):
    MiniCPMOConfig(audio_config={"d_model": 64}, vision_config={"hidden_size": 160}).save_pretrained(tmp_path)
    again = MiniCPMOConfig.from_pretrained(tmp_path)
    assert (again.audio_config.d_model, again.vision_config.hidden_size, again.query_num) == (64, 160, 64)
    assert again.audio_config.num_mel_bins == MiniCPMOConfig().audio_config.num_mel_bins == 80


def test_model_types_are_the_published_ones():
    assert (MiniCPMVConfig.model_type, MiniCPMOConfig.model_type) == ("minicpmv", "minicpmo")
