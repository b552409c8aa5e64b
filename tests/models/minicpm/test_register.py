"""helpers.models.minicpm: one call makes transformers' Auto classes know both families, whenever it comes."""

import json
import subprocess
import sys

import official
import pytest
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor, AutoTokenizer

from helpers.models import minicpm
from helpers.models.minicpm.configuration import MiniCPMOConfig
from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
from helpers.pretraining.families import TINY_FAMILIES, processor_of

REGISTER = "from helpers.models import minicpm; minicpm.register()"
BEFORE = [
    REGISTER,
    f"{REGISTER}; minicpm.register()",
    f"import transformers; {REGISTER}",
    f"from transformers import AutoConfig; AutoConfig.for_model('qwen2'); {REGISTER}",
    f"from transformers import AutoModelForImageTextToText as M; len(M._model_mapping); {REGISTER}",
]


@pytest.mark.parametrize("first", BEFORE, ids=range(len(BEFORE)))
def test_one_call_is_enough_whenever_and_however_often_it_comes(tmp_path, first):
    MiniCPMOConfig(num_hidden_layers=1).save_pretrained(tmp_path)
    code = f"{first}\nfrom transformers import AutoConfig, AutoModelForImageTextToText as M, AutoProcessor\n"
    code += f"c = AutoConfig.from_pretrained({str(tmp_path)!r}); print(type(c).__module__, M._model_mapping[type(c)])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "helpers.models.minicpm.configuration <class 'helpers.models.minicpm.modeling.MiniCPMO'>"


@pytest.mark.parametrize("package", ["helpers", "helpers.models", "helpers.models.minicpm", "helpers.models.load"])
def test_import_alone_registers_nothing_and_imports_nothing_heavy(package):
    code = f"import sys, {package}; print({{'torch', 'transformers'}} & set(sys.modules), len(sys.meta_path));"
    plain = subprocess.run(
        [sys.executable, "-c", "import sys; print(len(sys.meta_path))"], capture_output=True, text=True
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == f"set() {plain.stdout}"


@pytest.fixture(scope="module", params=["minicpm_o", "minicpm_v"])
def family(request):
    return request.param


def saved(family, folder):
    processor = processor_of(family)
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
