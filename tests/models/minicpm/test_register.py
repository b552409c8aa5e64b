"""helpers.models.minicpm: one call makes transformers' Auto classes know both families, whenever it comes."""

import json
import subprocess
import sys

import official
import pytest
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor, AutoTokenizer

from helpers.models import minicpm
from helpers.models.load import load_processor
from helpers.models.minicpm.configuration import MiniCPMOConfig
from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
from helpers.pretraining.families import TINY_FAMILIES
from helpers.settings import Settings

REGISTER = "from helpers.models import minicpm; minicpm.register()"
BEFORE = [
    REGISTER,
    f"{REGISTER}; minicpm.register()",
    f"import transformers; {REGISTER}",
    f"from transformers import AutoConfig; AutoConfig.for_model('qwen2'); {REGISTER}",
    f"from transformers import AutoModelForImageTextToText as M; len(M._model_mapping); {REGISTER}",
]


FIND = """
from transformers import AutoConfig, AutoModelForImageTextToText as M, AutoProcessor
c = AutoConfig.from_pretrained({folder!r})
print(type(c).__module__, M._model_mapping[type(c)])
"""
# A process for each code, forked when only what takes longest to import is there, and knows nothing of transformers.
EACH = """
import os, sys
import accelerate, huggingface_hub.hf_api, scipy.optimize, torch._dynamo, torchvision
assert not {{"transformers", "helpers"}} & set(sys.modules)
for code in {codes!r}:
    child = os.fork()
    if not child:
        exec(code)
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0, code
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each way prints in a process of its own."""
    folder = tmp_path_factory.mktemp("config")
    MiniCPMOConfig(num_hidden_layers=1).save_pretrained(folder)
    each = EACH.format(codes=[first + FIND.format(folder=str(folder)) for first in BEFORE])
    return subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("way", range(len(BEFORE)))
def test_one_call_is_enough_whenever_and_however_often_it_comes(found, way):
    assert found[way] == "helpers.models.minicpm.configuration <class 'helpers.models.minicpm.modeling.MiniCPMO'>"


@pytest.mark.parametrize("package", ["helpers", "helpers.models", "helpers.models.minicpm", "helpers.models.load"])
def test_import_alone_registers_nothing_and_imports_nothing_heavy(package):
    code = f"import sys; before = sys.meta_path[:]; import {package}; "
    code += "print({'torch', 'transformers'} & set(sys.modules), sys.meta_path == before)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "set() True\n"


@pytest.fixture(scope="module", params=["minicpm_o", "minicpm_v"])
def family(request):
    return request.param


def saved(family, folder):
    processor = load_processor(family, Settings.tiny())
    processor.save_pretrained(folder)
    TINY_FAMILIES[family].make_model(processor).save_pretrained(folder)


@pytest.mark.parametrize(
    "write", [saved, lambda family, folder: official.write(folder, family)], ids=["ours", "official"]
)
def test_every_auto_class_finds_ours_without_remote_code(family, write, tmp_path):
    from transformers import AutoConfig, AutoModelForImageTextToText

    folder = tmp_path / "model"
    write(family, folder)
    if write is not saved:  # as on the hubs: it names code that lies beside the weights
        facts = json.loads((folder / "config.json").read_bytes())
        assert facts["auto_map"] and "auto_map" in (folder / "preprocessor_config.json").read_text(encoding="utf-8")
    name = {"minicpm_o": "MiniCPMO", "minicpm_v": "MiniCPMV"}[family]
    minicpm.register()
    assert type(AutoConfig.from_pretrained(folder)).__name__ == f"{name}Config"
    assert type(AutoModelForImageTextToText.from_pretrained(folder)).__name__ == name
    assert type(AutoProcessor.from_pretrained(folder)).__name__ == f"{name}Processor"
    assert isinstance(AutoImageProcessor.from_pretrained(folder), MiniCPMVImageProcessor)
    assert AutoTokenizer.from_pretrained(folder)("<unk>").input_ids
    if family == "minicpm_o":
        assert type(AutoFeatureExtractor.from_pretrained(folder)).__name__ == "WhisperFeatureExtractor"
