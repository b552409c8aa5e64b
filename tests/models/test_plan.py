"""helpers.models.plan: weights as the official configs have them, and more memory for what takes more."""

import json
import re
import sys
from dataclasses import fields

import pytest

from helpers import models
from helpers.models.families import FAMILIES
from helpers.models.plan import CONTEXT, METHODS, SHAPES, Plan, fastest_step, plan
from helpers.paths import ROOT

sys.path.append(str(ROOT / "tests" / "reference"))
GIVEN = {"batch_size": 4, "image_tokens": 256, "text_tokens": 128}


@pytest.fixture(scope="module", params=FAMILIES)
def official(request):
    """(family, its model at official size on the meta device, its linear layers by name)."""
    import torch
    import transformers as hf
    from official_layouts import CONFIGS

    from helpers.models.minicpm.configuration import MiniCPMOConfig, MiniCPMVConfig
    from helpers.models.minicpm.modeling import MiniCPMO, MiniCPMV

    config, kind = {
        "qwen2_vl": (hf.Qwen2VLConfig, hf.Qwen2VLForConditionalGeneration),
        "glm_ocr": (hf.GlmOcrConfig, hf.GlmOcrForConditionalGeneration),
        "minicpm_o": (MiniCPMOConfig, MiniCPMO),
        "minicpm_v": (MiniCPMVConfig, MiniCPMV),
    }[request.param]
    with torch.device("meta"):
        model = kind._from_config(config.from_dict(CONFIGS[request.param][0]))
    linear = {name: part for name, part in model.named_modules() if type(part) is torch.nn.Linear}
    return request.param, model, linear


def test_weights_are_those_of_the_official_model(official):
    family, model, linear = official
    row, shape = FAMILIES[family], SHAPES[family]
    language = [model.llm] if hasattr(model, "llm") else [model.model.language_model, model.lm_head]
    shared = {weight: weight.numel() for part in language for weight in part.parameters()}
    touched = [part for name, part in linear.items() if re.fullmatch(row.lora_targets, name)]
    assert shape.weights == sum(weight.numel() for weight in model.parameters())
    assert shape.language == sum(shared.values())
    assert shape.four_bit == sum(p.weight.numel() for name, p in linear.items() if name.startswith(row.language + "."))
    assert shape.rank == sum(part.in_features + part.out_features for part in touched)


def test_towers_are_those_of_the_official_config(official):
    family, model, _ = official
    text, vision, shape = model.config.get_text_config(), model.config.vision_config, SHAPES[family]
    assert shape.vocabulary == text.vocab_size
    sizes = text.num_hidden_layers, text.hidden_size, text.intermediate_size
    assert (shape.text.layers, shape.text.width, shape.text.inner) == sizes
    layers = getattr(vision, "depth", None) or vision.num_hidden_layers
    width = getattr(vision, "embed_dim", None) or vision.hidden_size
    inner = width * vision.mlp_ratio if hasattr(vision, "mlp_ratio") else vision.intermediate_size
    assert (shape.vision.layers, shape.vision.width, shape.vision.inner) == (layers, width, inner)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_more_of_anything_takes_more_and_checkpointing_takes_less(family, method):
    base = models.plan(family, method, **GIVEN)
    for name, value in GIVEN.items():
        assert models.plan(family, method, **GIVEN | {name: 2 * value}).total > base.total, name
    assert models.plan(family, method, **GIVEN, gradient_checkpointing=True).total < base.total
    assert models.plan(family, method, **GIVEN, answer_tokens=20).total < base.total
    assert (models.plan(family, method, **GIVEN, lora_r=8).total < base.total) == (method != "full")


@pytest.mark.parametrize("family", FAMILIES)
def test_qlora_takes_less_than_lora_and_that_less_than_full(family):
    given = GIVEN | {"batch_size": 1, "gradient_checkpointing": True}
    qlora, lora, full = (models.plan(family, method, **given).total for method in ("qlora", "lora", "full"))
    assert qlora < lora < full


def test_total_is_the_sum_of_the_parts():
    made = models.plan("qwen2_vl", "full", batch_size=1, image_tokens=4, text_tokens=4)
    assert made.total == pytest.approx(sum(getattr(made, field.name) for field in fields(Plan)))
    held = made.weights + made.optimizer + made.rest
    assert made.total - held == pytest.approx(4 * SHAPES["qwen2_vl"].language / 1e9)  # then the gradients decide


@pytest.mark.parametrize("language, first, last", [("en", "weights", "peak"), ("zh", "权重", "峰值")])
def test_it_prints_as_a_table_in_the_readers_language(monkeypatch, language, first, last):
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    lines = str(models.plan("glm_ocr", "lora", batch_size=1)).splitlines()
    assert lines[0].startswith(first) and lines[-1].startswith(last) and all(line.endswith(" GB") for line in lines)


@pytest.mark.parametrize("language, words", [("en", "unknown method"), ("zh", "没有训练方法")])
def test_an_unknown_method_is_named_with_the_known_ones(monkeypatch, language, words):
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    with pytest.raises(ValueError, match=f"{words} 'dora'.*lora, qlora, full"):
        models.plan("qwen2_vl", "dora", batch_size=1)


def test_an_unknown_family_is_named_with_the_known_ones():
    with pytest.raises(KeyError, match="unknown model family 'llava'; choose one of qwen2_vl"):
        models.plan("llava", "lora", batch_size=1)


@pytest.mark.parametrize("language, words", [("en", "must be a whole number"), ("zh", "应为不小于 1 的整数")])
@pytest.mark.parametrize("name", ["batch_size", "image_tokens", "text_tokens", "answer_tokens", "lora_r"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "8", 10**9])
def test_a_number_that_cannot_be_is_named(monkeypatch, language, words, name, value):
    monkeypatch.setenv("LESSON_LANGUAGE", language)
    with pytest.raises(ValueError, match=f"{name}={value!r} {words}"):
        models.plan("qwen2_vl", "lora", **{"batch_size": 1} | {name: value})


def test_more_answer_than_text_is_refused():
    with pytest.raises(ValueError, match="answer_tokens=20 must be a whole number of at least 1 and at most 10"):
        models.plan("qwen2_vl", "lora", batch_size=1, text_tokens=10, answer_tokens=20)


STORED = json.loads((ROOT / "data" / "benchmarks" / "memory.json").read_bytes())["rows"]
MEASURED = [row for row in STORED if "measured_gb" in row]


def test_enough_was_measured():
    assert len(MEASURED) >= 12 and {row["family"] for row in MEASURED} == {"qwen2_vl", "glm_ocr", "minicpm_o"}


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: f"{row['family']}-{row['method']}-{row['batch_size']}")
def test_plan_is_within_a_tenth_of_what_was_measured(row):
    names = ("batch_size", "gradient_checkpointing", "image_tokens", "text_tokens", "answer_tokens", "lora_r")
    made = models.plan(row["family"], row["method"], **{name: row[name] for name in names})
    assert made.total == pytest.approx(row["measured_gb"], rel=0.1)


def with_graphs(way):
    """(GB that a step took on a card, GB that are planned for pictures of the usual size) of each row of cards.json."""
    found = []
    for row in json.loads((ROOT / "data" / "benchmarks" / "cards.json").read_bytes())["rows"]:
        if row["way"] == way and row["gradient_checkpointing"]:
            step = fastest_step(row["gb"], row["family"], "lora", row["batch_size"], True, graphs=True)
            found.append((row["peak_gb"] + CONTEXT / 1e9, step.needed))
    return found


def test_what_graphs_take_is_planned_too():
    assert len(with_graphs("graphs")) == 3 and len(with_graphs("compiled")) == 2
    assert all(needed == pytest.approx(measured, rel=0.1) for measured, needed in with_graphs("graphs"))
    assert all(needed > 0.99 * measured for measured, needed in with_graphs("compiled"))


def test_packing_saves_the_smaller_models_what_graphs_take():
    sizes = {"family": "qwen2_vl", "method": "lora", "batch_size": 16}
    assert plan(**sizes, graphs=True).total == plan(**sizes).total
    assert "graphs" not in str(plan(**sizes)) and "graphs" in str(
        plan(**sizes, gradient_checkpointing=True, graphs=True)
    )
