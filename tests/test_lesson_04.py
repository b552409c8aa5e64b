"""Lesson 4 lists a whole training as a script would have it: with the lesson's own collator it runs as it stands."""

import re

import pytest

from helpers import data, models
from helpers.course import notebooks
from helpers.data.synthetic.render import render_set
from helpers.paths import ROOT
from helpers.settings import Settings


def cells(language):
    """{id: source} of the lesson's cells."""
    path = ROOT / "notebooks" / language / "04_minicpm_o_lora.ipynb"
    return {cell.id: cell.source for cell in notebooks.load(path).cells}


def listings(source):
    """The blocks of Python in a cell of prose."""
    return re.findall(r"^```python\n(.*?)^```", source, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("cell", ["load-intro", "train-intro"])
def test_both_languages_list_the_same(cell):
    assert listings(cells("en")[cell]) == listings(cells("zh")[cell]) != []


def test_the_listed_training_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # SwanLab writes where it is started
    settings = Settings.tiny(train_samples=2, batch_size=2, lora_r=4)
    model, processor = models.load("minicpm_o", settings)
    names = {"settings": settings, "folder": tmp_path, "processor": processor, "data": data, "models": models}
    names |= {"train_samples": render_set(tmp_path / "set", 2, 5, "scan")}
    names |= {"lora_model": models.add_lora(model, "minicpm_o", settings)}
    exec(cells("en")["collate"], names)
    (listed,) = listings(cells("en")["train-intro"])
    exec(listed, names)
    assert names["trainer"].state.global_step == 1
    assert (tmp_path / "plain" / "adapter" / "adapter_model.safetensors").is_file()
    assert list((tmp_path / "swanlog").glob("run*"))
