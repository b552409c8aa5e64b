"""LLaMA-Factory from a notebook: a recipe with a few changes, run in a child process that is watched and tidied up.

base = recipe("glm_ocr_lora_sft")
config = base | overrides(settings, base, dataset_dir=..., output_dir=...)
check(config)
run = train(config)
"""

from helpers.llamafactory.checks import check
from helpers.llamafactory.config import ConfigError
from helpers.llamafactory.errors import LlamaFactoryError
from helpers.llamafactory.minicpm import video_budget
from helpers.llamafactory.predict import predict
from helpers.llamafactory.run import Run, changes, export, overrides, recipe, train

__all__ = [
    "ConfigError",
    "LlamaFactoryError",
    "Run",
    "changes",
    "check",
    "export",
    "overrides",
    "predict",
    "recipe",
    "train",
    "video_budget",
]
