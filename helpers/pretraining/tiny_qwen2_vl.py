"""The tiny Qwen2-VL before training: true classes and processor, small sizes, random weights."""

from helpers.pretraining.tiny import LANGUAGE_SIZES, ROPE, add_latex, corpus, train_bpe, untrained

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


def qwen2_vl_processor():
    """A ``Qwen2VLProcessor`` with a vocabulary of 885 and pictures of 196 x 56 to 504 x 112 pixels' worth.

    So a printed line of 40 pixels' height gets two rows of image tokens, not one.
    """
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
    size = {"shortest_edge": 196 * 56, "longest_edge": 504 * 112}
    images, videos = Qwen2VLImageProcessor(size=size), Qwen2VLVideoProcessor(size=size)
    return Qwen2VLProcessor(images, add_latex(tokenizer), videos, chat_template=QWEN2_VL_CHAT_TEMPLATE)


def qwen2_vl_model(processor, seed=0):
    """A ``Qwen2VLForConditionalGeneration`` of 4.41 M parameters with random weights, in float32."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    tokenizer = processor.tokenizer
    special = {token: tokenizer.convert_tokens_to_ids(token) for token in QWEN2_VL_SPECIAL_TOKENS}
    text = {
        "vocab_size": len(tokenizer),
        **LANGUAGE_SIZES,
        "rope_parameters": ROPE,
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
    ends = [special["<|im_end|>"], special["<|endoftext|>"]]
    return untrained(Qwen2VLForConditionalGeneration, config, ends, special["<|endoftext|>"], seed)
