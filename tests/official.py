"""A checkpoint folder laid out as Qwen/Qwen2-VL-2B-Instruct is on the hubs, but a few hundred KB in size.

Old flat config, old names of the weights, sharded with an index, a tokenizer whose special tokens follow the others.
"""

import json

from helpers import tiny

TOKENS = tiny.QWEN2_VL_SPECIAL_TOKENS
NORMAL = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


def write(folder):
    """Write the checkpoint into ``folder`` and return it."""
    folder.mkdir(parents=True)
    first_special = _write_tokenizer(folder)
    ids = {token: first_special + place for place, token in enumerate(TOKENS)}
    _write_json(folder / "config.json", _config(ids))
    _write_json(
        folder / "preprocessor_config.json",
        {"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
        | NORMAL
        | {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor"},
    )
    _write_json(folder / "chat_template.json", {"chat_template": tiny.QWEN2_VL_CHAT_TEMPLATE})
    _write_json(
        folder / "generation_config.json",
        {"bos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"], "do_sample": True}
        | {"eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]], "repetition_penalty": 1.0}
        | {"temperature": 0.01, "top_p": 0.001, "top_k": 1, "transformers_version": "4.37.0"},
    )
    _write_weights(folder)
    return folder


def _write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")


def _config(ids):
    return {
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "attention_dropout": 0.0,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_token_id": ids["<|vision_pad|>"],
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 48,
        "max_position_embeddings": 32768,
        "max_window_layers": 28,
        "model_type": "qwen2_vl",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0,
        "sliding_window": 32768,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.41.2",
        "use_cache": True,
        "use_sliding_window": False,
        "vision_config": {
            "depth": 2, "embed_dim": 32, "mlp_ratio": 4, "num_heads": 2, "in_chans": 3, "hidden_size": 32,
            "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2,
        },
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "vocab_size": max(ids.values()) + 8,  # rounded up, as the official one is
    }  # fmt: skip


def _write_tokenizer(folder):
    """vocab.json, merges.txt, tokenizer.json, tokenizer_config.json; returns the id of the first special token."""
    from tokenizers import AddedToken, Tokenizer, decoders, models
    from transformers import Qwen2Tokenizer

    vocab, merges = tiny.train_bpe(["x _ { 1 } + 公式 "] * 3, [], 270)
    _write_json(folder / "vocab.json", vocab)
    merged = "".join(" ".join(pair) + "\n" for pair in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merged}", encoding="utf-8")
    fast, model = Tokenizer(models.BPE(vocab, merges)), Qwen2Tokenizer().backend_tokenizer
    fast.normalizer, fast.pre_tokenizer, fast.decoder = model.normalizer, model.pre_tokenizer, decoders.ByteLevel()
    fast.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in TOKENS])
    fast.save(str(folder / "tokenizer.json"))
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    added = {str(len(vocab) + place): {"content": token} | flags for place, token in enumerate(TOKENS)}
    _write_json(
        folder / "tokenizer_config.json",
        {"add_prefix_space": False, "added_tokens_decoder": added, "additional_special_tokens": TOKENS[1:]}
        | {"bos_token": None, "chat_template": tiny.QWEN2_VL_CHAT_TEMPLATE, "clean_up_tokenization_spaces": False}
        | {"eos_token": "<|im_end|>", "padding_side": "left", "errors": "replace", "model_max_length": 32768}
        | {"pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer"}
        | {"unk_token": None},
    )
    return len(vocab)


def _write_weights(folder):
    """Random bfloat16 weights in two shards with an index, under the names of transformers 4."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, Qwen2VLForConditionalGeneration

    torch.manual_seed(0)
    made = Qwen2VLForConditionalGeneration(AutoConfig.from_pretrained(folder)).state_dict()
    made.pop("lm_head.weight")
    named = {
        name.replace("model.language_model.", "model.").replace("model.visual.", "visual."): weight.to(torch.bfloat16)
        for name, weight in made.items()
    }
    shards = {name: f"model-0000{1 + name.startswith('visual')}-of-00002.safetensors" for name in named}
    for shard in set(shards.values()):
        part = {name: weight for name, weight in named.items() if shards[name] == shard}
        save_file(part, folder / shard, {"format": "pt"})
    size = sum(weight.nbytes for weight in named.values())
    _write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": shards})
