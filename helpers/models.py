"""Find, check and load a model and its processor; add LoRA to it.

A new model family is one row in ``FAMILIES``.
"""

from dataclasses import dataclass
from pathlib import Path

from helpers import adapters
from helpers.attention import batch_vision_attention
from helpers.checkpoint import check_folder
from helpers.hub import require_hub
from helpers.settings import ROOT, short

PROMPT = "Convert the formula in the picture to LaTeX."
TEXT = ["*.json", "*.txt", "*.jinja"]


@dataclass(frozen=True)
class Family:
    """Where a model's weights are, and what LoRA touches.

    tiny          folder below ``data/``
    modelscope    name on ModelScope; its last part is also the folder looked for with hub="local"
    huggingface   name on Hugging Face
    language      where the language model's layers are: the part that ``four_bit`` makes smaller
    lora_targets  regular expression over module names: the linear layers that get LoRA matrices
    min_pixels, max_pixels  size of a picture as the real model sees it; smaller ones are enlarged, larger ones shrunk;
                  0 where the image processor has a rule of its own, as MiniCPM's
    frames        as how many frames the image processor counts a picture when it compares it with those limits
    """

    tiny: str
    modelscope: str
    huggingface: str
    language: str
    lora_targets: str
    min_pixels: int = 0
    max_pixels: int = 0
    frames: int = 1

    @property
    def folder(self):
        """Name of the checkpoint's folder."""
        return self.modelscope.split("/")[-1]


MINICPM_TARGETS = r"llm\.model\.layers.*_proj|vpm\.encoder\.layers.*(_proj|fc1|fc2)|resampler\.(kv_proj|attn\.out_proj)"


FAMILIES = {
    "qwen2_vl": Family(
        tiny="tiny-qwen2-vl",
        modelscope="Qwen/Qwen2-VL-2B-Instruct",
        huggingface="Qwen/Qwen2-VL-2B-Instruct",
        language="model.language_model.layers",
        lora_targets=r".*(language_model.*_proj|visual\.blocks.*\.(qkv|proj|fc1|fc2)|visual\.merger\.mlp\.[02])",
        min_pixels=64 * 28 * 28,
        max_pixels=512 * 28 * 28,
    ),
    "glm_ocr": Family(
        tiny="tiny-glm-ocr",
        modelscope="ZhipuAI/GLM-OCR",
        huggingface="zai-org/GLM-OCR",
        language="model.language_model.layers",
        lora_targets=r".*(language_model.*_proj|visual\.blocks.*\.(qkv|proj|gate_proj|up_proj|down_proj))",
        min_pixels=32 * 32,
        max_pixels=1024 * 1024,  # as the recipes' image_max_pixels
        frames=2,
    ),
    "minicpm_o": Family(
        tiny="tiny-minicpm-o",
        modelscope="OpenBMB/MiniCPM-o-2_6",
        huggingface="openbmb/MiniCPM-o-2_6",
        language="llm.model.layers",
        lora_targets=MINICPM_TARGETS,
    ),
    "minicpm_v": Family(
        tiny="tiny-minicpm-v",
        modelscope="OpenBMB/MiniCPM-V-4_5",
        huggingface="openbmb/MiniCPM-V-4_5",
        language="llm.model.layers",
        lora_targets=MINICPM_TARGETS,
    ),
}


def load(family, settings, folder=None):
    """Load weights and the base's processor: the base, base + adapter, or a model that was saved whole.

    Args:
        family: a key of ``FAMILIES``.
        settings: ``Settings``; mode, hub, models_dir, device, dtype and four_bit are used.
        folder: an adapter (it is put on the base), or a merged or fully fine-tuned model; the base alone if not given.
            The processor is the base's in any case, so that pictures and prompts are the same for all.

    Returns:
        (model in evaluation mode on ``settings.device``, processor); with an adapter a ``peft.PeftModel``.

    Raises:
        KeyError, ConnectionError, FileNotFoundError: unknown family, hub out of reach, incomplete checkpoint folder.
        ValueError: the adapter is of another base. ImportError: four_bit without bitsandbytes.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    smaller = {"quantization_config": four_bit_config(_row(family).language)} if settings.four_bit else {}
    adapter = folder if adapters.is_adapter(folder) else None
    whole = None if adapter else folder
    base = checkpoint_folder(family, settings, weights=whole is None)
    if adapter:
        _check_base(adapters.base_of(adapter), base, adapter)
    weights = base if whole is None else check_folder(Path(whole), "run the training or export again")
    model = AutoModelForImageTextToText.from_pretrained(weights, dtype=getattr(torch, settings.dtype), **smaller)
    batch_vision_attention(model)
    model = adapters.put_on(model, adapter) if adapter else model
    return model.to(settings.device).eval(), _processor_in(base, family, settings)


def _check_base(named, base, adapter):
    """ValueError if the adapter names a base that we know, and it is not the one in the folder ``base``."""
    known = {row.huggingface for row in FAMILIES.values()} | {f"data/{row.tiny}" for row in FAMILIES.values()}
    named, here = public_name(ROOT / (named or "")), public_name(base)
    if named in known and named != here:
        cure = "choose its family and mode, or another adapter"
        raise ValueError(f"{short(adapter)}: an adapter for {named}, not for {here} -> {cure}")


def load_processor(family, settings):
    """The processor alone: tokenizer, chat template and picture sizes. No weights are downloaded for it.

    Raises:
        the same errors as ``load``.
    """
    return _processor_in(checkpoint_folder(family, settings, weights=False), family, settings)


def _processor_in(folder, family, settings):
    from transformers import AutoProcessor

    processor, row = AutoProcessor.from_pretrained(folder), _row(family)
    if settings.mode == "real" and row.max_pixels:
        limits = {"shortest_edge": row.frames * row.min_pixels, "longest_edge": row.frames * row.max_pixels}
        processor.image_processor.size = limits
    return processor


def four_bit_config(language):
    """QLoRA's way to load a model: 4 bits a weight in the language model's layers, all else as it is.

    NF4 with double quantization, Dettmers et al. 2023, arXiv:2305.14314. Sums are still done in bfloat16.

    Raises:
        ImportError: bitsandbytes is not installed.
    """
    import importlib.util

    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise ImportError("four_bit=True needs bitsandbytes -> pip install -e '.[qlora]', or four_bit=False")
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype="bfloat16",
        llm_int8_skip_modules=[rf"(?!{language}\.)"],  # all names that do not begin so
    )


def _row(family):
    if family not in FAMILIES:
        raise KeyError(f"unknown model family {family!r}; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[family]


def checkpoint_folder(family, settings, weights=True):
    """The complete local folder of a family's checkpoint, downloaded first if the hub is a remote one.

    ``weights=False`` leaves the weights out: for the processor, a few MB do.
    """
    row = _row(family)
    if settings.mode == "tiny":
        return check_folder(ROOT / "data" / row.tiny, "git restores it: git checkout -- data", weights)
    if settings.hub == "local":
        folder = settings.models_dir / row.folder
        return check_folder(folder, "download it again, or choose another hub or models_dir", weights)
    require_hub(settings)
    if settings.hub == "modelscope":
        from modelscope import snapshot_download
    else:
        from huggingface_hub import snapshot_download
    name = row.modelscope if settings.hub == "modelscope" else row.huggingface
    folder = snapshot_download(name, allow_patterns=TEXT + ["*.safetensors"] * weights)
    return check_folder(folder, "the download is incomplete: run this cell again", weights)


def public_name(folder):
    """The name by which others know the base model in ``folder``: on the hubs, or its path in the project."""
    for row in FAMILIES.values():
        if row.folder in str(folder):
            return row.huggingface
    return short(folder)


def image_tokens(processor):
    """A function (width, height) in pixels -> image tokens the model sees.

    Qwen2-VL and GLM-OCR make one of 28 x 28 pixels after resizing, MiniCPM 64 of each overview or tile.
    """
    images = processor.image_processor

    def count(width, height):
        return images.get_number_of_image_patches(height, width, {}) // images.merge_size**2

    def count_tiles(width, height):
        columns, rows = images.get_sliced_grid((width, height)) or (0, 0)
        return images.image_feature_size * (1 + columns * rows)

    return count_tiles if hasattr(images, "get_sliced_grid") else count


def add_lora(model, family, settings, seed=None, modules_to_save=()):
    """Freeze the base and add LoRA matrices: ``(peft model)``; Hu et al. 2021, arXiv:2106.09685.

    ``modules_to_save`` names parts that are trained whole beside it and saved with the adapter, such as "resampler".
    """
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed if seed is None else seed)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=0.0,
        target_modules=_row(family).lora_targets,
        modules_to_save=list(modules_to_save) or None,
    )
    return get_peft_model(model, config)
