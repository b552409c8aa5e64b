"""helpers.models.parts: each family's parts are found, with an adapter around the model too."""

import pytest

from helpers.models.load import load
from helpers.models.lora import add_lora
from helpers.models.parts import parts_of
from helpers.settings import Settings


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr", "minicpm_o", "minicpm_v"])
def test_parts_are_the_models_own_with_and_without_an_adapter(family):
    settings = Settings.tiny(lora_r=4)
    model, _ = load(family, settings)
    found = parts_of(model)
    assert found["whole"] is model and found["head"] is model.get_output_embeddings()
    assert found["language"].embed_tokens is model.get_input_embeddings() and len(found["language"].layers) > 0
    assert all(any(block is part for eye in found["eyes"] for part in eye.modules()) for block in found["blocks"])
    again = parts_of(add_lora(model, family, settings))
    assert again["whole"] is model and again["language"] is found["language"]
