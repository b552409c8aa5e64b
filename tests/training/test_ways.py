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
        | {"four_bit": False, "gradient_checkpointing": False, "lora_r": 64}
        | {"batch_size": 16, "gradient_accumulation": 1}
        | more
    )


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """An H100, or what a test makes of it."""
    found = SimpleNamespace(capability=(9, 0))
    found.total_memory = 85e9
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: found.capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA T4")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: found)
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


def test_what_packing_cannot_do_is_named(capsys):
    assert ways.choose_way(Model(), settings(50000, four_bit=True)) == ways.PLAIN
    assert "four_bit" in capsys.readouterr().out


class MiniCPM(Model):
    """A model with a resampler, as MiniCPM has one."""

    get_rope_index = property(doc="it has none")
    resampler = None
    config = SimpleNamespace(model_type="minicpmo")


@pytest.mark.parametrize(
    ("model", "gb", "size", "again", "parts"),
    [
        (Model, 85, 16, False, 1),
        (Model, 42.5, 16, False, 2),
        (Model, 25.4, 16, True, 1),
        (Model, 16.9, 16, True, 2),
        (Model, 12.6, 4, True, 2),
        (MiniCPM, 85, 16, False, 2),
        (MiniCPM, 85, 8, False, 1),
        (MiniCPM, 51, 8, False, 2),
        (MiniCPM, 42.5, 16, True, 1),
        (MiniCPM, 25.4, 4, True, 4),
    ],
)
def test_a_pass_is_cut_into_as_few_parts_as_its_graphs_have_room_for(gpu, model, gb, size, again, parts, capsys):
    gpu.total_memory = gb * 1e9
    way = ways.choose_way(model(), settings(50000, batch_size=size, gradient_checkpointing=again))
    assert (way.name, way.parts) == ("compiled", parts)
    said = capsys.readouterr().out
    assert said.count("\n") == (1 if parts == 1 else 2) and (f"{parts} parts of {size // parts}," in said) == (
        parts > 1
    )


@pytest.mark.parametrize(("gb", "again", "needed"), [(25.4, False, "28 GB"), (22, True, "24 GB")])
def test_where_no_graph_has_room_it_is_trained_plainly(gpu, gb, again, needed, capsys):
    gpu.total_memory = gb * 1e9
    assert ways.choose_way(MiniCPM(), settings(50000, gradient_checkpointing=again)) == ways.PLAIN
    said = capsys.readouterr().out
    assert f"{gb:.0f} GB" in said and needed in said and said.count("\n") == 1


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
