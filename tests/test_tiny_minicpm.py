"""The tiny MiniCPM-o and MiniCPM-V in data/: what the recipes make, small enough, able to read print and to hear."""

import json

import pytest

from helpers import evaluate, infer, models, pretrain, pretrain_rows, render, tiny_minicpm
from helpers.settings import ROOT, Settings


@pytest.fixture(scope="module", params=["minicpm_o", "minicpm_v"])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family):
    return ROOT / "data" / models.FAMILIES[family].tiny


@pytest.fixture(scope="module")
def made(family):
    return pretrain_rows.processor_of(family)


def test_shipped_processor_is_what_the_recipe_makes(family, made):
    shipped = models.load_processor(family, Settings.tiny())
    assert shipped.tokenizer.get_vocab() == made.tokenizer.get_vocab()
    assert shipped.chat_template == made.chat_template == tiny_minicpm.MINICPM_CHAT_TEMPLATE
    assert shipped.tokenizer.model_max_length == made.tokenizer.model_max_length
    for part in ("image_processor", "feature_extractor")[: 1 + (family == "minicpm_o")]:
        assert getattr(shipped, part).to_dict() == getattr(made, part).to_dict()


def test_shipped_config_and_weights_are_what_the_recipe_makes(family, folder, made):
    from safetensors import safe_open
    from transformers import AutoConfig

    model, shipped = pretrain_rows.FAMILIES[family][1](made), AutoConfig.from_pretrained(folder).to_diff_dict()
    assert shipped == model.config.to_diff_dict() | {name: shipped[name] for name in ("architectures", "dtype")}
    with safe_open(folder / "model.safetensors", "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"BF16"}
    assert shapes == {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 12e6


def test_shipped_folder_holds_no_pickles_and_a_card(folder):
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".jinja", ".safetensors", ".md"}
    card = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    assert card["held-out pictures a task"] >= 200 and card["exact match, formulas, printed"] >= 0.9


def test_shipped_model_reads_print(family, tmp_path):
    settings = Settings.tiny()
    samples = render.render_set(tmp_path / "printed", 40, seed=3, style="printed", part="test")
    reads = infer.predict(*models.load(family, settings), samples, settings)
    assert evaluate.score(reads, [sample.text for sample in samples])["exact_match"].value >= 0.8


def test_shipped_ears_transcribe():
    model, processor = models.load("minicpm_o", Settings.tiny())
    share, answers, truths = pretrain.read_back(model, processor, pretrain_rows.SOUNDS, "clear", 40)
    assert share >= 0.95 and len(set(truths)) == 8
