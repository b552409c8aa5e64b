"""helpers.models.adapter_names: which layers an older transformers meant, without a model that takes time to load."""

import json

import pytest

from helpers.models.adapter_names import PREFIX, RENAMINGS, find_renaming, layer_names, rename, rename_config

NEW = ["model.language_model.layers.0.self_attn.q_proj", "model.visual.blocks.0.attn.qkv", "lm_head"]
OLD = ["model.layers.0.self_attn.q_proj", "visual.blocks.0.attn.qkv", "lm_head"]


class Model:
    """Has layers by these names."""

    def named_modules(self):
        return [("", self), *((name, self) for name in NEW)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_names_that_fit_are_left_alone(folder):
    assert find_renaming(Model(), NEW, folder) == {} == find_renaming(Model(), [], folder)


def test_old_names_are_known(folder):
    renaming = find_renaming(Model(), OLD, folder)
    assert [rename(name, renaming) for name in OLD] == NEW


def test_new_names_are_not_renamed_again():
    assert [rename(name, RENAMINGS[0]) for name in NEW] == NEW


def test_the_renaming_is_that_of_transformers_for_whole_checkpoints():
    """Every weight of an official Qwen2-VL checkpoint, by the table of the pinned release."""
    conversion = pytest.importorskip("transformers.conversion_mapping")
    table = conversion.get_checkpoint_conversion_mapping("qwen2_vl")
    names = [*OLD, "model.embed_tokens", "model.norm", "visual.merger.mlp.0", "visual.patch_embed.proj"]
    names += [f"model.layers.27.mlp.{part}_proj" for part in ("gate", "up", "down")]
    for name in names:
        wanted = name
        for step in table:
            wanted, _ = step.rename_source_key(wanted)
        assert rename(name, RENAMINGS[0]) == wanted


def test_names_that_nobody_knows_are_told_with_the_release_that_wrote_them(folder):
    names = ["llm.layers.0", "llm.layers.1", "llm.layers.2", "llm.layers.3", "lm_head"]
    with pytest.raises(ValueError, match="^4 of its 5 layers are not in the model, first llm.layers.0, .*layers.2$"):
        find_renaming(Model(), names, folder)
    (folder / "README.md").write_text("# card\n### Framework versions\n\n- PEFT 0.11.1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"layers\.2, written by peft 0\.11\.1$"):
        find_renaming(Model(), names, folder)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_version": "0.18.0"}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"written by peft 0\.18\.0$"):
        find_renaming(Model(), names, folder)


def test_one_layer_that_does_not_fit_is_enough(folder):
    with pytest.raises(ValueError, match="of its 3 layers are not in the model"):
        find_renaming(Model(), [*OLD[:2], "model.layers.1.self_attn.q_proj"], folder)


def test_layers_are_those_with_matrices(tmp_path):
    import numpy as np
    from safetensors.numpy import save_file

    keys = [f"{PREFIX}{name}.lora_{side}.weight" for name in NEW[:2] for side in "AB"]
    keys += [f"{PREFIX}model.embed_tokens.lora_embedding_A", f"{PREFIX}resampler.weight"]
    save_file({key: np.zeros(1, "float32") for key in keys}, tmp_path / "a.safetensors")
    assert layer_names(tmp_path / "a.safetensors") == sorted([*NEW[:2], "model.embed_tokens"])


def test_a_configuration_names_just_the_layers_of_the_file():
    from peft import LoraConfig

    config = LoraConfig(
        target_modules=["q_proj", "qkv"],
        layers_to_transform=[0],
        modules_to_save=["model.embed_tokens", "merger"],
        rank_pattern={"model.layers.0.self_attn.q_proj": 2},
        alpha_pattern={"visual.blocks.0.attn.qkv": 3, "q_proj": 4},
    )
    rename_config(config, OLD[:2], RENAMINGS[0])
    assert (
        config.target_modules
        == r"model\.language_model\.layers\.0\.self_attn\.q_proj|model\.visual\.blocks\.0\.attn\.qkv"
    )
    assert config.modules_to_save == ["model.language_model.embed_tokens", "merger"]
    assert config.rank_pattern == {NEW[0]: 2} and config.alpha_pattern == {NEW[1]: 3, "q_proj": 4}
    assert config.layers_to_transform is None
