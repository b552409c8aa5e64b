"""The tiny GLM-OCR before training: true classes and processor, small sizes, random weights."""

import numpy as np

from helpers.data.synthetic import molecules, papers
from helpers.pretraining.tiny import LANGUAGE_SIZES, ROPE, add_latex, corpus, train_bpe, untrained

# What it is pretrained with: the official preset prompt for formulas, one of ours for molecules.
GLM_OCR_PROMPTS = {"formula": "Formula Recognition:", "molecule": "Molecule Recognition:"}

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


def molecule_corpus(count=4000):
    """Texts of the tiny GLM-OCR's tokenizer beyond those of ``corpus``: molecules, bare and fenced, and its prompts."""
    rng = np.random.default_rng(8)
    drawn = [molecules.molecule(rng) for _ in range(count)]
    fenced = ["```rdkit\n", "\n```", "Code Generation:", "Text Recognition:", "Table Recognition:"]
    return drawn + (fenced + list(GLM_OCR_PROMPTS.values())) * (count // 20)


def glm_ocr_processor():
    """A ``Glm46VProcessor`` with a vocabulary of 1,013 and pictures of 84 x 56 to 252 x 56 pixels' worth."""
    import transformers as hf
    from tokenizers import Tokenizer, decoders
    from tokenizers.models import BPE

    vocab, merges = train_bpe(corpus() + molecule_corpus(), GLM_OCR_SPECIAL_TOKENS, 640)
    splitter = Tokenizer(BPE(vocab, merges))
    splitter.pre_tokenizer, splitter.decoder = hf.Qwen2Tokenizer().backend_tokenizer.pre_tokenizer, decoders.ByteLevel()
    tokenizer = hf.PreTrainedTokenizerFast(
        tokenizer_object=splitter,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=GLM_OCR_SPECIAL_TOKENS[1:],
        padding_side="left",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )
    frames = 2  # a picture counts as two frames: the limits are of frames x height x width
    size = {"shortest_edge": frames * 84 * 56, "longest_edge": frames * papers.LARGEST[0] * papers.LARGEST[1]}
    images, videos = hf.Glm46VImageProcessor(size=size), hf.Glm46VVideoProcessor(size=size)
    return hf.Glm46VProcessor(images, add_latex(tokenizer), videos, chat_template=GLM_OCR_CHAT_TEMPLATE)


def glm_ocr_model(processor, seed=0):
    """A ``GlmOcrForConditionalGeneration`` of 5.10 M parameters with random weights, in float32."""
    from transformers import GlmOcrConfig, GlmOcrForConditionalGeneration

    tokenizer = processor.tokenizer
    special = {token: tokenizer.convert_tokens_to_ids(token) for token in GLM_OCR_SPECIAL_TOKENS}
    ends = [special["<|endoftext|>"], special["<|user|>"]]
    text = {
        "vocab_size": len(tokenizer),
        **LANGUAGE_SIZES,
        "rope_parameters": ROPE,
        "eos_token_id": ends,
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
    return untrained(GlmOcrForConditionalGeneration, config, ends, special["<|endoftext|>"], seed)
