"""helpers.models.families: names that hold no path of this machine, and what LoRA touches in each family."""

import re

import pytest

from helpers import paths
from helpers.models import families

NAME = "Qwen2-VL-2B-Instruct"


@pytest.mark.parametrize(
    "folder, name",
    [
        (f"/cache/models--Qwen--{NAME}/snapshots/abc", f"Qwen/{NAME}"),
        (f"/cache/modelscope/hub/models/Qwen/{NAME}", f"Qwen/{NAME}"),
        (paths.ROOT / "data" / "tiny-qwen2-vl", "data/tiny-qwen2-vl"),
        ("/somewhere/my-model", "my-model"),
    ],
)
def test_public_name_holds_no_machine_path(folder, name):
    assert families.public_name(str(folder)) == name


def test_unknown_family_lists_the_known_ones():
    with pytest.raises(KeyError, match="unknown model family 'qwen'; choose one of qwen2_vl, glm_ocr, minicpm_o"):
        families.get_family("qwen")


@pytest.mark.parametrize("family", families.FAMILIES)
def test_every_family_has_a_tiny_model_in_data_and_lora_never_touches_its_vocabulary(family):
    row = families.get_family(family)
    assert (
        (paths.ROOT / "data" / row.tiny / "config.json").is_file()
        and "/" in row.modelscope
        and row.folder in row.modelscope
    )
    assert not any(re.fullmatch(row.lora_targets, name) for name in ("lm_head", "llm.lm_head", "model.embed_tokens"))
