"""helpers.llamafactory.config: choices that LLaMA-Factory would refuse after its start, or take for something else."""

from dataclasses import replace
from pathlib import Path

import pytest
from llamafactory_places import config_of

from helpers import llamafactory
from helpers.llamafactory.config import ConfigError, data_files, four_bit_faults, located, portable
from helpers.paths import ROOT
from helpers.settings import Settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"warmup_ration": 0.1}, "warmup_ration: not a key of LLaMA-Factory -> did you mean warmup_ratio?"),
        ({"enable_high_fps": True}, "enable_high_fps: not a key of LLaMA-Factory -> remove it"),
        ({"dataset": "other"}, "no 'other' in dataset_info.json, which has rows"),
        ({"model_name_or_path": "no/such/folder"}, "no folder no/such/folder"),
        ({"deepspeed": "mine/ds_z9.json"}, "no file mine/ds_z9.json"),
        ({"bf16": True}, "bf16: false"),
        ({"template": "glm4v"}, "template: 'glm4v'"),
        ({"freeze_vision_tower": False, "freeze_multi_modal_projector": False}, "leave it true"),
        ({"eval_dataset": "rows", "val_size": 0.1}, "takes one of them"),
        ({"quantization_bit": 4}, "quantization_bit: 4 (four_bit=True): needs a CUDA GPU"),
    ],
)
def test_check_refuses_impossible_choices(place, changes, said):
    with pytest.raises(ConfigError) as caught:
        llamafactory.check(config_of(place) | changes)
    assert said in str(caught.value) and str(place) not in str(caught.value)


def test_four_bits_are_for_lora_on_a_gpu_with_bitsandbytes(monkeypatch):
    bits = {"quantization_bit": 4, "quantization_method": "bnb"}
    lora, full, export = (llamafactory.recipe(f"glm_ocr_{kind}") for kind in ("lora_sft", "full_sft", "export"))
    monkeypatch.setattr("helpers.llamafactory.config.find_spec", lambda name: name)
    assert (
        four_bit_faults(lora) == four_bit_faults(lora | bits) == four_bit_faults(full) == four_bit_faults(export) == []
    )
    (fault,) = four_bit_faults(full | bits)
    assert "four_bit=True" in fault and "quantized weights cannot be trained themselves" in fault
    (fault,) = four_bit_faults(export | bits)
    assert "merged into whole weights, never into quantized ones" in fault and "four_bit=False" in fault
    monkeypatch.setattr("helpers.llamafactory.config.find_spec", lambda name: None)
    (fault,) = four_bit_faults(lora | bits)
    assert "bitsandbytes is not installed" in fault and "[qlora]" in fault


@pytest.mark.parametrize("run", [llamafactory.train, llamafactory.export])
def test_four_bits_are_refused_before_anything_is_started(place, tmp_path, run):
    kind = "glm_ocr_full_sft" if run is llamafactory.train else "glm_ocr_export"
    paths = {"model_name_or_path": str(place / "model"), "output_dir": str(tmp_path / "run"), "dataset": "rows"}
    paths |= {"adapter_name_or_path": str(tmp_path), "export_dir": str(tmp_path / "merged")}
    recipe = llamafactory.recipe(kind) | {"quantization_bit": 4}
    with pytest.raises(ConfigError, match="four_bit=True"):
        run(recipe | {key: value for key, value in paths.items() if key in recipe})


def test_float32_is_refused_on_a_gpu_where_it_would_not_be_obeyed(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    recipe, settings = llamafactory.recipe("glm_ocr_lora_sft"), Settings.tiny(device="cuda")
    with pytest.raises(ConfigError, match="dtype='float32': .* -> dtype='bfloat16', or device='cpu'"):
        llamafactory.overrides(settings, recipe)
    config = recipe | llamafactory.overrides(replace(settings, dtype="bfloat16"), recipe)
    assert config["bf16"] is True and "use_cpu" not in config


def test_all_faults_of_a_configuration_come_at_once(place):
    with pytest.raises(ConfigError, match="3 reasons"):
        llamafactory.check(config_of(place) | {"dataset": "other", "learning_rte": 1, "bf16": True})


def test_a_model_that_is_no_folder_may_be_a_name_on_a_hub(place):
    with pytest.raises(ConfigError, match="model_name_or_path: not set"):
        llamafactory.train({"output_dir": "output/none"})
    (place / "half").mkdir(exist_ok=True)
    with pytest.raises(ConfigError, match="half: missing or cut off: config.json"):
        llamafactory.train({"model_name_or_path": str(place / "half"), "output_dir": "output/none"})


def test_data_files_lie_beside_dataset_info(place):
    config = config_of(place) | {"dataset": " rows , rows"}
    assert data_files(config) == 2 * [place / "data" / "rows.json"] and data_files(config, "eval_dataset") == []


def test_paths_of_the_project_are_written_from_its_folder_on(tmp_path):
    assert portable(ROOT / "output" / "run") == "output/run" and portable("a/b") == "a/b" and portable(3) == 3
    assert portable(tmp_path) == str(tmp_path) and located("output/run") == ROOT / Path("output/run")
