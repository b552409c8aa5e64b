"""helpers.pretraining.tiny: the small tokenizers of all families lose nothing, untrained weights follow the seed."""

import numpy as np
import pytest

from helpers.data.synthetic import grammar
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
    longest = (grammar.SHORT, grammar.FULL)
    texts = [grammar.formula(np.random.default_rng(seed), longest[seed % 2]) for seed in range(300)]
    texts += grammar.TOKENS
    assert tokenizer.batch_decode(tokenizer(texts).input_ids) == texts


@pytest.fixture(scope="module")
def answers():
    return [grammar.formula(np.random.default_rng(seed), grammar.SHORT) for seed in range(3000)]


def test_no_answer_is_cut_by_max_new_tokens(tokenizer, answers):
    longest = max(map(len, tokenizer(answers).input_ids))
    assert longest + 1 <= Settings.tiny().max_new_tokens


def test_add_latex_makes_words_of_pieces_and_nothing_else():
    from transformers import Qwen2Tokenizer

    vocab, merges = tiny.train_bpe(["a b"], ["<end>"], 300)
    bare = Qwen2Tokenizer(vocab=vocab, merges=merges, unk_token="<end>", eos_token="<end>", pad_token="<end>")
    before, text = bare.get_vocab(), r"\alpha \frac { x } { 1 2 } ^ { 3 } _ { i }"
    pieces, tokenizer = len(bare(text).input_ids), tiny.add_latex(bare)
    ids = tokenizer(text).input_ids
    words = [" \\frac", " 1", " 2", " ^ {", " 3", " _ {"]
    assert [tokenizer.decode([number]) for number in ids if number >= len(before)] == words
    assert tokenizer.decode(ids) == text and len(ids) < pieces
    assert before.items() <= tokenizer.get_vocab().items()


def test_latex_commands_digits_and_script_marks_are_one_token_each(tokenizer):
    words = [token for token in grammar.TOKENS if len(token) > 1 or token.isdigit()]
    assert len(words) > 300 and {r"\frac", r"\alpha", r"\left(", "0", "9"} <= set(words)
    for word in (*words, "_ {", "^ {"):
        assert [tokenizer.decode([number]) for number in tokenizer(f"x {word} x").input_ids] == ["x", f" {word}", " x"]


def test_commands_that_begin_alike_do_not_cut_each_other(tokenizer):
    text = r"x \in \int \infty \le \left( \leq \leftrightarrow x"
    assert len(tokenizer(text).input_ids) == len(text.split())


def test_formulas_take_fewer_tokens_than_words(tokenizer, answers):
    words = sum(len(text.split()) for text in answers)
    assert sum(map(len, tokenizer(answers).input_ids)) < words  # a script mark and its brace are one


def test_digits_stand_alone():
    vocab, merges = tiny.train_bpe(["1234567 1234567 abc abc"] * 50, ["<end>"], 300)
    assert vocab["<end>"] == 0 and "Ġabc" in vocab and not any(any(map(str.isdigit, "".join(pair))) for pair in merges)


@pytest.mark.parametrize(
    "family, millions, words",
    [("qwen2_vl", 4.41, 885), ("glm_ocr", 5.10, 1013), ("minicpm_o", 4.37, 885), ("minicpm_v", 4.17, 885)],
)
def test_tiny_models_are_as_large_as_they_say(family, millions, words):
    model, tokenizer = TINY_FAMILIES[family].make_model(processor_of(family)), processor_of(family).tokenizer
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    assert len(tokenizer) == model.get_input_embeddings().weight.shape[0] == words


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_untrained_weights_follow_the_seed(family):
    make = TINY_FAMILIES[family].make_model
    first, again, other = (next(make(processor_of(family), seed).parameters()) for seed in (0, 0, 1))
    assert (first == again).all() and not (first == other).all()
