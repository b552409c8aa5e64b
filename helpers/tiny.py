"""The tiny checkpoints before training: true architectures and processors, small sizes, random weights.

``helpers/pretrain.py`` trains them; the results lie in ``data/``.
"""

import json

import numpy as np

from helpers import formulas, molecules
from helpers.models import PROMPT

PROMPTS = (
    PROMPT,
    "将图片中的公式转换为 LaTeX。",
    "Formula Recognition:",
)
GLM_OCR_PROMPTS = {"formula": "Formula Recognition:", "molecule": "Molecule Recognition:"}
"""What the tiny GLM-OCR is pretrained with: the official preset prompt for formulas, one of ours for molecules."""

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

# GLM-OCR's own special tokens in the order of the official tokenizer.
GLM_OCR_SPECIAL_TOKENS = (
    "<|endoftext|> [MASK] [gMASK] [sMASK] <sop> <eop> <|system|> <|user|> <|assistant|> <|observation|> "
    "<|begin_of_image|> <|end_of_image|> <|begin_of_video|> <|end_of_video|> <|image|> <|video|> /nothink "
    "<think> </think>"
).split()

# The conversation layout of GLM-OCR: the same text as LLaMA-Factory's template glm_ocr makes.
GLM_OCR_CHAT_TEMPLATE = """\
{{- "[gMASK]<sop>" -}}
{%- for message in messages -%}
{{- "<|" + message.role + "|>\n" -}}
{%- if message.content is string -%}
{{- message.content -}}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "image" or "image" in part or "image_url" in part -%}
{{- "<|begin_of_image|><|image|><|end_of_image|>" -}}
{%- elif part.type == "video" or "video" in part -%}
{{- "<|begin_of_video|><|video|><|end_of_video|>" -}}
{%- elif "text" in part -%}
{{- part.text -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- "<|assistant|>\n" -}}{%- endif -%}
"""

LANGUAGE_SIZES = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 5,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
"""The language models of all tiny families, so that one can start from another's weights."""


def train_bpe(texts, special_tokens, vocab_size):
    """Learn a byte-level BPE with Qwen2's splitting rule, by which digits stand alone: ``(vocab, merges)``."""
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


def molecule_corpus(count=4000):
    """Texts of the tiny GLM-OCR's tokenizer beyond those of ``corpus``: molecules, bare and fenced, and its prompts."""
    rng = np.random.default_rng(8)
    drawn = [molecules.molecule(rng) for _ in range(count)]
    fenced = ["```rdkit\n", "\n```", "Code Generation:", "Text Recognition:", "Table Recognition:"]
    return drawn + (fenced + list(GLM_OCR_PROMPTS.values())) * (count // 20)


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
        **LANGUAGE_SIZES,
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


# --- GLM-OCR ----------------------------------------------------------------------------------


def glm_ocr_processor():
    """A ``Glm46VProcessor`` with a vocabulary of 640 and pictures of up to 252 x 56 pixels' worth."""
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import BPE
    from transformers import (
        Glm46VImageProcessor,
        Glm46VProcessor,
        Glm46VVideoProcessor,
        PreTrainedTokenizerFast,
        Qwen2Tokenizer,
    )

    vocab, merges = train_bpe(corpus() + molecule_corpus(), GLM_OCR_SPECIAL_TOKENS, 640)
    splitter = Tokenizer(BPE(vocab, merges))
    splitter.pre_tokenizer, splitter.decoder = Qwen2Tokenizer().backend_tokenizer.pre_tokenizer, decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=splitter,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=GLM_OCR_SPECIAL_TOKENS[1:],
        padding_side="left",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )
    frames = 2  # a picture counts as two frames: the limits are of frames x height x width
    size = {"shortest_edge": frames * 84 * 56, "longest_edge": frames * formulas.LARGEST[0] * formulas.LARGEST[1]}
    return Glm46VProcessor(
        Glm46VImageProcessor(size=size),
        tokenizer,
        Glm46VVideoProcessor(size=size),
        chat_template=GLM_OCR_CHAT_TEMPLATE,
    )


def glm_ocr_model(processor, seed=0):
    """A ``GlmOcrForConditionalGeneration`` of 4.6 M parameters with random weights, in float32."""
    import torch
    from transformers import GlmOcrConfig, GlmOcrForConditionalGeneration

    tokenizer = processor.tokenizer
    special = {token: tokenizer.convert_tokens_to_ids(token) for token in GLM_OCR_SPECIAL_TOKENS}
    text = {
        "vocab_size": len(tokenizer),
        **LANGUAGE_SIZES,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 6, 6]},
        "eos_token_id": [special["<|endoftext|>"], special["<|user|>"]],
        "pad_token_id": special["<|endoftext|>"],
    }
    vision = {"depth": 5, "hidden_size": 160, "num_heads": 5, "intermediate_size": 640, "out_hidden_size": 192}
    config = GlmOcrConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=special["<|image|>"],
        video_token_id=special["<|video|>"],
        image_start_token_id=special["<|begin_of_image|>"],
        image_end_token_id=special["<|end_of_image|>"],
        video_start_token_id=special["<|begin_of_video|>"],
        video_end_token_id=special["<|end_of_video|>"],
    )
    torch.manual_seed(seed)
    model = GlmOcrForConditionalGeneration(config)
    model.generation_config.eos_token_id = [special["<|endoftext|>"], special["<|user|>"]]
    model.generation_config.pad_token_id = special["<|endoftext|>"]
    return model
