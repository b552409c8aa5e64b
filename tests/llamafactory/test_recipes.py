"""The recipes and the rules of helpers.llamafactory, held against LLaMA-Factory's own parser and template."""

import copy
import json
import re

import pytest
import yaml
from PIL import Image

from helpers.data import formats
from helpers.data.samples import Sample
from helpers.llamafactory.config import known_keys
from helpers.llamafactory.tokens import TEMPLATES, glm_ocr_size, text_tokens, with_system
from helpers.llamafactory.values import DEFAULTS
from helpers.models.load import load_processor
from helpers.paths import ROOT
from helpers.pretraining import tiny_glm_ocr
from helpers.settings import Settings

RECIPES = sorted((ROOT / "helpers" / "llamafactory" / "recipes").glob("*.yaml"))
PROMPT = "Code Generation:"
ANSWERS = [
    "```rdkit\nCC(=O)Oc1ccccc1\n```",
    "C",
    "```rdkit\n" + "CN" * 60 + "\n```",
    "x _ { 1 }",
    "a\n\n\\frac { b } { 2 }",
]
TALK = [{"role": "user", "content": "Read { this }"}, {"role": "assistant", "content": "x _ { 1 }"}]
SYSTEMS = [  # rows without pictures
    {"messages": TALK},
    {"messages": [{"role": "system", "content": "Answer in LaTeX, and briefly."}, *TALK]},
    {"messages": [{"role": "system", "content": ""}, *TALK]},
    {"messages": TALK, "system": "Answer in SMILES."},
    {"messages": TALK, "system": ""},
    {"messages": [{"role": "system", "content": "Of two."}, *TALK, *TALK], "system": "Answer in SMILES, at length."},
]
SIZES = [(252, 56), (500, 333), (20, 10), (1500, 40), (61, 600)]
MOST = 40000  # image_max_pixels in tests/reference/llamafactory_facts.py: the second picture is shrunk


@pytest.fixture(scope="module")
def processor():
    return load_processor("glm_ocr", Settings.tiny())


@pytest.fixture(scope="module")
def facts(tmp_path_factory, processor, forks):
    """What tests/reference/llamafactory_facts.py printed."""
    folder = tmp_path_factory.mktemp("facts")
    tiny_glm_ocr.glm_ocr_model(processor).save_pretrained(folder / "model")
    processor.save_pretrained(folder / "model")
    for number, size in enumerate(SIZES):
        (folder / "data").mkdir(exist_ok=True)
        Image.new("RGB", size, "white").save(folder / "data" / f"{number}.png")
    samples = [Sample(folder / "data" / f"{n}.png", text) for n, text in enumerate(ANSWERS)]
    formats.write_sharegpt(samples, folder / "data" / "rows.json", PROMPT)
    (folder / "data" / "systems.json").write_text(json.dumps(SYSTEMS), encoding="utf-8")
    formats.register(folder / "data" / "dataset_info.json", "systems", "systems.json")
    return forks.ask("llamafactory_facts", folder / "facts.log", folder / "model", folder / "data")


@pytest.fixture(scope="module")
def rows(facts):
    return list(zip(facts["rows"], ANSWERS, SIZES, strict=True))


# --- the recipes ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_parser_takes_the_recipe_and_reads_every_key(facts, path):
    parsed = facts["recipes"][path.stem]
    assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= set(parsed)
    family = re.match("glm_ocr|minicpm_[vo]", path.stem)[0]
    assert parsed["template"] == family and not parsed["trust_remote_code"]


@pytest.mark.parametrize("name", [path.stem for path in RECIPES if path.stem.endswith("_sft")])
def test_recipe_can_be_resumed_and_logs_and_saves(facts, name):
    parsed = facts["recipes"][name]
    assert not parsed["save_only_model"] and not parsed["overwrite_output_dir"]
    assert parsed["logging_steps"] <= 10 and parsed["logging_first_step"] and parsed["save_total_limit"]
    assert parsed["val_size"] > 0 and parsed["eval_strategy"] == "steps"


@pytest.mark.parametrize("family", ["glm_ocr", "minicpm_v", "minicpm_o"])
def test_export_takes_the_adapter_from_where_lora_puts_it_and_writes_elsewhere(facts, family):
    lora, export = (facts["recipes"][f"{family}_{kind}"] for kind in ("lora_sft", "export"))
    assert export["model_name_or_path"] == lora["model_name_or_path"] and export["template"] == lora["template"]
    assert export["adapter_name_or_path"] == [lora["output_dir"]]
    assert not export["export_dir"].startswith(lora["output_dir"] + "/")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_opens_with_its_own_run_command_and_memory(path):
    head = path.read_text(encoding="utf-8").split("###")[0]
    assert (
        f"helpers/llamafactory/recipes/{path.name}" in head
        and "# VRAM: " in head
        and "DISABLE_VERSION_CHECK" not in head
    )


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_plan_leaves_sizes_to_the_recipe(stage):
    plan = json.loads((ROOT / f"helpers/llamafactory/recipes/ds_z{stage}_config.json").read_bytes())
    assert plan["zero_optimization"]["stage"] == stage
    sizes = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    assert {plan[name] for name in sizes} == {"auto"} and plan["bf16"] == {"enabled": "auto"}


# --- what the check knows without importing LLaMA-Factory ---------------------------------------


def test_known_keys_are_those_of_the_parsers(facts):
    assert sorted(known_keys()) == facts["keys"]["train"]
    assert sorted(known_keys(training=False)) == facts["keys"]["export"]


def test_defaults_are_those_of_the_parser(facts):
    assert {key: facts["defaults"][key] for key in DEFAULTS} == DEFAULTS


def test_token_counts_are_those_of_the_template(rows, processor):
    for (ids, labels), answer, size in rows:
        messages = [{"role": "user", "content": f"<image>{PROMPT}"}, {"role": "assistant", "content": answer}]
        prompt, said = text_tokens(messages, processor.tokenizer, "glm_ocr")
        width, height = glm_ocr_size(*size, MOST, 1024)
        patches = processor.image_processor.get_number_of_image_patches(height, width, {})
        assert (ids.count(processor.image_token_id), len(ids)) == (patches // 4, prompt + patches // 4 + said)
        assert said == len([label for label in labels if label != -100])


@pytest.mark.parametrize("template", ["glm_ocr", "minicpm_v"])
def test_system_texts_are_counted_as_the_template_lays_them_out(facts, processor, template):
    """The reading too is LLaMA-Factory's own: a row it leaves out has no tokens at all."""
    tokenizer = copy.deepcopy(processor.tokenizer)
    tokenizer.add_tokens("<|im_end|>", special_tokens=True)  # as LLaMA-Factory does for the template of MiniCPM
    counts = [text_tokens(with_system(row), tokenizer, template) for row in SYSTEMS]
    ends = TEMPLATES[template]["end"]
    assert [[prompt, answer - ends] for prompt, answer in counts] == facts["systems"][template]


# --- what is trained, and on what ---------------------------------------------------------------


def test_trained_are_a_line_break_the_answer_and_the_end_token(rows, processor):
    for (ids, labels), answer, _ in rows:
        trained = [label for label in labels if label != -100]
        assert processor.tokenizer.decode(trained) == f"\n{answer}<|endoftext|>"
        assert ids[-len(trained) :] == trained


def test_prompt_is_the_one_generation_starts_from(rows, processor):
    """But for the line break after <|assistant|>, which the template trains and generation is given."""
    content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    for (ids, labels), _, size in rows:
        picture = Image.new("RGB", glm_ocr_size(*size, MOST, 1024))
        asked = processor(text=text, images=[picture]).input_ids[0]
        prompt = ids[: labels.count(-100)]
        assert asked == prompt + processor.tokenizer.encode("\n")
        assert labels[len(prompt)] == asked[-1]


def test_cutoff_really_cuts_image_tokens_and_answers(facts, processor):
    """The reason for the check: LLaMA-Factory says nothing about it."""
    image = processor.image_token_id
    for (whole, _), (cut, _) in zip(facts["rows"], facts["cut"], strict=True):
        assert len(cut) == min(len(whole), 20)
    assert any(
        cut.count(image) < whole.count(image) for (whole, _), (cut, _) in zip(facts["rows"], facts["cut"], strict=True)
    )
