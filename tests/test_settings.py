"""helpers.settings: the two modes, what they choose, and what they refuse."""

import subprocess
import sys
import types
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from helpers.paths import ROOT
from helpers.settings import Settings


@pytest.fixture
def machine(monkeypatch):
    """Make Settings.real() believe in a machine: machine("cuda", 80)."""

    def pretend(device, memory_gb):
        card = types.SimpleNamespace(total_memory=memory_gb * 1e9, name="Pretend 1")
        monkeypatch.setattr("torch.cuda.is_available", lambda: device == "cuda")
        monkeypatch.setattr("torch.cuda.get_device_properties", lambda index: card)
        monkeypatch.setattr("torch.backends.mps.is_available", lambda: device == "mps")
        monkeypatch.delenv("HF_ENDPOINT", raising=False)

    return pretend


def test_tiny_is_cpu_float32_and_local():
    tiny = Settings.tiny()
    assert (tiny.mode, tiny.device, tiny.dtype, tiny.hub) == ("tiny", "cpu", "float32", "local")


def test_tiny_never_imports_torch():
    code = (
        "import sys; from helpers.settings import Settings; print(Settings.tiny()); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_overrides_are_taken_and_marked():
    mine = Settings.tiny(epochs=3, output_dir="elsewhere")
    assert mine.epochs == 3 and mine.output_dir == Path("elsewhere")
    assert mine.reasons["epochs"] == "your choice" and mine.reasons["lora_r"] != "your choice"


def test_unknown_setting_is_named_with_the_allowed_ones():
    with pytest.raises(TypeError, match="no such setting: epoch. Settings are: .*epochs"):
        Settings.tiny(epoch=3)


def test_mode_is_chosen_by_the_constructor_only():
    with pytest.raises(TypeError, match="mode"):
        Settings.tiny(mode="real")


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub": "github"},
        {"device": "gpu"},
        {"dtype": "float16"},
        {"tracker": "wandb"},
        {"epochs": 0},
        {"epochs": 1.5},
        {"batch_size": True},
        {"seed": -1},
        {"learning_rate": 0},
        {"learning_rate": 3},
    ],
)
def test_impossible_values_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings.tiny(**wrong)


def test_a_missing_gpu_is_said(machine):
    machine("cpu", 0)
    with pytest.raises(ValueError, match="PyTorch sees no such device"):
        Settings.tiny(device="cuda")


def test_real_on_a_large_gpu_keeps_what_the_layers_made(machine):
    machine("cuda", 80)
    real = Settings.real()
    assert (real.device, real.dtype) == ("cuda", "bfloat16")
    assert (real.batch_size, real.gradient_accumulation) == (16, 1) and real.reasons["device"] == "Pretend 1"


CARDS = [(6, 4, True), (8, 1, True), (16, 16, True), (24, 4, True), (32, 16, True), (48, 8, False), (80, 16, False)]


@pytest.mark.parametrize("memory_gb, batch, checkpointing", CARDS)
def test_real_takes_the_fastest_step_that_has_room_and_keeps_the_effective_batch(
    machine, memory_gb, batch, checkpointing
):
    machine("cuda", memory_gb)
    real = Settings.real()
    assert (real.batch_size, real.gradient_checkpointing) == (batch, checkpointing)
    assert real.batch_size * real.gradient_accumulation == 16
    assert f"{memory_gb} GB of GPU memory" in real.reasons["gradient_checkpointing"]
    assert Settings.real(gradient_checkpointing=not checkpointing).gradient_checkpointing is not checkpointing


@pytest.mark.parametrize(("memory_gb", "model"), [(24, "MiniCPM-o"), (16, "Qwen2-VL"), (8, "Qwen2-VL"), (6, "GLM-OCR")])
def test_real_plans_for_the_largest_model_that_the_gpu_can_train(machine, memory_gb, model):
    machine("cuda", memory_gb)
    assert model in Settings.real().reasons["batch_size"]


def test_real_plans_with_what_is_given(machine):
    machine("cuda", 24)
    assert (Settings.real(family="qwen2_vl").batch_size, Settings.real(four_bit=True).batch_size) == (16, 16)
    own = Settings.real(batch_size=2, family="glm_ocr")
    assert (own.batch_size, own.gradient_accumulation, own.gradient_checkpointing) == (2, 8, False)
    machine("cuda", 80)
    assert Settings.real(batch_size=32, family="minicpm_o").gradient_checkpointing
    assert Settings.real(family="qwen2_vl").batch_size == 16


@pytest.mark.parametrize("installed", [True, False])
def test_real_takes_4_bits_where_the_weights_would_fill_the_gpu(machine, installed, monkeypatch):
    monkeypatch.setattr(import_module("helpers.models.plan"), "find_spec", lambda name: installed or None)
    machine("cuda", 16)
    real = Settings.real(family="minicpm_o")
    assert real.four_bit is installed
    assert (real.batch_size, real.gradient_accumulation) == ((4, 4) if installed else (1, 16))
    assert ("too little" in real.reasons["batch_size"]) is not installed
    assert "16 GB" in real.reasons["four_bit"] if installed else "QLoRA" in real.reasons["four_bit"]
    assert not Settings.real(family="minicpm_o", four_bit=False).four_bit
    assert not Settings.real(family="qwen2_vl").four_bit and not Settings.real().four_bit
    machine("cuda", 24)
    assert not Settings.real(family="minicpm_o").four_bit
    machine("cuda", 8)
    assert not Settings.real(family="minicpm_o").four_bit  # no room so either


def test_real_says_that_a_gpu_is_too_small(machine):
    machine("cuda", 2)
    real = Settings.real()
    assert (real.batch_size, real.gradient_checkpointing) == (1, True)
    assert "too little" in real.reasons["batch_size"]
    with pytest.raises(KeyError, match="no_such"):
        Settings.real(family="no_such")


def test_memory_of_a_gpu_counts_only_for_the_gpu(machine):
    machine("cuda", 80)
    real = Settings.real(device="cpu")
    assert (real.batch_size, real.gradient_checkpointing) == (4, True)


def test_four_bit_without_cuda_is_refused_by_name():
    with pytest.raises(ValueError, match="four_bit=True needs a CUDA GPU"):
        Settings.tiny(four_bit=True)


def test_real_without_a_gpu_is_float32(machine):
    machine("cpu", 0)
    assert (Settings.real().device, Settings.real().dtype) == ("cpu", "float32")


def test_real_on_a_mac_is_float32_on_mps(machine):
    machine("mps", 0)
    assert (Settings.real().device, Settings.real().dtype) == ("mps", "float32")


def test_hub_follows_the_environment(machine, monkeypatch, tmp_path):
    machine("cpu", 0)
    assert Settings.real().hub == "modelscope"
    monkeypatch.setenv("HF_ENDPOINT", "https://user:word@mirror.example/path")
    assert Settings.real().hub == "huggingface"
    assert "mirror.example" in str(Settings.real()) and "word" not in str(Settings.real())
    assert Settings.real(models_dir=tmp_path).hub == "local"


def test_local_hub_needs_a_folder_that_exists(machine, tmp_path):
    machine("cpu", 0)
    with pytest.raises(ValueError, match="needs models_dir"):
        Settings.real(hub="local")
    with pytest.raises(ValueError, match="there is no folder 'nowhere'"):
        Settings.real(models_dir=tmp_path / "nowhere")


def test_steps_count_optimizer_steps():
    assert Settings.tiny(train_samples=100, batch_size=8, epochs=2).steps == 26
    assert Settings.tiny(train_samples=100, batch_size=8, gradient_accumulation=4, epochs=2).steps == 8


def test_print_gives_each_choice_with_a_reason():
    lines = str(Settings.tiny()).splitlines()
    device = next(line for line in lines if line.startswith("device"))
    assert device.split()[1] == "cpu" and "GPU" in device
    assert all(len(line.split()) > 2 for line in lines)


def test_print_has_no_machine_path():
    assert str(ROOT) not in str(Settings.tiny()) and str(Path.home()) not in str(Settings.tiny())


def test_printed_settings_name_device_dtype_model_hub_and_steps():
    printed = {line.split()[0]: line.split()[1:] for line in str(Settings.tiny()).splitlines()}
    assert all(len(printed[name]) > 1 for name in ("device", "dtype", "model", "hub", "steps"))
    assert printed["model"][0] == "tiny"


WRONG = (-1, 0, 0.5, float("nan"), float("inf"), "8", "", None, True, 10**30, [8], b"8", 1j)


@pytest.mark.parametrize("make", [Settings.tiny, Settings.real])
@pytest.mark.parametrize("name", [f.name for f in fields(Settings) if f.name != "reasons" and f.name != "mode"])
def test_what_a_setting_cannot_be_is_refused_by_its_name(make, name, machine):
    machine("cpu", 0)
    right = {
        "seed": (0,), "learning_rate": (0.5,), "models_dir": (None,), "output_dir": ("8", "no/such"),
        "four_bit": (True,), "gradient_checkpointing": (True,),
    }.get(name, ())  # fmt: skip
    for value in (*WRONG, "no/such", "\0"):
        if any(value == other and type(value) is type(other) for other in right):
            continue
        with pytest.raises(ValueError) as caught:
            make(**{name: value})
            pytest.fail(f"{name}={value!r} was taken")
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_an_endpoint_that_is_no_address_is_no_traceback(machine, monkeypatch):
    machine("cpu", 0)
    monkeypatch.setenv("HF_ENDPOINT", "http://me:hidden@[")
    assert "hidden" not in str(Settings.real())
