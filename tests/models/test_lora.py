"""helpers.models.lora and models.load with a folder: base, base + adapter, merged; what does not fit is refused."""

import json
import shutil
from contextlib import nullcontext

import pytest

from helpers.data.synthetic.render import render_set
from helpers.inference.predict import predict
from helpers.models import families, inputs, lora
from helpers.models.load import load, load_processor
from helpers.models.lora import save_adapter
from helpers.paths import ROOT
from helpers.pretraining.families import TINY_FAMILIES
from helpers.settings import Settings

SETTINGS = Settings.tiny(lora_r=4, max_new_tokens=24)


def noisy_lora(model, family, settings=SETTINGS, noise=0.3):
    """LoRA that changes the answers without any training; too much ``noise`` makes a model chaotic."""
    import torch

    model = lora.add_lora(model, family, settings).eval()
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, noise)
    return model


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return render_set(tmp_path_factory.mktemp("set"), 4, seed=5, part="test")


@pytest.fixture(scope="module")
def made(tmp_path_factory, samples):
    """(folder of an adapter, what the model read when it was saved)."""
    model, processor = load("qwen2_vl", SETTINGS)
    model = noisy_lora(model, "qwen2_vl")
    folder = tmp_path_factory.mktemp("run") / "adapter"
    save_adapter(model, processor, folder)
    return folder, predict(model, processor, samples, SETTINGS)


def reads(folder, samples, **options):
    model, processor = load("qwen2_vl", SETTINGS, folder=folder)
    assert not model.training
    return predict(model, processor, samples, SETTINGS)


def test_an_adapter_is_put_on_its_base(made, samples):
    folder, wanted = made
    assert reads(folder, samples) == wanted != reads(None, samples)


@pytest.mark.parametrize("fails", [False, True])
def test_merged_for_a_while_changes_weights_and_puts_back_the_very_ones(fails):
    import torch

    model = noisy_lora(load("qwen2_vl", SETTINGS)[0], "qwen2_vl")
    before = {name: (value.data_ptr(), value.clone()) for name, value in model.state_dict().items()}
    extra = lora.merged_bytes(model)
    with pytest.raises(KeyError) if fails else nullcontext(), lora.merged(model):
        changed = [value for name, value in model.state_dict().items() if not torch.equal(value, before[name][1])]
        if fails:
            raise KeyError
    assert len(changed) > 10 and sum(value.nbytes for value in changed) <= extra
    assert all(value.data_ptr() == before[name][0] for name, value in model.state_dict().items())
    assert all(torch.equal(value, before[name][1]) for name, value in model.state_dict().items())
    assert lora.merged_bytes(model) == extra  # nothing counts as merged any more


def test_merged_folder_loads_alone_and_reads_the_same(made, samples, tmp_path):
    folder, wanted = made
    model, processor = load("qwen2_vl", SETTINGS, folder=folder)
    merged = lora.merge(model, processor, tmp_path / "merged")
    assert type(merged).__name__ == "Qwen2VLForConditionalGeneration"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged"]
    assert reads(tmp_path / "merged", samples) == wanted
    assert str(ROOT) not in (tmp_path / "merged" / "config.json").read_text(encoding="utf-8")


def test_an_older_merged_folder_stays_until_the_new_one_is_whole(made, tmp_path, monkeypatch):
    model, processor = load("qwen2_vl", SETTINGS, folder=made[0])
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "old").touch()
    monkeypatch.setattr(type(processor), "save_pretrained", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        lora.merge(model, processor, tmp_path / "merged")
    assert [path.name for path in (tmp_path / "merged").iterdir()] == ["old"]


def test_merging_without_an_adapter_is_refused(tmp_path):
    model, processor = load("qwen2_vl", SETTINGS)
    with pytest.raises(ValueError, match="merge: the model has no adapter"):
        lora.merge(model, processor, tmp_path / "merged")


def test_merging_into_four_bits_is_refused(made, tmp_path):
    model, processor = load("qwen2_vl", SETTINGS, folder=made[0])
    model.base_model.model.is_loaded_in_4bit = True
    with pytest.raises(ValueError, match="4 bits -> load it with four_bit=False"):
        lora.merge(model, processor, tmp_path / "merged")


# --- a new adapter -----------------------------------------------------------------------------


def with_lora(seed=None, **changes):
    settings = Settings.tiny(**changes)
    return lora.add_lora(load("qwen2_vl", settings)[0], "qwen2_vl", settings, seed)


def test_lora_alone_is_trained_in_vision_and_language_but_not_in_the_vocabulary():
    names = [name for name, weight in with_lora(lora_r=4).named_parameters() if weight.requires_grad]
    assert all(".lora_A." in name or ".lora_B." in name for name in names)
    for part in ("q_proj", "v_proj", "down_proj", "visual.blocks.4.attn.qkv", "mlp.fc1", "merger.mlp.2"):
        assert any(part in name for name in names), part
    assert not [name for name in names if "lm_head" in name or "embed" in name]
    assert len(names) == 2 * (5 * 7 + 5 * 4 + 2)  # language layers, vision blocks, merger


def test_lora_starts_from_the_seed_and_changes_nothing_yet():
    import torch

    def first(model):
        return next(weight for name, weight in model.named_parameters() if "lora_A" in name)

    one, again, other, named = with_lora(), with_lora(), with_lora(seed=1), with_lora(seed=0)
    assert (first(one) == first(again)).all() and (first(one) == first(named)).all()
    assert not (first(one) == first(other)).all()
    ids, base = torch.arange(14, 40)[None], load("qwen2_vl", Settings.tiny())[0]
    with torch.inference_mode():
        assert torch.equal(one(input_ids=ids).logits, base(input_ids=ids).logits)


def test_lora_follows_the_settings():
    config = with_lora(lora_r=4, lora_alpha=12).peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (4, 12, 0)


# --- what does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
@pytest.mark.parametrize("harm", ["missing", "cut off"])
def test_half_an_adapter_is_named(made, tmp_path, name, harm):
    folder = shutil.copytree(made[0], tmp_path / "adapter")
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if harm == "cut off":
        (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(FileNotFoundError, match=f"^adapter: missing or cut off: {name} -> copy the whole folder"):
        load("qwen2_vl", SETTINGS, folder=folder)


def changed(folder, target, **facts):
    """A copy of the adapter whose configuration says something else."""
    shutil.copytree(folder, target)
    config = json.loads((target / lora.CONFIG).read_bytes())
    (target / lora.CONFIG).write_text(json.dumps(config | facts), encoding="utf-8")
    return target


@pytest.mark.parametrize("named", ["Qwen/Qwen2-VL-2B-Instruct", "data/tiny-glm-ocr", "zai-org/GLM-OCR"])
def test_an_adapter_of_another_base_is_refused(made, tmp_path, named):
    folder = changed(made[0], tmp_path / "adapter", base_model_name_or_path=named)
    with pytest.raises(ValueError, match=f"^adapter: an adapter for {named}, not for data/tiny-qwen2-vl -> "):
        load("qwen2_vl", SETTINGS, folder=folder)


@pytest.mark.parametrize("named", ["somebody/elses-qwen", None])
def test_a_base_that_nobody_knows_is_tried(made, tmp_path, samples, named):
    folder = changed(made[0], tmp_path / "adapter", base_model_name_or_path=named)
    assert reads(folder, samples) == made[1]


@pytest.mark.parametrize(
    "facts",
    [
        {"r": 8},
        {"target_modules": ["nowhere"]},
        {"modules_to_save": ["patch_embed"]},  # the file holds no such weights
        {"target_modules": ".*(language_model.*_proj|visual.*(qkv|proj|fc1|fc2|mlp.[02])|lm_head)"},  # one layer more
        {"target_modules": ".*language_model.*_proj"},  # fewer layers: part of the file would be left out in silence
    ],
    ids=str,
)
def test_layers_or_shapes_that_do_not_fit_are_refused(made, tmp_path, facts):
    folder = changed(made[0], tmp_path / "adapter", **facts)
    with pytest.raises(ValueError, match="^adapter: does not fit this Qwen2VLForConditionalGeneration: .* -> load its"):
        load("qwen2_vl", SETTINGS, folder=folder)


# --- adapters of an older transformers -----------------------------------------------------------

OLD_TARGETS = [
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv", "proj", "fc1", "fc2"],
    r"^(model|visual)\.(layers|blocks|merger).*",  # of the old names only: it fits none of the new ones
    ["model.layers.0.self_attn.q_proj", "visual.blocks.0.attn.qkv"],
]


def aged(folder, target, **facts):
    """A copy of the adapter as transformers wrote it before 4.52."""
    from safetensors.torch import load_file, save_file

    changed(folder, target, **facts)
    weights = load_file(target / lora.WEIGHTS)
    old = {key.replace("model.language_model.", "model.").replace("model.visual.", "visual."): key for key in weights}
    assert old.keys().isdisjoint(weights)
    save_file({name: weights[key] for name, key in old.items()}, target / lora.WEIGHTS)
    return target


@pytest.mark.parametrize("targets", OLD_TARGETS, ids=["names", "pattern", "paths"])
def test_an_adapter_of_an_older_transformers_reads_as_it_did(made, samples, tmp_path, capsys, targets):
    folder = aged(made[0], tmp_path / "adapter", target_modules=targets)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert reads(folder, samples) == made[1]
    said = capsys.readouterr().out
    assert said.startswith(
        "adapter: written with an older transformers; 57 layers renamed in memory, such as model.layers"
    )
    assert said.count("\n") == 1 and " -> model.language_model.layers.0." in said
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_older_adapter_that_lacks_weights_is_refused(made, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = aged(made[0], tmp_path / "adapter")
    weights = load_file(folder / lora.WEIGHTS)
    weights.pop(next(key for key in weights if "lora_B" in key))
    save_file(weights, folder / lora.WEIGHTS)
    with pytest.raises(ValueError, match="^adapter: does not fit .*1 weights that only one of the two has"):
        load("qwen2_vl", SETTINGS, folder=folder)


def test_names_that_fit_nothing_are_told(made, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = changed(made[0], tmp_path / "adapter", peft_version="0.11.1")
    weights = {
        key.replace("language_model.layers", "decoder"): value
        for key, value in load_file(folder / lora.WEIGHTS).items()
    }
    save_file(weights, folder / lora.WEIGHTS)
    reason = (
        r"35 of its 57 layers are not in the model, first model\.decoder\.0\.mlp\.down_proj, .*written by peft 0\.11\.1"
    )
    with pytest.raises(ValueError, match=f"^adapter: does not fit this Qwen2VL.*: {reason} -> load its own base"):
        load("qwen2_vl", SETTINGS, folder=folder)


def test_a_pickle_is_refused_unopened(made, tmp_path):
    folder = shutil.copytree(made[0], tmp_path / "adapter")
    (folder / lora.WEIGHTS).rename(folder / "adapter_model.bin")
    for config in (True, False):
        with pytest.raises(ValueError, match="^adapter: adapter_model.bin is a pickle, .*safe_serialization=True"):
            load("qwen2_vl", SETTINGS, folder=folder)
        if config:
            (folder / lora.CONFIG).unlink()


@pytest.mark.parametrize("config", ["[]", '"LORA"', "{}", '{"peft_type": "PREFIX_TUNING"}'])
def test_a_configuration_that_is_none_is_named(made, tmp_path, config):
    folder = shutil.copytree(made[0], tmp_path / "adapter")
    (folder / lora.CONFIG).write_text(config, encoding="utf-8")
    with pytest.raises(ValueError, match="adapter_config.json: not the configuration of a LoRA adapter"):
        load("qwen2_vl", SETTINGS, folder=folder)


# --- all families --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr", "minicpm_o"])
def test_one_function_loads_base_adapter_and_merged_model_of_every_family(family, samples, tmp_path):
    import torch

    processor = load_processor(family, Settings.tiny())
    base = tmp_path / families.FAMILIES[family].folder
    TINY_FAMILIES[family].make_model(processor).save_pretrained(base)
    processor.save_pretrained(base)
    settings = Settings.real(models_dir=tmp_path, device="cpu", dtype="float32", lora_r=4)

    model, processor = load(family, settings)
    plain = logits(model, processor, samples)
    model = noisy_lora(model, family, settings, noise=0.03)
    save_adapter(model, processor, tmp_path / "adapter")
    wanted = logits(model, processor, samples)
    assert not torch.allclose(wanted, plain, atol=1e-3)

    tuned, processor = load(family, settings, folder=tmp_path / "adapter")
    assert torch.equal(logits(tuned, processor, samples), wanted)
    lora.merge(tuned, processor, tmp_path / "merged")
    merged, processor = load(family, settings, folder=tmp_path / "merged")
    assert torch.allclose(logits(merged, processor, samples), wanted, atol=1e-5)


def logits(model, processor, samples):
    """Of the next token for each picture: random weights have near ties, so answers would say less."""
    import torch

    with torch.inference_mode():
        return model(**inputs.encode_prompts(samples, processor)).logits[:, -1]
