"""helpers.llamafactory.config: choices that LLaMA-Factory would refuse after its start, or take for something else."""

from pathlib import Path

import pytest
from llamafactory_places import config_of

from helpers import llamafactory
from helpers.llamafactory.config import ConfigError, data_files, located, portable
from helpers.paths import ROOT


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
    ],
)
def test_check_refuses_impossible_choices(place, changes, said):
    with pytest.raises(ConfigError) as caught:
        llamafactory.check(config_of(place) | changes)
    assert said in str(caught.value) and str(place) not in str(caught.value)


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
