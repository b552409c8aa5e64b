"""The model families of the lessons: where their weights are, and what LoRA touches. A new family is one row."""

from dataclasses import dataclass

from helpers.language import message
from helpers.paths import short


@dataclass(frozen=True)
class Family:
    """Where a model's weights are, and what LoRA touches.

    tiny          folder below ``data/``
    modelscope    name on ModelScope; its last part is also the folder looked for with hub="local"
    huggingface   name on Hugging Face
    model_type    what config.json calls it
    language      where the language model's layers are: the part that ``four_bit`` makes smaller
    lora_targets  regular expression over module names: the linear layers that get LoRA matrices
    min_pixels, max_pixels  size of a picture as the real model sees it; smaller ones are enlarged, larger ones shrunk;
                  0 where the image processor has a rule of its own, as MiniCPM's
    frames        as how many frames the image processor counts a picture when it compares it with those limits
    """

    tiny: str
    modelscope: str
    huggingface: str
    model_type: str
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
        model_type="qwen2_vl",
        language="model.language_model.layers",
        lora_targets=r".*(language_model.*_proj|visual\.blocks.*\.(qkv|proj|fc1|fc2)|visual\.merger\.mlp\.[02])",
        min_pixels=64 * 28 * 28,
        max_pixels=512 * 28 * 28,
    ),
    "glm_ocr": Family(
        tiny="tiny-glm-ocr",
        modelscope="ZhipuAI/GLM-OCR",
        huggingface="zai-org/GLM-OCR",
        model_type="glm_ocr",
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
        model_type="minicpmo",
        language="llm.model.layers",
        lora_targets=MINICPM_TARGETS,
    ),
    "minicpm_v": Family(
        tiny="tiny-minicpm-v",
        modelscope="OpenBMB/MiniCPM-V-4_5",
        huggingface="openbmb/MiniCPM-V-4_5",
        model_type="minicpmv",
        language="llm.model.layers",
        lora_targets=MINICPM_TARGETS,
    ),
}


def get_family(family):
    if family not in FAMILIES:
        raise KeyError(message("models.no_family", family=family, known=", ".join(FAMILIES)))
    return FAMILIES[family]


def public_name(folder):
    """The name by which others know the base model in ``folder``: on the hubs, or its path in the project."""
    for row in FAMILIES.values():
        if row.folder in str(folder):
            return row.huggingface
    return short(folder)
