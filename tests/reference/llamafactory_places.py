"""Small models with random weights, data and configurations for what tests of helpers.llamafactory share."""

import json

import numpy as np
import torch
from PIL import Image

from helpers import llamafactory
from helpers.data import formats
from helpers.data.formats import Turn
from helpers.data.synthetic import render, sounds, videos
from helpers.models import minicpm
from helpers.models.load import load_processor
from helpers.pretraining import tiny_glm_ocr, tiny_minicpm
from helpers.settings import Settings

SETTINGS = Settings.tiny(train_samples=12, batch_size=4, epochs=16, lora_r=4, tracker="disabled")
MEDIA_SETTINGS = Settings.tiny(train_samples=8, batch_size=4, epochs=1, lora_r=4, tracker="disabled", max_new_tokens=4)
BASE = llamafactory.recipe("glm_ocr_lora_sft")
FAMILIES = ("minicpm_v", "minicpm_o")


# --- GLM-OCR ------------------------------------------------------------------------------------


def make_glm_ocr(place):
    """model/ (random weights) and data/ (12 rows, data set "rows") in ``place``."""
    processor = load_processor("glm_ocr", Settings.tiny())
    tiny_glm_ocr.glm_ocr_model(processor).save_pretrained(place / "model")
    processor.save_pretrained(place / "model")
    write_rows(render.render_set(place / "data", 12, seed=5, style="printed"), place / "data")
    return place


def write_rows(samples, folder):
    formats.write_sharegpt(samples, folder / "rows.json", "Formula Recognition:")
    formats.register(folder / "dataset_info.json", "rows", "rows.json")


def config_of(place, name="run", data="data", settings=SETTINGS, model="model", base=BASE, **changes):
    said = {"cutoff_len": 256, "val_size": 0.0, "eval_strategy": "no", "save_total_limit": 9} | changes
    paths = {"model_name_or_path": place / model, "dataset_dir": place / data, "output_dir": place / name}
    return base | llamafactory.overrides(settings, base, dataset="rows", **paths, **said)


# --- MiniCPM ------------------------------------------------------------------------------------


def make_minicpm(place):
    """minicpm_v/ and minicpm_o/ (random weights) and a data folder for each in ``place``; set "rows", mixed."""
    minicpm.register()
    torch.manual_seed(0)
    for family in FAMILIES:
        processor = load_processor(family, Settings.tiny())
        getattr(tiny_minicpm, f"{family}_model")(processor).save_pretrained(place / family)
        processor.save_pretrained(place / family)
        _name_published_code(place / family)
        _write_talks(place / f"data_{family}", family)
    return place


def _name_published_code(folder):
    """Official checkpoints name Python files for each class; none of them may be wanted when something is saved."""
    code = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model", "AutoTokenizer": ["code.Words", None]}
    for name in ("config.json", "tokenizer_config.json"):
        values = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps(values | {"auto_map": code}), encoding="utf-8")


def draw(folder):
    """Two pictures (the second makes tiles), two videos and two sounds, another rate and two channels among them."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for number, size in enumerate([(120, 50), (400, 300)]):
        Image.fromarray(rng.integers(0, 255, size[::-1], np.uint8)).save(folder / f"{number}.png")
        videos.write_video(rng.integers(0, 255, (8 + 12 * number, 64, 96), np.uint8), folder / f"{number}.mp4")
    sounds.write_wav(rng.normal(0, 0.1, 9000), folder / "0.wav")
    sounds.write_wav(rng.normal(0, 0.1, (44100, 2)), folder / "1.wav", rate=44100)


def write_talks(talks, folder):
    formats.write_conversations(talks, folder / "rows.json")
    formats.register(folder / "dataset_info.json", "rows", "rows.json")


def _write_talks(folder, family):
    draw(folder)
    picture, tiles, video, film, sound, noise = (folder / n for n in "0.png 1.png 0.mp4 1.mp4 0.wav 1.wav".split())
    talks = [
        [Turn("Write it.", "x", images=(picture,)), Turn("And it?", "y + 1", images=(tiles,)), Turn("Sure?", "z")],
        [Turn("Watch.", "a", videos=(video,))],
        [Turn("No file.", "b ^ { 2 }")],
        [Turn("Watch.", "c", videos=(film,))],
    ]
    if family == "minicpm_o":
        talks += [[Turn("Hear.", "noise", audios=(sound,))], [Turn("Hear two.", "no", audios=(sound, noise))]]
        talks += [[Turn("Watch and hear.", "d", videos=(video,), audios=(noise,))]]
    write_talks(talks, folder)


def media_config_of(place, family, name="run", data=None, base=None, **changes):
    base = base or llamafactory.recipe(f"{family}_lora_sft")
    said = {"val_size": 0.0, "eval_strategy": "no", "max_steps": 2} | changes
    data = place / (data or f"data_{family}")
    paths = {"model_name_or_path": place / family, "dataset_dir": data, "output_dir": place / name}
    return base | llamafactory.overrides(MEDIA_SETTINGS, base, family, dataset="rows", **paths, **said)
