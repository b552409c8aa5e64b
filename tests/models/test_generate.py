"""helpers.models.generate: greedy whatever the checkpoint prefers, and the model is left in the mode it was in."""

import pytest
import torch
from PIL import Image

from helpers.data.samples import Sample
from helpers.models.generate import decode, evaluating, generate
from helpers.models.inputs import encode_prompts
from helpers.models.load import load
from helpers.settings import Settings


@pytest.fixture(scope="module")
def loaded():
    return load("qwen2_vl", Settings.tiny())


@pytest.fixture
def inputs(loaded, tmp_path):
    Image.new("L", (84, 56), 255).save(tmp_path / "0.png")
    return encode_prompts([Sample(tmp_path / "0.png", "x")] * 2, loaded[1])


@pytest.mark.parametrize("training", [True, False])
def test_model_is_left_in_the_mode_it_was_in_even_when_reading_fails(loaded, training):
    model = loaded[0].train(training)
    with pytest.raises(KeyboardInterrupt), evaluating(model):
        assert not model.training and torch.is_inference_mode_enabled()
        raise KeyboardInterrupt
    assert model.training is training and not torch.is_inference_mode_enabled()
    model.eval()


def test_only_new_tokens_come_back_and_no_lots_are_drawn(loaded, inputs, monkeypatch):
    model, processor = loaded
    for name, value in {"do_sample": True, "temperature": 50.0, "top_k": 0}.items():
        monkeypatch.setattr(model.generation_config, name, value)
    first, second = generate(model, inputs, 5), generate(model, inputs, 5)
    assert torch.equal(first, second) and torch.equal(first[0], first[1]) and first.shape[1] <= 5
    drawn = generate(model, inputs, 5, do_sample=True, temperature=50.0)
    assert not torch.equal(drawn, first)


def test_texts_are_stripped_and_hold_no_special_tokens(loaded):
    processor = loaded[1]
    ids = processor.tokenizer([" x ^ 2 <|im_end|>", "<|endoftext|>"]).input_ids
    assert decode(processor, ids) == ["x ^ 2", ""]
