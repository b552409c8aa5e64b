"""helpers.pretraining.tiny: the small tokenizers of all families lose nothing, untrained weights follow the seed."""

import numpy as np
import pytest

from helpers.data.synthetic import formulas
from helpers.pretraining import tiny
from helpers.pretraining.families import TINY_FAMILIES, processor_of
from helpers.settings import Settings


@pytest.fixture(scope="module", params=["qwen2_vl", "glm_ocr", "minicpm_o"])
def tokenizer(request):
    return processor_of(request.param).tokenizer


@pytest.mark.parametrize(
    "text", ["将图片中的公式转换为 LaTeX。", "\\frac { x } { 2 }", "a\n\tb  c ", "😀 é \x00 \u2028", *tiny.PROMPTS]
)
def test_any_text_survives_the_tokenizer(tokenizer, text):
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_every_formula_and_every_symbol_survives_the_tokenizer(tokenizer):
    texts = [formulas.formula(np.random.default_rng(seed)) for seed in range(300)]
    texts += {token for text in texts for token in text.split()} | {
        *formulas.GREEK,
        *formulas.FUNCTIONS,
        *formulas.CAPITALS,
    }
    assert tokenizer.batch_decode(tokenizer(texts).input_ids) == texts


@pytest.fixture(scope="module")
def answers():
    texts = [formulas.formula(np.random.default_rng(seed)) for seed in range(3000)]
    return [text for text in texts if len(text.split()) <= formulas.LONGEST]


def test_no_answer_is_cut_by_max_new_tokens(tokenizer, answers):
    longest = max(map(len, tokenizer(answers).input_ids))
    assert longest + 1 <= Settings.tiny().max_new_tokens


def test_digits_stand_alone():
    vocab, merges = tiny.train_bpe(["1234567 1234567 abc abc"] * 50, ["<end>"], 300)
    assert vocab["<end>"] == 0 and "Ġabc" in vocab and not any(any(map(str.isdigit, "".join(pair))) for pair in merges)


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_untrained_weights_follow_the_seed(family):
    make = TINY_FAMILIES[family].make_model
    first, again, other = (next(make(processor_of(family), seed).parameters()) for seed in (0, 0, 1))
    assert (first == again).all() and not (first == other).all()
