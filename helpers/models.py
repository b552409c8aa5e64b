"""Find, check and load a model and its processor; add LoRA to it.

A new model family is one row in ``FAMILIES``.
"""

from dataclasses import dataclass
from pathlib import Path

from helpers.checkpoint import check_folder
from helpers.hub import require_hub
from helpers.settings import ROOT, short

PROMPT = "Convert the formula in the picture to LaTeX."
TEXT = ["*.json", "*.txt", "*.jinja"]


@dataclass(frozen=True)
class Family:
    """Where a model's weights are, its class in transformers, and what LoRA touches.

    tiny          folder below ``data/``
    modelscope    name on ModelScope; its last part is also the folder looked for with hub="local"
    huggingface   name on Hugging Face
    model_class   class in ``transformers``
    lora_targets  regular expression over module names: the linear layers that get LoRA matrices
    min_pixels, max_pixels  size of a picture as the real model sees it; smaller ones are enlarged, larger ones shrunk
    frames        as how many frames the image processor counts a picture when it compares it with those limits
    """

    tiny: str
    modelscope: str
    huggingface: str
    model_class: str
    lora_targets: str
    min_pixels: int
    max_pixels: int
    frames: int = 1


FAMILIES = {
    "qwen2_vl": Family(
        tiny="tiny-qwen2-vl",
        modelscope="Qwen/Qwen2-VL-2B-Instruct",
        huggingface="Qwen/Qwen2-VL-2B-Instruct",
        model_class="Qwen2VLForConditionalGeneration",
        lora_targets=r".*(language_model.*_proj|visual\.blocks.*\.(qkv|proj|fc1|fc2)|visual\.merger\.mlp\.[02])",
        min_pixels=64 * 28 * 28,
        max_pixels=512 * 28 * 28,
    ),
    "glm_ocr": Family(
        tiny="tiny-glm-ocr",
        modelscope="ZhipuAI/GLM-OCR",
        huggingface="zai-org/GLM-OCR",
        model_class="GlmOcrForConditionalGeneration",
        lora_targets=r".*(language_model.*_proj|visual\.blocks.*\.(qkv|proj|gate_proj|up_proj|down_proj))",
        min_pixels=32 * 32,
        max_pixels=1024 * 1024,  # as the recipes' image_max_pixels
        frames=2,
    ),
}


def load(family, settings, folder=None):
    """Load weights and the base's processor.

    Args:
        family: a key of ``FAMILIES``.
        settings: ``Settings``; mode, hub, models_dir, device and dtype are used.
        folder: where a fully fine-tuned or merged model was saved; the base if not given. The processor is the base's
            in any case, so that pictures and prompts are the same for both.

    Returns:
        (model in evaluation mode on ``settings.device``, processor).

    Raises:
        KeyError, ConnectionError, FileNotFoundError: unknown family, hub out of reach, incomplete checkpoint folder.
    """
    import torch
    import transformers

    base = checkpoint_folder(family, settings, weights=folder is None)
    weights = base if folder is None else check_folder(Path(folder), "run the training or export again")
    model_class = getattr(transformers, _row(family).model_class)
    model = model_class.from_pretrained(weights, dtype=getattr(torch, settings.dtype))
    batch_vision_attention(model)
    return model.to(settings.device).eval(), _processor_in(base, family, settings)


def load_processor(family, settings):
    """The processor alone: tokenizer, chat template and picture sizes. No weights are downloaded for it.

    Raises:
        the same errors as ``load``.
    """
    return _processor_in(checkpoint_folder(family, settings, weights=False), family, settings)


def _processor_in(folder, family, settings):
    from transformers import AutoProcessor

    processor, row = AutoProcessor.from_pretrained(folder), _row(family)
    if settings.mode == "real":
        limits = {"shortest_edge": row.frames * row.min_pixels, "longest_edge": row.frames * row.max_pixels}
        processor.image_processor.size = limits
    return processor


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
        folder = settings.models_dir / row.modelscope.split("/")[-1]
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
        if row.modelscope.split("/")[-1] in str(folder):
            return row.huggingface
    return short(folder)


def image_tokens(processor):
    """A function (width, height) in pixels -> image tokens the model sees (28 x 28 pixels each after resizing)."""
    images = processor.image_processor

    def count(width, height):
        return images.get_number_of_image_patches(height, width, {}) // images.merge_size**2

    return count


def add_lora(model, family, settings, seed=None):
    """Freeze the base and add LoRA matrices: ``(peft model)``; Hu et al. 2021, arXiv:2106.09685."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed if seed is None else seed)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=0.0,
        target_modules=_row(family).lora_targets,
    )
    return get_peft_model(model, config)


def packed_attention(module, query, key, value, attention_mask, scaling=None, cu_seq_lens_q=None, **kwargs):
    """Attention over many pictures laid end to end, each looking only at itself, in one call.

    Args:
        query, key, value: (1, heads, patches of all pictures, head width).
        cu_seq_lens_q: (pictures + 1,) where each picture's patches begin.

    Returns:
        ((1, patches, heads, head width), None), as transformers' attention functions do.
    """
    import torch
    import torch.nn.functional as F

    lengths = (cu_seq_lens_q[1:] - cu_seq_lens_q[:-1]).tolist()
    longest = max(lengths)
    query, key, value = (x[0].transpose(0, 1) for x in (query, key, value))  # (patches, heads, width)
    if min(lengths) == longest:
        stacked = [x.unflatten(0, (len(lengths), longest)).transpose(1, 2) for x in (query, key, value)]
        seen = F.scaled_dot_product_attention(*stacked, scale=scaling).transpose(1, 2).flatten(0, 1)
        return seen[None], None
    counts = torch.tensor(lengths, device=query.device)
    inside = torch.arange(longest, device=query.device) < counts[:, None]  # (pictures, longest)
    place = inside.flatten().nonzero()[:, 0]
    stacked = []
    for x in (query, key, value):
        padded = x.new_zeros(len(lengths) * longest, *x.shape[1:]).index_copy(0, place, x)
        stacked.append(padded.unflatten(0, (len(lengths), longest)).transpose(1, 2))
    seen = F.scaled_dot_product_attention(*stacked, attn_mask=inside[:, None, None], scale=scaling)
    return seen.transpose(1, 2).flatten(0, 1)[place][None], None


def batch_vision_attention(model):
    """Let the vision tower attend to all pictures of a batch at once; transformers goes picture by picture.

    Only the word "flash" in the name makes transformers hand over where the pictures begin.
    """
    from transformers import AttentionInterface

    AttentionInterface.register("packed_flash_free", packed_attention)
    for part in model.modules():
        if part.__class__.__name__ in ("Qwen2VisionTransformerPretrainedModel", "GlmOcrVisionModel"):
            part.config._attn_implementation = "packed_flash_free"
