"""Tiny MiniCPM-o 2.6 and MiniCPM-V 4.5 before training: true classes and processors, small sizes, random weights."""

from helpers.data.synthetic import papers
from helpers.pretraining import tiny

# The family's special tokens beside Qwen2's, in the order of the official tokenizer.
MINICPM_SPECIAL_TOKENS = (
    "<|endoftext|> <|im_start|> <|im_end|> <unk> <image> </image> <slice> </slice> <image_id> </image_id> "
    "<|audio_start|> <|audio|> <|audio_end|> <|spk_bos|> <|spk|> <|spk_eos|> <|tts_bos|> <|tts_eos|>"
).split()

# Qwen2's layout of a conversation. Pictures and sounds stand in the text as marks; the processor puts them there.
MINICPM_CHAT_TEMPLATE = """\
{%- if messages and messages[0].role != "system" -%}
{{- "<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n" -}}
{%- endif -%}
{%- for message in messages -%}
{{- "<|im_start|>" + message.role + "\\n" + message.content + "<|im_end|>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\\n" -}}{%- endif -%}
"""

QUERIES = 32  # embeddings a picture becomes
SIDE = 126  # a picture has about SIDE x SIDE pixels in area: papers.LARGEST stays whole
AUDIO = {"d_model": 64, "encoder_layers": 1, "encoder_attention_heads": 4, "encoder_ffn_dim": 128, "num_mel_bins": 80}


def make_tokenizer():
    """A ``Qwen2Tokenizer`` with a vocabulary of 885 that carries the family's marks."""
    from transformers import Qwen2Tokenizer

    vocab, merges = tiny.train_bpe(tiny.corpus(), MINICPM_SPECIAL_TOKENS, 512)
    tokenizer = Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        unk_token="<unk>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=MINICPM_SPECIAL_TOKENS[1:],
        padding_side="left",  # generation goes on from the right end
        model_max_length=1024,
        chat_template=MINICPM_CHAT_TEMPLATE,
    )
    return tiny.add_latex(tokenizer)


def image_processor():
    """Pictures of about 126 x 126 pixels in area; larger ones get up to 9 tiles."""
    from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor

    assert papers.LARGEST[0] * papers.LARGEST[1] <= SIDE**2, "formulas would be cut into tiles"
    return MiniCPMVImageProcessor(scale_resolution=SIDE, image_feature_size=QUERIES)


def minicpm_o_processor():
    """A ``MiniCPMOProcessor`` for pictures, sounds and text."""
    from transformers import WhisperFeatureExtractor

    from helpers.models.minicpm.processing import MiniCPMOProcessor

    images, sounds = image_processor(), WhisperFeatureExtractor()
    return MiniCPMOProcessor(images, sounds, make_tokenizer(), chat_template=MINICPM_CHAT_TEMPLATE)


def minicpm_v_processor():
    """A ``MiniCPMVProcessor`` for pictures and text."""
    from helpers.models.minicpm.processing import MiniCPMVProcessor

    return MiniCPMVProcessor(image_processor(), make_tokenizer(), chat_template=MINICPM_CHAT_TEMPLATE)


def sizes(tokenizer):
    """The config's keys that both models share."""
    return {
        "vocab_size": len(tokenizer),
        **tiny.LANGUAGE_SIZES,
        "rope_theta": 10000.0,
        "rms_norm_eps": 1e-5,  # as in the tiny Qwen2-VL, see helpers/pretraining/warm_start.py
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "query_num": QUERIES,
        "vision_config": {
            "hidden_size": 160,
            "intermediate_size": 640,
            "num_hidden_layers": 5,
            "num_attention_heads": 5,
            "image_size": 448,
            "patch_size": 14,
        },
    }


def minicpm_o_model(processor, seed=0):
    """A ``MiniCPMO`` of 4.37 M parameters with random weights, in float32."""
    from helpers.models.minicpm.configuration import MiniCPMOConfig
    from helpers.models.minicpm.modeling import MiniCPMO

    return _model(MiniCPMO, MiniCPMOConfig(**sizes(processor.tokenizer), audio_config=AUDIO), seed)


def minicpm_v_model(processor, seed=0):
    """A ``MiniCPMV`` 4.5 of 4.17 M parameters with random weights, in float32."""
    from helpers.models.minicpm.configuration import MiniCPMVConfig
    from helpers.models.minicpm.modeling import MiniCPMV

    return _model(MiniCPMV, MiniCPMVConfig(**sizes(processor.tokenizer), head_dim=32), seed)


def _model(model_class, config, seed):
    ends = [config.eos_token_id, config.pad_token_id]
    return tiny.untrained(model_class, config, ends, config.pad_token_id, seed)
