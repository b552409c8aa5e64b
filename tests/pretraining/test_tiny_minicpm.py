"""The tiny MiniCPM-o and MiniCPM-V in data/: what the recipes make, small enough, able to read print and to hear."""

import json

import pytest

from helpers.data.synthetic import render
from helpers.evaluation.text import score
from helpers.inference.predict import predict
from helpers.models import families
from helpers.models.load import load, load_processor
from helpers.paths import ROOT
from helpers.pretraining import families as pretraining
from helpers.pretraining import tiny_minicpm
from helpers.pretraining.train import read_back
from helpers.settings import Settings


@pytest.fixture(scope="module", params=["minicpm_o", "minicpm_v"])
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family):
    return ROOT / "data" / families.FAMILIES[family].tiny


@pytest.fixture(scope="module")
def made(family):
    return getattr(tiny_minicpm, f"{family}_processor")()


def test_shipped_processor_is_what_the_recipe_makes(family, made):
    shipped = load_processor(family, Settings.tiny())
    assert shipped.tokenizer.get_vocab() == made.tokenizer.get_vocab()
    assert shipped.chat_template == made.chat_template == tiny_minicpm.MINICPM_CHAT_TEMPLATE
    assert shipped.tokenizer.model_max_length == made.tokenizer.model_max_length
    for part in ("image_processor", "feature_extractor") if family == "minicpm_o" else ("image_processor",):
        assert getattr(shipped, part).to_dict() == getattr(made, part).to_dict()


def test_shipped_config_and_weights_are_what_the_recipe_makes(family, folder, made):
    from safetensors import safe_open
    from transformers import AutoConfig

    model = pretraining.TINY_FAMILIES[family].make_model(made)
    shipped = AutoConfig.from_pretrained(folder).to_diff_dict()
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
    reads = predict(*load(family, settings), samples, settings)
    assert score(reads, [sample.text for sample in samples])["exact_match"].value >= 0.8


def test_shipped_audio_encoder_transcribes():
    model, processor = load("minicpm_o", Settings.tiny())
    share, answers, truths = read_back(model, processor, pretraining.SOUNDS, "clear", 40)
    assert share >= 0.95 and len(set(truths)) == 8


def test_tiny_models_answer_as_many_queries_as_a_picture_has_placeholders(family, made):
    model = pretraining.TINY_FAMILIES[family].make_model(made)
    assert model.config.query_num == made.image_processor.image_feature_size
