"""helpers.models.inputs: the question as the family lays it out, and as many image tokens as the picture makes."""

import re

import official
import pytest
from PIL import Image

from helpers.data.samples import Sample
from helpers.models.inputs import (
    PROMPT,
    conversation,
    encode_prompts,
    image_tokens,
    shrunk_size,
    special_tokens,
)
from helpers.models.load import load_processor
from helpers.settings import Settings

SIZES = [(252, 56), (84, 56), (28, 28), (500, 100), (100, 500), (60, 20), (3000, 2000), (200, 1), (1, 150), (333, 77)]


@pytest.fixture(scope="module")
def tiny():
    return load_processor("qwen2_vl", Settings.tiny())


@pytest.mark.parametrize("kind", ["tiny", "real"])
def test_image_tokens_are_those_of_the_processor(tiny, kind, tmp_path):
    processor = tiny
    if kind == "real":
        official.write(tmp_path / "Qwen2-VL-2B-Instruct")
        processor = load_processor("qwen2_vl", Settings.real(models_dir=tmp_path, device="cpu", dtype="float32"))
    count = image_tokens(processor)
    for size in SIZES:
        grid = processor.image_processor([Image.new("RGB", size)], return_tensors="pt")["image_grid_thw"]
        assert count(*size) == grid.prod().item() // 4, size
    with pytest.raises(ValueError):
        count(2010, 10)


def test_question_ends_where_the_answer_begins(tiny):
    text = conversation(tiny)
    assert text.endswith(f"<|image_pad|><|vision_end|>{PROMPT}<|im_end|>\n<|im_start|>assistant\n")
    assert "(<audio>./</audio>)" in conversation(load_processor("minicpm_o", Settings.tiny()), "?", "audio")


@pytest.mark.parametrize(
    ("family", "token"), [("qwen2_vl", "<|image_pad|>"), ("glm_ocr", "<|user|>"), ("minicpm_o", "</image>")]
)
def test_special_token_in_a_prompt_is_named(family, token):
    processor = load_processor(family, Settings.tiny())
    assert token in special_tokens(processor)
    with pytest.raises(
        ValueError, match=f"prompt 'Read {re.escape(token)} this' holds .*{re.escape(token)}: take it out"
    ):
        conversation(processor, f"Read {token} this")
    assert "/nothink" not in special_tokens(processor)


def test_prompts_are_padded_on_the_left_and_hold_each_picture_whole(tiny, tmp_path):
    samples = [Sample(tmp_path / f"{width}.png", "x") for width in (196, 252)]
    for sample in samples:
        Image.new("L", (int(sample.file.stem), 56), 255).save(sample.file)
    made = encode_prompts(samples, tiny)
    assert (made["input_ids"] == tiny.image_token_id).sum(1).tolist() == [14, 18]
    assert made["attention_mask"][0, 0] == 0 and made["attention_mask"][:, -1].tolist() == [1, 1]


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr", "minicpm_v"])
def test_only_what_a_limit_shrinks_is_told(family):
    images = load_processor(family, Settings.tiny())
    shrunk = shrunk_size(images)
    most = {"qwen2_vl": 56_448, "glm_ocr": 14_112, "minicpm_v": 9 * 126**2}[family]
    side = int(most**0.5)
    assert shrunk(196, 56) is None and shrunk(84, 84) is None and shrunk(20, 10) is None
    assert shrunk(side - 30, side - 30) is None
    wide, high = shrunk(2139, 1644)
    assert 0.5 * most <= wide * high <= 1.1 * most and abs(wide / high - 2139 / 1644) < 0.4
