"""helpers.pretraining.tiny_qwen2_vl: special tokens and chat layout of Qwen2-VL, and the checkpoint that ships."""

import json

import numpy as np
import pytest

from helpers.paths import ROOT
from helpers.pretraining import tiny_qwen2_vl

FOLDER = ROOT / "data" / "tiny-qwen2-vl"
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
VIDEO = "<|vision_start|><|video_pad|><|vision_end|>"
OFFICIAL_IDS = {
    "<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645,
    "<|object_ref_start|>": 151646, "<|object_ref_end|>": 151647, "<|box_start|>": 151648, "<|box_end|>": 151649,
    "<|quad_start|>": 151650, "<|quad_end|>": 151651, "<|vision_start|>": 151652, "<|vision_end|>": 151653,
    "<|vision_pad|>": 151654, "<|image_pad|>": 151655, "<|video_pad|>": 151656,
}  # fmt: skip


@pytest.fixture(scope="module")
def made():
    """The processor as the recipe makes it now."""
    return tiny_qwen2_vl.qwen2_vl_processor()


@pytest.fixture(scope="module")
def shipped():
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(FOLDER)


# --- tokenizer --------------------------------------------------------------------------------


@pytest.mark.parametrize("token", OFFICIAL_IDS)
def test_special_tokens_are_one_token_each_in_the_official_order(shipped, token):
    number = OFFICIAL_IDS[token] - OFFICIAL_IDS["<|endoftext|>"]
    assert shipped.tokenizer(f"a{token}b").input_ids[1:-1] == [number]
    assert shipped.tokenizer.decode([number], skip_special_tokens=True) == ""


def test_special_tokens_have_their_roles(shipped):
    tokenizer = shipped.tokenizer
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert (shipped.image_token, shipped.video_token) == ("<|image_pad|>", "<|video_pad|>")


def test_tokenizer_adds_nothing_and_cuts_nothing(shipped):
    ids = shipped.tokenizer("x " * 5000).input_ids
    assert len(ids) >= 5000 and not set(ids) & set(range(14))


# --- chat template ----------------------------------------------------------------------------


def chat(*turns):
    return [{"role": role, "content": content} for role, content in turns]


PICTURE = [{"type": "image"}, {"type": "text", "text": "Read it."}]
FILM = [{"type": "video", "video": "a.mp4"}, {"type": "text", "text": "And this?"}]
LAYOUTS = {
    "text as a string": (chat(("user", "Hi")), {}, SYSTEM + "<|im_start|>user\nHi<|im_end|>\n"),
    "picture and text": (chat(("user", PICTURE)), {}, f"{SYSTEM}<|im_start|>user\n{IMAGE}Read it.<|im_end|>\n"),
    "picture by its key": (
        chat(("user", [{"image": "a.png"}, {"text": "?"}])), {},
        f"{SYSTEM}<|im_start|>user\n{IMAGE}?<|im_end|>\n",
    ),
    "picture by address": (
        chat(("user", [{"type": "image_url", "image_url": {"url": "a"}}])), {},
        f"{SYSTEM}<|im_start|>user\n{IMAGE}<|im_end|>\n",
    ),
    "video": (chat(("user", FILM)), {}, f"{SYSTEM}<|im_start|>user\n{VIDEO}And this?<|im_end|>\n"),
    "answer to come": (
        chat(("user", PICTURE)), {"add_generation_prompt": True},
        f"{SYSTEM}<|im_start|>user\n{IMAGE}Read it.<|im_end|>\n<|im_start|>assistant\n",
    ),
    "own system text": (
        chat(("system", "Be brief."), ("user", "Hi")), {},
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n",
    ),
    "own system text in parts": (
        chat(("system", [{"type": "text", "text": "Be brief."}]), ("user", "Hi")), {},
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n",
    ),
    "several turns": (
        chat(("user", PICTURE), ("assistant", "x"), ("user", FILM)), {"add_generation_prompt": True},
        f"{SYSTEM}<|im_start|>user\n{IMAGE}Read it.<|im_end|>\n<|im_start|>assistant\nx<|im_end|>\n"
        f"<|im_start|>user\n{VIDEO}And this?<|im_end|>\n<|im_start|>assistant\n",
    ),
    "numbered": (
        chat(("user", [*PICTURE, {"type": "image"}]), ("assistant", "x"), ("user", FILM)), {"add_vision_id": True},
        f"{SYSTEM}<|im_start|>user\nPicture 1: {IMAGE}Read it.Picture 2: {IMAGE}<|im_end|>\n"
        f"<|im_start|>assistant\nx<|im_end|>\n<|im_start|>user\nVideo 1: {VIDEO}And this?<|im_end|>\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_conversation_is_laid_out_as_qwen2_vl_does(shipped, name):
    messages, options, expected = LAYOUTS[name]
    assert shipped.apply_chat_template(messages, **options) == expected


# --- the shipped checkpoint -------------------------------------------------------------------


def test_shipped_processor_is_what_the_recipe_makes(made, shipped):
    assert shipped.tokenizer.get_vocab() == made.tokenizer.get_vocab()
    assert shipped.tokenizer.backend_tokenizer.to_str() == made.tokenizer.backend_tokenizer.to_str()
    assert shipped.tokenizer.padding_side == made.tokenizer.padding_side == "left"
    assert shipped.chat_template == made.chat_template == tiny_qwen2_vl.QWEN2_VL_CHAT_TEMPLATE
    for part in ("image_processor", "video_processor"):
        assert getattr(shipped, part).to_dict() == getattr(made, part).to_dict()


def test_shipped_config_is_what_the_recipe_makes(made):
    from transformers import AutoConfig, GenerationConfig

    model = tiny_qwen2_vl.qwen2_vl_model(made)
    shipped = AutoConfig.from_pretrained(FOLDER).to_diff_dict()
    ours = model.config.to_diff_dict() | {name: shipped[name] for name in ("architectures", "dtype")}
    assert shipped == ours
    generation = GenerationConfig.from_pretrained(FOLDER)
    assert generation.eos_token_id == model.generation_config.eos_token_id == [2, 0] and generation.pad_token_id == 0


def test_shipped_weights_fit_the_model_and_are_small(made):
    from safetensors import safe_open

    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        count = sum(int(np.prod(file.get_slice(name).get_shape())) for name in file.keys())
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}
    assert kinds == {"BF16"} and count == sum(w.numel() for w in tiny_qwen2_vl.qwen2_vl_model(made).parameters())
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 12e6


def test_shipped_folder_holds_no_pickles_and_a_card():
    assert {path.suffix for path in FOLDER.iterdir()} <= {".json", ".jinja", ".safetensors", ".md"}
    card = json.loads((FOLDER / "training.json").read_text(encoding="utf-8"))
    assert card["held-out pictures a task"] >= 200 and card["exact match, formulas, printed"] >= 0.9
    assert card["steps"] > 0
