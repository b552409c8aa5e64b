"""helpers.training.ways: a run is made in the way that ends first, and a line says why."""

from types import SimpleNamespace

import pytest
import torch

from helpers.settings import Settings
from helpers.training import ways


class Model:
    """A model that knows positions of pictures, as Qwen2-VL and GLM-OCR do."""

    get_rope_index = None
    config = SimpleNamespace(model_type="qwen2_vl")

    def modules(self):
        return [self]


def settings(samples, **more):
    return SimpleNamespace(
        **{"device": "cuda", "dtype": "bfloat16", "train_samples": samples, "epochs": 1}
        | {"four_bit": False, "gradient_checkpointing": False, "batch_size": 16, "lora_r": 64}
        | more
    )


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """An H100, or what a test makes of it."""
    found = SimpleNamespace(capability=(9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: found.capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA T4")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=85e9))
    return found


def test_a_cpu_takes_the_plain_way_and_says_nothing(capsys):
    assert ways.choose_way(Model(), Settings.tiny()) == ways.PLAIN
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("samples", "name"), [(100, "packed"), (2000, "graphs"), (50000, "compiled")])
def test_the_longer_a_run_the_more_is_prepared(samples, name, capsys):
    way = ways.choose_way(Model(), settings(samples))
    assert way.name == name
    assert all(way.seconds(samples) <= other.seconds(samples) for other in ways.WAYS)
    assert f"{samples:,}" in capsys.readouterr().out


def test_epochs_count():
    assert ways.choose_way(Model(), settings(2000, epochs=25)).name == "compiled"


@pytest.mark.parametrize("name", ["four_bit", "gradient_checkpointing"])
def test_what_packing_cannot_do_is_named(name, capsys):
    assert ways.choose_way(Model(), settings(50000, **{name: True})) == ways.PLAIN
    assert name in capsys.readouterr().out


class MiniCPM(Model):
    """A model with a resampler, as MiniCPM has one."""

    get_rope_index = property(doc="it has none")
    resampler = None
    config = SimpleNamespace(model_type="minicpmo")


@pytest.mark.parametrize(("size", "name"), [(8, "compiled"), (16, "plain")])
def test_minicpm_is_packed_where_its_graphs_have_room(size, name, capsys):
    assert ways.choose_way(MiniCPM(), settings(50000, batch_size=size)).name == name
    assert ("89 GB" in capsys.readouterr().out) == (name == "plain")


def test_another_family_is_trained_plainly(capsys):
    assert ways.choose_way(SimpleNamespace(modules=lambda: []), settings(50000)) == ways.PLAIN
    assert capsys.readouterr().out.count("\n") == 1


def test_an_old_gpu_is_named(gpu, capsys):
    gpu.capability = (7, 5)
    assert ways.choose_way(Model(), settings(50000)) == ways.PLAIN
    said = capsys.readouterr().out
    assert "T4" in said and "7.5" in said and said.count("\n") == 1


def test_float32_is_trained_plainly(capsys):
    assert ways.choose_way(Model(), settings(50000, dtype="float32")) == ways.PLAIN
    assert "float32" in capsys.readouterr().out
