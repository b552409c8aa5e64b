"""Checkpoint folders laid out as those on the hubs: random weights, a few hundred KB or of full size; or ours of data/.

    python tests/reference/official.py glm_ocr FOLDER        (full size, on the GPU if there is one; 2.7 GB)
    python tests/reference/official.py minicpm_o FOLDER      (17 GB; minicpm_v likewise)

Only the tokenizer is small in both: it knows the project's formulas and molecules, and the special tokens by their
official ids. test_official.py holds both layouts against what is known of the official files. ``trained=True`` takes
tokenizer and weights of the project's own tiny model, which reads its formulas.
"""

import json
import shutil
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reference")]
from official_layouts import CONFIGS, FIRST_TOKEN, MTP_LAYER, PREPROCESSOR, TOKENS, UNKNOWN_TOKEN  # noqa: E402

from helpers.models.families import FAMILIES  # noqa: E402
from helpers.pretraining import tiny, tiny_glm_ocr, tiny_minicpm, tiny_qwen2_vl  # noqa: E402


def write(folder, family="qwen2_vl", full=False, device="cpu", trained=False):
    """Write the checkpoint into ``folder``, which must be new, and return it."""
    folder.mkdir(parents=True)
    ids = _take_tokenizer(folder, family) if trained else _write_tokenizer(folder, family, full)
    config = _config(family, ids, full, trained)
    _write_json(folder / "config.json", config)
    TEXTS[family](folder, ids)
    if trained and family.startswith("minicpm"):
        _take_sizes(folder / "preprocessor_config.json", family)
    _write_weights(folder, family, own_weights(family) if trained else weights(family, config, device))
    return folder


def _config(family, ids, full, trained):
    """config.json: the official one, or a tiny one with the ids of ``ids`` for its special tokens."""
    official, small = CONFIGS[family]
    if full:
        return official
    config = _with_ids(_merged(official, _own_sizes(family, official) if trained else small), family, ids)
    text = config.get("text_config", config)
    if not trained:
        text["vocab_size"] = max(ids.values()) + 9  # rounded up, as the official one is
    return config


def _own_sizes(family, official):
    """The sizes of the tiny model in data/, under the official keys."""
    own = json.loads((_own(family) / "config.json").read_bytes())
    if "text_config" not in official:
        own = own | own.get("text_config", {})
        own |= {"rope_theta": own["rope_parameters"]["rope_theta"], "rope_scaling": own["rope_parameters"]}
    if "head_dim" in official.get("text_config", {}):
        own["text_config"]["head_dim"] = own["text_config"]["hidden_size"] // own["text_config"]["num_attention_heads"]
    if "audio_config" in official:
        own["audio_config"]["num_hidden_layers"] = own["audio_config"]["encoder_layers"]  # two names of one size
    return _known(own, official)


def _known(values, like):
    """Those of ``values`` whose keys ``like`` has, also inside the dictionaries that it holds; no ids of tokens."""
    same = {key: values[key] for key in like if key in values and not key.endswith(("_token_id", "type", "version"))}
    nested = {key: _known(value, like[key]) for key, value in same.items() if isinstance(like[key], dict)}
    return {key: value for key, value in same.items() if not isinstance(value, dict)} | nested


def _merged(base, changes):
    """``base`` with ``changes``, also inside the dictionaries that it holds."""
    nested = {key: _merged(base[key], value) for key, value in changes.items() if isinstance(value, dict)}
    return base | changes | nested


def _with_ids(config, family, ids):
    """``config`` with the ids that ``ids`` gives its special tokens, instead of the official ones."""
    changed = {}
    for key, value in config.items():
        if isinstance(value, dict):
            value = _with_ids(value, family, ids)
        elif key.endswith("_token_id"):
            tokens = [TOKENS[family][number - FIRST_TOKEN[family]] for number in _listed(value)]
            value = [ids[token] for token in tokens] if isinstance(value, list) else ids[tokens[0]]
        changed[key] = value
    return changed


def _listed(value):
    return value if isinstance(value, list) else [value]


def _own(family):
    return ROOT / "data" / FAMILIES[family].tiny


def _write_json(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")


# --- tokenizer and other texts ----------------------------------------------------------------


def _write_tokenizer(folder, family, full):
    """tokenizer.json, for Qwen2-VL vocab.json and merges.txt too; returns {special token: id}."""
    from tokenizers import AddedToken, Tokenizer, decoders
    from tokenizers.models import BPE
    from transformers import Qwen2Tokenizer

    texts = ["x _ { 1 } + 公式 ", "```rdkit\nCCO\n```"] * 3
    if full:
        texts = tiny.corpus() + (tiny_glm_ocr.molecule_corpus() if family == "glm_ocr" else [])
    vocab, merges = tiny.train_bpe(texts, [], 620 if full else 270)
    if full:  # words that no text has, up to the official ids
        vocab |= {f"unused{index}": index for index in range(len(vocab), FIRST_TOKEN[family])}
    if family.startswith("minicpm"):
        vocab["<unk>"] = vocab.pop(f"unused{UNKNOWN_TOKEN}", len(vocab))
    fast, like = Tokenizer(BPE(vocab, merges)), Qwen2Tokenizer().backend_tokenizer
    fast.pre_tokenizer, fast.decoder = like.pre_tokenizer, decoders.ByteLevel()
    if family == "qwen2_vl":
        fast.normalizer = like.normalizer
        _write_old_files(folder, vocab, merges)
    special = [*TOKENS[family], "<unk>"] if family.startswith("minicpm") else TOKENS[family]
    fast.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    fast.save(str(folder / "tokenizer.json"))
    return {token: fast.token_to_id(token) for token in special}


def _take_tokenizer(folder, family):
    """The tokenizer of the tiny model in data/; returns as ``_write_tokenizer`` does."""
    shutil.copy(_own(family) / "tokenizer.json", folder)
    stored = json.loads((folder / "tokenizer.json").read_bytes())
    ids = {token["content"]: token["id"] for token in stored["added_tokens"] if token["special"]}
    if family == "qwen2_vl":
        vocab = {word: index for word, index in stored["model"]["vocab"].items() if word not in ids}
        _write_old_files(folder, vocab, stored["model"]["merges"])
    return ids


def _take_sizes(path, family):
    """Pictures are cut as for the tiny model in data/."""
    own = json.loads((_own(family) / "processor_config.json").read_bytes())["image_processor"]
    official = json.loads(path.read_bytes())
    _write_json(path, official | _known(own, official))


def _write_old_files(folder, vocab, merges):
    _write_json(folder / "vocab.json", vocab)
    merged = "".join(" ".join(pair) + "\n" for pair in merges)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merged}", encoding="utf-8")


def _write_qwen2_vl_texts(folder, ids):
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    _write_json(
        folder / "tokenizer_config.json",
        {"add_prefix_space": False, "additional_special_tokens": list(ids)[1:]}
        | {"added_tokens_decoder": {str(index): {"content": token} | flags for token, index in ids.items()}}
        | {"bos_token": None, "chat_template": tiny_qwen2_vl.QWEN2_VL_CHAT_TEMPLATE}
        | {"clean_up_tokenization_spaces": False}
        | {"eos_token": "<|im_end|>", "padding_side": "left", "errors": "replace", "model_max_length": 32768}
        | {"pad_token": "<|endoftext|>", "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer"}
        | {"unk_token": None},
    )
    _write_json(
        folder / "preprocessor_config.json",
        {"min_pixels": 3136, "max_pixels": 12845056}
        | PREPROCESSOR
        | {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor"},
    )
    _write_json(folder / "chat_template.json", {"chat_template": tiny_qwen2_vl.QWEN2_VL_CHAT_TEMPLATE})
    _write_json(
        folder / "generation_config.json",
        {"bos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"], "do_sample": True}
        | {"eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]], "repetition_penalty": 1.0}
        | {"temperature": 0.01, "top_p": 0.001, "top_k": 1, "transformers_version": "4.37.0"},
    )


def _write_glm_ocr_texts(folder, ids):
    """As in huggingface.co/Creador301/GLM-OCR (file names) and caiofabio1/GLM-OCR-endpoint (preprocessor)."""
    _write_json(
        folder / "tokenizer_config.json",
        {"backend": "tokenizers", "clean_up_tokenization_spaces": False, "eos_token": "<|endoftext|>"}
        | {"extra_special_tokens": list(ids), "model_max_length": 655380, "pad_token": "<|endoftext|>"}
        | {"padding_side": "left", "processor_class": "Glm46VProcessor", "tokenizer_class": "TokenizersBackend"},
    )
    _write_json(
        folder / "preprocessor_config.json",
        {"size": {"shortest_edge": 12544, "longest_edge": 9633792}, "do_rescale": True}
        | PREPROCESSOR
        | {"image_processor_type": "Glm46VImageProcessor", "processor_class": "Glm46VProcessor"},
    )
    (folder / "chat_template.jinja").write_text(tiny_glm_ocr.GLM_OCR_CHAT_TEMPLATE, encoding="utf-8")
    end, user = ids["<|endoftext|>"], ids["<|user|>"]
    _write_json(
        folder / "generation_config.json", {"do_sample": False, "eos_token_id": [end, user], "pad_token_id": end}
    )


def _write_minicpm_texts(folder, ids, family):
    """As in the copies that official_layouts names: a tokenizer class that only the published code knows, no
    feature extractor.

    The preprocessor of V 4.5 is not in its copy; MiniCPM-o's is taken.
    """
    name = {"minicpm_o": "MiniCPMO", "minicpm_v": "MiniCPMV"}[family]
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    added = [token for token in TOKENS[family][22:] if token in ids]
    who = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    template = tiny_minicpm.MINICPM_CHAT_TEMPLATE.replace("You are a helpful assistant.", who)
    code = f"tokenization_{name.lower()}_fast.{name}TokenizerFast"
    _write_json(
        folder / "tokenizer_config.json",
        {"add_bos_token": False, "add_prefix_space": False, "additional_special_tokens": added}
        | {"added_tokens_decoder": {str(index): {"content": token} | flags for token, index in ids.items()}}
        | {"auto_map": {"AutoTokenizer": [code, None]}}
        | {"bos_token": "<|im_start|>", "chat_template": template, "clean_up_tokenization_spaces": False}
        | {"eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 131072, "pad_token": "<|endoftext|>"}
        | {"split_special_tokens": False, "tokenizer_class": f"{name}TokenizerFast", "unk_token": "<unk>"},
    )
    marks = {"im_start": "<image>", "im_end": "</image>", "slice_start": "<slice>", "slice_end": "</slice>"}
    marks |= {"unk": "<unk>", "im_id_start": "<image_id>", "im_id_end": "</image_id>"}
    code = {"AutoProcessor": f"processing_{name.lower()}.{name}Processor"}
    code |= {"AutoImageProcessor": "image_processing_minicpmv.MiniCPMVImageProcessor"}
    _write_json(
        folder / "preprocessor_config.json",
        {"image_processor_type": "MiniCPMVImageProcessor", "auto_map": code, "processor_class": f"{name}Processor"}
        | {"max_slice_nums": 9, "scale_resolution": 448, "patch_size": 14, "use_image_id": True, "slice_mode": True}
        | {"image_feature_size": 64, "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3, "version": 2.6}
        | marks,
    )


TEXTS = {
    "qwen2_vl": _write_qwen2_vl_texts,
    "glm_ocr": _write_glm_ocr_texts,
    "minicpm_o": partial(_write_minicpm_texts, family="minicpm_o"),
    "minicpm_v": partial(_write_minicpm_texts, family="minicpm_v"),
}


# --- weights ----------------------------------------------------------------------------------


def own_weights(family):
    """Those of the tiny model in data/, whose names are already those on the hub."""
    from safetensors.torch import load_file

    return _with_unloaded(family, load_file(_own(family) / "model.safetensors"), "cpu")


def weights(family, config, device="cpu"):
    """Random bfloat16 weights by their names on the hub; on the device "meta" they take no memory."""
    import torch
    import transformers

    from helpers.models.minicpm import modeling

    torch.manual_seed(0)
    model_class = getattr(modeling if family.startswith("minicpm") else transformers, config["architectures"][0])
    with torch.device(device):
        made = model_class._from_config(model_class.config_class.from_dict(config), dtype=torch.bfloat16).state_dict()
    if family == "qwen2_vl":
        made.pop("lm_head.weight")  # it is the embedding
        renamed = {"model.language_model.": "model.", "model.visual.": "visual."}
        made = {_renamed(name, renamed): weight for name, weight in made.items()}
    return _with_unloaded(family, made, device)


def _renamed(name, prefixes):
    for old, new in prefixes.items():
        name = name.replace(old, new)
    return name


def _with_unloaded(family, made, device):
    """``made`` with the tensors of the official files that nobody here loads."""
    import torch

    if family == "glm_ocr":
        return made | _multi_token_prediction(made)
    if family == "minicpm_o":  # two of the tensors of speech output
        speech = {"tts.projector.linear1.weight": (768, 3584), "tts.dvae.coef": (1, 100, 1)}
        return made | {name: torch.zeros(shape, dtype=torch.bfloat16, device=device) for name, shape in speech.items()}
    return made


def _multi_token_prediction(made):
    """The 16 tensors of layer 16: one more block, and what joins it to the text and to the vocabulary.

    Their names are in vllm-project/vllm#49869; with embeddings and head of its own the sum is the official one.
    """
    import torch

    place = f"model.language_model.layers.{MTP_LAYER}."
    words = made["lm_head.weight"]
    one, two = (words.new_empty(words.shape[1]), words.new_empty(words.shape[1], 2 * words.shape[1]))
    first = "model.language_model.layers.0."
    block = {name.removeprefix(first): weight for name, weight in made.items() if name.startswith(first)}
    joints = {"eh_proj.weight": two, "enorm.weight": one, "hnorm.weight": one, "embed_tokens.weight": words}
    heads = {"shared_head.norm.weight": one, "shared_head.head.weight": words}
    return {place + name: torch.randn_like(weight) / 50 for name, weight in (block | joints | heads).items()}


def _write_weights(folder, family, named):
    """On the hubs GLM-OCR lies in one file, Qwen2-VL-2B in two with an index, MiniCPM in four."""
    from safetensors.torch import save_file

    size = sum(weight.nbytes for weight in named.values())
    if family == "glm_ocr":
        shards = dict.fromkeys(named, "model.safetensors")
    elif family == "qwen2_vl":
        shards = {name: f"model-0000{1 + name.startswith('visual.')}-of-00002.safetensors" for name in named}
    else:
        shards = {name: f"model-0000{1 + 4 * at // len(named)}-of-00004.safetensors" for at, name in enumerate(named)}
    if family != "glm_ocr":
        _write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": shards})
    for shard in set(shards.values()):
        part = {name: weight for name, weight in named.items() if shards[name] == shard}
        save_file(part, folder / shard, {"format": "pt"})


if __name__ == "__main__":
    import torch

    write(Path(sys.argv[2]), sys.argv[1], full=True, device="cuda" if torch.cuda.is_available() else "cpu")
