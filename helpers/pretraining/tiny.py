"""What the tiny checkpoints of all families share before training: prompts, sizes, how tokenizers and models are made.

``helpers/pretraining/train.py`` trains them; the results lie in ``data/``.
"""

import json

import numpy as np

from helpers.data.synthetic import grammar
from helpers.models.inputs import PROMPT

PROMPTS = (PROMPT, "将图片中的公式转换为 LaTeX。", "Formula Recognition:")

# The language models of all tiny families, so that one can start from another's weights.
LANGUAGE_SIZES = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 5,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]}  # of Qwen2-VL and GLM-OCR


def train_bpe(texts, special_tokens, vocab_size):
    """Learn a byte-level BPE with Qwen2's splitting rule, by which digits stand alone: ``(vocab, merges)``."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import Qwen2Tokenizer

    learner = Tokenizer(BPE())
    learner.pre_tokenizer = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    return learner.get_vocab(), merges


def corpus(count=4000):
    """Texts the tiny tokenizers learn from: formulas, single signs, the prompts and the words of the chat template.

    Of each formula only its first token and the single signs, since ``add_latex`` adds the LaTeX commands.
    """
    rng = np.random.default_rng(7)
    drawn = [grammar.formula(rng, grammar.SHORT).split() for _ in range(count)]
    drawn = [" ".join([first, *(token for token in rest if len(token) == 1)]) for first, *rest in drawn]
    signs = [f"{token} {token}" for token in grammar.TOKENS if len(token) == 1]
    chat = ["system\nYou are a helpful assistant.\n", "user\n", "assistant\n", *PROMPTS]
    return drawn + signs * (count // 20) + chat * count


def add_latex(tokenizer):
    """Make one token of every LaTeX command, digit and script mark with the space before it.

    The splitting rule of Qwen2 parts ``\\alpha`` into two and leaves the space before a digit alone. So answers are a
    third shorter, which saves a third of the time to write them.
    """
    from tokenizers import AddedToken

    words = [" _ {", " ^ {", *(f" {token}" for token in grammar.TOKENS if len(token) > 1 or token.isdigit())]
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in words])
    return tokenizer


def untrained(model_class, config, ends, pad, seed):
    """A model with random weights, in float32; ``ends`` are the tokens that end an answer, ``pad`` comes after them."""
    import torch

    torch.manual_seed(seed)
    model = model_class(config)
    model.generation_config.eos_token_id = ends
    model.generation_config.pad_token_id = pad
    return model
