"""LLaMA-Factory from a notebook: a recipe with a few changes, run in a child process that is watched and tidied up.

base = recipe("glm_ocr_lora_sft")
config = base | overrides(settings, base, dataset_dir=..., output_dir=...)
check(config)
run = train(config)

recipe, recipe_text                keys of a YAML file here; the whole file with its remarks
overrides, changes                 what settings change in a recipe; the changes as a table
write                              a configuration as a YAML file, and the line that runs it in a terminal
check, video_budget                what a run will do, or why it must not start; the tokens that a video takes
train, export                      weights in output_dir, as a ``training.Run``; base and adapter merged
predict                            answers of a MiniCPM, asked as in its training
ConfigError, LlamaFactoryError     a run that must not start; a run that failed, and why
"""

from helpers.llamafactory.checks import check
from helpers.llamafactory.config import ConfigError
from helpers.llamafactory.errors import LlamaFactoryError
from helpers.llamafactory.minicpm import video_budget
from helpers.llamafactory.predict import predict
from helpers.llamafactory.run import changes, export, overrides, recipe, recipe_text, train, write
