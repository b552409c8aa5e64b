"""Models of official size with random weights, and processors with few words, for the benchmarks beside this file."""

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference"), str(ROOT / "tests" / "benchmarks")]


def make_processor(family):
    """The family's own kind, which keeps pictures as large as they are; few words."""
    from helpers.models.families import FAMILIES
    from helpers.pretraining import tiny_glm_ocr, tiny_minicpm, tiny_qwen2_vl

    if family == "minicpm_o":
        from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
        from helpers.models.minicpm.processing import MiniCPMOProcessor

        plain = tiny_minicpm.minicpm_o_processor()
        parts = MiniCPMVImageProcessor(), plain.feature_extractor, plain.tokenizer
        return MiniCPMOProcessor(*parts, chat_template=plain.chat_template)
    processor = tiny_qwen2_vl.qwen2_vl_processor() if family == "qwen2_vl" else tiny_glm_ocr.glm_ocr_processor()
    pixels = FAMILIES[family].frames * 28 * 28
    processor.image_processor.size = {"shortest_edge": 4 * pixels, "longest_edge": 2000 * pixels}
    return processor


def words_of(tokenizer):
    """Tokens of ASCII letters as text, to write answers with; in the same order in each process."""
    words = [tokenizer.convert_tokens_to_string([token]) for token in sorted(tokenizer.get_vocab())[300:]]
    return [word for word in words if word.isascii() and word.isalpha()]


def official_config(family, processor, small):
    """The official config, the tiny tokenizer's ids for the special tokens in it."""
    from official import _merged, _with_ids
    from official_layouts import CONFIGS, TOKENS

    full, tiny = CONFIGS[family]
    config = _merged(full, tiny) if small else full
    if family == "minicpm_o":
        return config
    ids = {token: processor.tokenizer.convert_tokens_to_ids(token) or 0 for token in TOKENS[family]}
    config = _with_ids(config, family, ids)
    if small:
        config.get("text_config", config)["vocab_size"] = len(processor.tokenizer) + 9
    return config


def classes(family):
    import transformers as hf

    from helpers.models.minicpm.configuration import MiniCPMOConfig
    from helpers.models.minicpm.modeling import MiniCPMO

    return {
        "qwen2_vl": (hf.Qwen2VLConfig, hf.Qwen2VLForConditionalGeneration),
        "glm_ocr": (hf.GlmOcrConfig, hf.GlmOcrForConditionalGeneration),
        "minicpm_o": (MiniCPMOConfig, MiniCPMO),
    }[family]


def make_model(family, method, settings, config, kinds, targets=""):
    """The model on the device with random weights, made ready for the method; LoRA on ``targets``, "": its own."""
    import torch

    from helpers.models import attention, families, lora
    from helpers.models.load import four_bit_config

    attention.leave_out_cudnn()  # as models.load
    config_class, model_class = kinds
    with torch.device(settings.device):
        model = model_class._from_config(config_class.from_dict(config), dtype=getattr(torch, settings.dtype))
    model.config._name_or_path = f"random-{family}"  # an adapter writes down its base
    if method == "full":
        model.requires_grad_(False)
        for part in (model.model.language_model, model.lm_head) if hasattr(model, "model") else (model.llm,):
            part.float().requires_grad_(True)
        return model
    if method == "qlora":
        from minicpm_lora import to_four_bits

        to_four_bits(model, four_bit_config(families.FAMILIES[family].language))
        torch.nn.Module.to(model, "cpu")  # and back: else the small weights lie scattered where the large ones were
        torch.cuda.empty_cache()
        torch.nn.Module.to(model, settings.device)
    row = families.FAMILIES[family]
    families.FAMILIES[family] = replace(row, lora_targets=targets or row.lora_targets)
    model = lora.add_lora(model, family, settings)
    families.FAMILIES[family] = row
    return model
