"""What only a CUDA GPU shows, with the shipped models: there too, all ways to read and to train come to the same.

Left out where no GPU is; `python -m pytest tests/test_on_gpu.py` takes two minutes on one.
"""

import re

import pytest
import torch
from accelerate.utils import send_to_device

from helpers.data.synthetic.render import render_set
from helpers.inference import fast
from helpers.inference.predict import predict
from helpers.models import lora
from helpers.models.inputs import PROMPT
from helpers.models.load import load
from helpers.settings import Settings
from helpers.training import trainer
from helpers.training.captured import CapturedStep
from helpers.training.collate import collate
from helpers.training.packing import pack
from helpers.training.ways import WAYS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
FIRST = re.compile(r"(visual\.blocks|vpm\.encoder\.layers)\.[01]\.")
FAMILIES = ("qwen2_vl", "glm_ocr", "minicpm_o", "minicpm_v")


def on_gpu(**chosen):
    return Settings.tiny(**{"device": "cuda", "dtype": "bfloat16"} | chosen)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return render_set(tmp_path_factory.mktemp("samples"), 96, seed=5, style="scan")


def fresh(family):
    model, processor = load(family, on_gpu())
    model = lora.add_lora(model, family, on_gpu()).train()
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # zero at the start: A would have no gradient
            torch.nn.init.normal_(weight, std=0.02)
    return model, processor


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("family", ["qwen2_vl", "glm_ocr"])
def test_many_pictures_are_read_as_few_are(samples, family, dtype, capsys, monkeypatch):
    settings = on_gpu(dtype=dtype)
    model, processor = load(family, settings)
    found = fast.read(model, processor, samples, settings, PROMPT, rows=32)
    assert len(found) == len(samples), capsys.readouterr().out
    monkeypatch.setattr(fast, "pays", lambda *_: False)
    plain = predict(model, processor, samples, settings)
    same = sum(found[index] == answer for index, answer in enumerate(plain))
    assert same >= (1.0 if dtype == "float32" else 0.9) * len(samples)


def sure(model, gradients):
    """Those of ``gradients`` that bfloat16 has right, in one vector. In the first two layers of the tiny towers it has
    not: there the plain way's own gradient was up to twice its length from float32's (H200)."""
    names = [name for name, weight in model.named_parameters() if weight.requires_grad]
    pairs = zip(names, gradients, strict=True)
    return torch.cat([gradient.flatten() for name, gradient in pairs if not FIRST.search(name)])


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_the_plain_way(samples, family, way):
    model, processor = fresh(family)
    with torch.autocast("cuda", torch.bfloat16):
        loss = model(**send_to_device(collate(samples[:16], processor), "cuda")).loss
    loss.backward()
    right = sure(model, [weight.grad for weight in model.parameters() if weight.requires_grad])
    model, processor = fresh(family)
    step, row = CapturedStep(model, way.capture, way.compiled), pack(samples[:16], model, processor)
    for _ in range(3):
        step.master.grad.zero_()
        assert step(row).item() == pytest.approx(loss.item(), rel=0.02)
        assert (sure(model, step._views(step.master.grad)) - right).norm() <= 0.1 * right.norm()
    assert len(step.graphs) == way.capture


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_stopped_run_goes_on_to_the_same_weights(samples, way, tmp_path, monkeypatch):
    from safetensors.torch import load_file
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 8:
                raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "choose_way", lambda *_: way)
    settings = on_gpu()

    def train(folder, callbacks=()):
        model, processor = load("qwen2_vl", settings)
        model = lora.add_lora(model, "qwen2_vl", settings)
        trainer.train(model, processor, samples, settings, tmp_path / folder, callbacks)
        return load_file(tmp_path / folder / "adapter" / "adapter_model.safetensors")

    whole = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("stopped", [Stop()])
    again = train("stopped")
    assert all(torch.equal(again[name], weight) for name, weight in whole.items())


@pytest.mark.parametrize("memory", [True, False], ids=["no memory", "another fault"])
@pytest.mark.parametrize("way", WAYS[1:], ids=lambda way: way.name)
def test_a_capture_that_fails_changes_no_gradient(samples, way, memory, monkeypatch, capsys):
    model, processor = fresh("qwen2_vl")
    step = CapturedStep(model, way.capture, way.compiled)
    large, small = pack(samples[:64], model, processor), pack(samples[:48], model, processor)
    step(large)
    real, calls = CapturedStep._both, []

    def both(self, batch):
        calls.append(torch.cuda.is_current_stream_capturing())
        if calls[-1] and memory:
            raise torch.OutOfMemoryError("pretended")
        if calls[-1]:
            torch.zeros(1, device="cuda").item()  # nobody may wait in a capture
        return real(self, batch)

    step.master.grad.zero_()
    step(small)
    right = step.master.grad.clone()
    monkeypatch.setattr(CapturedStep, "_both", both)
    for _ in range(60):  # until a graph of its own pays
        step.master.grad.zero_()
        step(small)
        assert (step.master.grad - right).norm() <= 0.1 * right.norm()
    assert sum(calls) == 1 and len(step.graphs) == memory == step.capture
    assert len(capsys.readouterr().out.splitlines()) == 1
    torch.manual_seed(3)
    assert torch.rand(2, device="cuda").min() > 0  # random numbers, which a capture holds, can be drawn
