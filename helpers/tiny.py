"""The tiny checkpoints before training: true architectures and processors, small sizes, random weights.

``helpers/pretrain.py`` trains them; the results lie in ``data/``.
"""

import json

import numpy as np

from helpers import formulas
from helpers.models import PROMPT

PROMPTS = (
    PROMPT,
    "将图片中的公式转换为 LaTeX。",
    "Formula Recognition:",
)

# Qwen2-VL's own special tokens in the order of the official tokenizer.
QWEN2_VL_SPECIAL_TOKENS = (
    "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
    "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|>"
).split()

# The conversation layout of Qwen2-VL: the same text as the official template makes, for text, pictures and videos.
QWEN2_VL_CHAT_TEMPLATE = """\
{%- if messages and messages[0].role != "system" -%}
{{- "<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n" -}}
{%- endif -%}
{%- set seen = namespace(images=0, videos=0) -%}
{%- for message in messages -%}
{{- "<|im_start|>" + message.role + "\\n" -}}
{%- if message.content is string -%}
{{- message.content -}}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "image" or "image" in part or "image_url" in part -%}
{%- set seen.images = seen.images + 1 -%}
{%- if add_vision_id -%}{{- "Picture " + seen.images|string + ": " -}}{%- endif -%}
{{- "<|vision_start|><|image_pad|><|vision_end|>" -}}
{%- elif part.type == "video" or "video" in part -%}
{%- set seen.videos = seen.videos + 1 -%}
{%- if add_vision_id -%}{{- "Video " + seen.videos|string + ": " -}}{%- endif -%}
{{- "<|vision_start|><|video_pad|><|vision_end|>" -}}
{%- elif "text" in part -%}
{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- "<|im_end|>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\\n" -}}{%- endif -%}
"""


def train_bpe(texts, special_tokens, vocab_size):
    """Learn a byte-level BPE with Qwen2's own splitting rule: ``(vocab, merges)`` as ``Qwen2Tokenizer`` takes them."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import Qwen2Tokenizer

    learner = Tokenizer(BPE())
    learner.pre_tokenizer = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer
    learner.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=list(special_tokens),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    vocab = learner.get_vocab()
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    return vocab, merges


def corpus(count=4000):
    """Texts the tiny tokenizers are made from: formulas, the prompts, and the words of the chat template."""
    rng = np.random.default_rng(7)
    drawn = [" " + formulas.formula(rng) for _ in range(count)] + [formulas.formula(rng) for _ in range(count // 4)]
    symbols = (
        formulas.LETTERS,
        formulas.CAPITALS,
        formulas.DIGITS,
        formulas.GREEK,
        formulas.FUNCTIONS,
        formulas.SPECIAL,
    )
    every_symbol = [f"{token} {token}" for group in symbols for token in group]
    chat = ["system\nYou are a helpful assistant.\n", "user\n", "assistant\n", *PROMPTS]
    return drawn + (every_symbol + chat) * (count // 20)


def qwen2_vl_processor():
    """A ``Qwen2VLProcessor`` with a vocabulary of 512 and pictures of up to 252 x 56 pixels' worth."""
    from transformers import Qwen2Tokenizer, Qwen2VLImageProcessor, Qwen2VLProcessor, Qwen2VLVideoProcessor

    vocab, merges = train_bpe(corpus(), QWEN2_VL_SPECIAL_TOKENS, 512)
    tokenizer = Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=QWEN2_VL_SPECIAL_TOKENS[1:],
        padding_side="left",  # as the official one: generation goes on from the right end
        model_max_length=1024,
    )
    limits = {"min_pixels": 84 * 56, "max_pixels": formulas.LARGEST[0] * formulas.LARGEST[1]}
    return Qwen2VLProcessor(
        Qwen2VLImageProcessor(size={"shortest_edge": limits["min_pixels"], "longest_edge": limits["max_pixels"]}),
        tokenizer,
        Qwen2VLVideoProcessor(size={"shortest_edge": limits["min_pixels"], "longest_edge": limits["max_pixels"]}),
        chat_template=QWEN2_VL_CHAT_TEMPLATE,
    )


def qwen2_vl_model(processor, seed=0):
    """A ``Qwen2VLForConditionalGeneration`` of 4.4 M parameters with random weights, in float32."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    tokenizer = processor.tokenizer
    special = {token: tokenizer.convert_tokens_to_ids(token) for token in QWEN2_VL_SPECIAL_TOKENS}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 5,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
        "bos_token_id": special["<|endoftext|>"],
        "eos_token_id": special["<|im_end|>"],
        "pad_token_id": special["<|endoftext|>"],
        "tie_word_embeddings": True,
    }
    config = Qwen2VLConfig(
        text_config=text,
        vision_config={"depth": 5, "embed_dim": 160, "hidden_size": 192, "num_heads": 5, "mlp_ratio": 4},
        image_token_id=special["<|image_pad|>"],
        video_token_id=special["<|video_pad|>"],
        vision_start_token_id=special["<|vision_start|>"],
        vision_end_token_id=special["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = [special["<|im_end|>"], special["<|endoftext|>"]]
    model.generation_config.pad_token_id = special["<|endoftext|>"]
    return model
