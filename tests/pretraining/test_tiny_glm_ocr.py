"""helpers.pretraining.tiny_glm_ocr: GLM-OCR's special tokens and chat layout, and the checkpoint that ships."""

import json

import pytest

from helpers.models.load import load_processor
from helpers.paths import ROOT
from helpers.pretraining import tiny_glm_ocr
from helpers.settings import Settings

FOLDER = ROOT / "data" / "tiny-glm-ocr"


@pytest.fixture(scope="module")
def made():
    return tiny_glm_ocr.glm_ocr_processor()


@pytest.fixture(scope="module")
def shipped():
    return load_processor("glm_ocr", Settings.tiny())


def test_special_tokens_are_one_token_each_in_the_official_order(made):
    ids = made.tokenizer("".join(tiny_glm_ocr.GLM_OCR_SPECIAL_TOKENS)).input_ids
    assert ids == list(range(len(tiny_glm_ocr.GLM_OCR_SPECIAL_TOKENS)))


def test_conversation_is_laid_out_as_glm_ocr_does(made):
    content = [{"type": "image"}, {"type": "text", "text": "Formula Recognition:"}]
    talk = [
        {"role": "user", "content": content},
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": "?"},
    ]
    assert made.apply_chat_template(talk, add_generation_prompt=True) == (
        "[gMASK]<sop><|user|>\n<|begin_of_image|><|image|><|end_of_image|>Formula Recognition:<|assistant|>\nx"
        "<|user|>\n?<|assistant|>\n"
    )


def test_molecules_take_few_tokens_and_survive(made):
    texts = [text for text in tiny_glm_ocr.molecule_corpus(300) if "rdkit" not in text]
    assert made.tokenizer.batch_decode(made.tokenizer(texts).input_ids) == texts


def test_shipped_processor_is_what_the_recipe_makes(made, shipped):
    assert shipped.tokenizer.get_vocab() == made.tokenizer.get_vocab()
    first, second = (json.loads(p.tokenizer.backend_tokenizer.to_str()) for p in (shipped, made))
    assert all(first[part] == second[part] for part in ("model", "pre_tokenizer", "decoder", "added_tokens"))
    assert shipped.chat_template == made.chat_template == tiny_glm_ocr.GLM_OCR_CHAT_TEMPLATE
    for part in ("image_processor", "video_processor"):
        assert getattr(shipped, part).to_dict() == getattr(made, part).to_dict()


def test_shipped_config_and_weights_are_what_the_recipe_makes(made):
    from safetensors import safe_open
    from transformers import AutoConfig

    model, shipped = tiny_glm_ocr.glm_ocr_model(made), AutoConfig.from_pretrained(FOLDER).to_diff_dict()
    assert shipped == model.config.to_diff_dict() | {name: shipped[name] for name in ("architectures", "dtype")}
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    assert shapes == {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 12e6
    assert json.loads((FOLDER / "training.json").read_text(encoding="utf-8"))["held-out pictures a task"] >= 200
