"""The tiny MiniCPM-o in data/: what the recipe makes, small enough, and able to read print."""

import json

import pytest

from helpers import evaluate, infer, models, render, tiny_minicpm
from helpers.settings import ROOT, Settings

FOLDER = ROOT / "data" / "tiny-minicpm-o"


@pytest.fixture(scope="module")
def made():
    return tiny_minicpm.minicpm_o_processor()


def test_shipped_processor_is_what_the_recipe_makes(made):
    shipped = models.load_processor("minicpm_o", Settings.tiny())
    assert shipped.tokenizer.get_vocab() == made.tokenizer.get_vocab()
    assert shipped.chat_template == made.chat_template == tiny_minicpm.MINICPM_CHAT_TEMPLATE
    assert shipped.tokenizer.model_max_length == made.tokenizer.model_max_length
    for part in ("image_processor", "feature_extractor"):
        assert getattr(shipped, part).to_dict() == getattr(made, part).to_dict()


def test_shipped_config_and_weights_are_what_the_recipe_makes(made):
    from safetensors import safe_open
    from transformers import AutoConfig

    model, shipped = tiny_minicpm.minicpm_o_model(made), AutoConfig.from_pretrained(FOLDER).to_diff_dict()
    assert shipped == model.config.to_diff_dict() | {name: shipped[name] for name in ("architectures", "dtype")}
    with safe_open(FOLDER / "model.safetensors", "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"BF16"}
    assert shapes == {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 12e6


def test_shipped_folder_holds_no_pickles_and_a_card():
    assert {path.suffix for path in FOLDER.iterdir()} <= {".json", ".jinja", ".safetensors", ".md"}
    card = json.loads((FOLDER / "training.json").read_text(encoding="utf-8"))
    assert card["held-out pictures a task"] >= 200 and card["exact match, formulas, printed"] >= 0.9


def test_shipped_model_reads_print(tmp_path):
    settings = Settings.tiny()
    samples = render.render_set(tmp_path / "printed", 40, seed=3, style="printed", part="test")
    reads = infer.predict(*models.load("minicpm_o", settings), samples, settings)
    assert evaluate.score(reads, [sample.text for sample in samples])["exact_match"].value >= 0.8
