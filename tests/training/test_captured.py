"""helpers.training.captured: what a packed, captured step learns is what the plain Trainer learns."""

import math
import weakref
from contextlib import nullcontext
from dataclasses import replace
from functools import cache, partial

import pytest
import torch

from helpers.data.samples import load_jsonl
from helpers.data.synthetic.render import render_set
from helpers.models import families, lora
from helpers.models.load import load
from helpers.settings import Settings
from helpers.training.captured import CAPTURE, CapturedStep, _has_room, _size
from helpers.training.collate import collate
from helpers.training.packing import STEPS, pack, put

SETTINGS = Settings.tiny(lora_r=4)


FAMILIES = ("qwen2_vl", "glm_ocr", "minicpm_o", "minicpm_v")


def fresh(family="qwen2_vl"):
    """The tiny model in float64: little of what differs then is rounding (norms stay in float32)."""
    model, processor = load(family, SETTINGS)
    model = lora.add_lora(model, family, SETTINGS).double()
    generator = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # zero at the start: A would learn nothing
            weight.data = 0.02 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    return model, processor


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    render_set(tmp_path_factory.mktemp("data"), 6, seed=5, style="scan")
    return tuple(load_jsonl(next(tmp_path_factory.getbasetemp().glob("data*")) / "data.jsonl"))


@cache
def plain(samples, family="qwen2_vl"):
    """(loss, gradient of all LoRA weights in one vector) as the Trainer has them."""
    model, processor = fresh(family)
    loss = model(**collate(samples, processor)).loss
    loss.backward()
    return loss.item(), torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.requires_grad])


def packed(samples, spoil=lambda batch: batch, family="qwen2_vl"):
    model, processor = fresh(family)
    step = CapturedStep(model, capture=False, compiled=False)
    loss = step(spoil(pack(samples, model, processor)))
    return loss.item(), step.master.grad


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_those_of_the_plain_way(samples, family):
    (loss, gradient), (mine, found) = plain(samples, family), packed(samples, family=family)
    assert mine == pytest.approx(loss, rel=1e-6)
    assert (found - gradient).norm() <= 1e-5 * gradient.norm()


@pytest.mark.parametrize("targets", ["", r".*(language_model|llm).*\.q_proj"], ids=["all", "language"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_first_layer_takes_what_the_others_take(samples, family, targets, monkeypatch):
    """torch.compile would compile it apart: in both towers a fourth or more of the time to start."""
    row = families.FAMILIES[family]
    monkeypatch.setitem(families.FAMILIES, family, replace(row, lora_targets=targets or row.lora_targets))
    model, processor = fresh(family)
    step, taken = CapturedStep(model, capture=False, compiled=False), {}
    for layer in step.layers:
        layer.register_forward_pre_hook(
            lambda layer, given: taken.setdefault(type(layer), []).append((given[0]._is_view(), given[0].requires_grad))
        )
    step(pack(samples, model, processor))
    vision, language = [set(found) for found in taken.values()]
    assert language == {(False, True)} and vision == {(False, step.trains_vision)}
    assert step.trains_vision == (not targets)


def test_numbers_of_a_compiled_layer_are_constants(samples, monkeypatch):
    """Each would be a tensor on the CPU: inductor then builds C++ programs to try out, most of a minute."""
    taken, real = [], torch.compile

    def compiler(graph, inputs):
        taken.extend(inputs)
        return graph.forward

    monkeypatch.setattr(torch, "compile", partial(real, backend=compiler))
    model, processor = load("qwen2_vl", SETTINGS)
    step = CapturedStep(lora.add_lora(model, "qwen2_vl", SETTINGS), capture=False, compiled=True)
    step(pack(samples, model, processor))
    tensors = [given for given in taken if isinstance(given, torch.Tensor)]
    assert tensors and all(tensor.ndim for tensor in tensors)


@pytest.mark.parametrize("family", ["minicpm_o", "minicpm_v"])
def test_slices_of_a_picture_are_seen_as_in_the_plain_way(noisy_samples, family):
    model, processor = fresh(family)
    batch = pack(noisy_samples, model, processor)
    assert len(collate(noisy_samples, processor)["tgt_sizes"][0]) > 1
    assert len(batch["picture_patches"]) % STEPS["pictures"] == 0
    (loss, gradient), (mine, found) = plain(noisy_samples, family), packed(noisy_samples, family=family)
    assert mine == pytest.approx(loss, rel=1e-6)
    assert (found - gradient).norm() <= 1e-5 * gradient.norm()


MIXED = [("qwen2_vl", name) for name in ("position_ids", "starts", "patch_places", "picture_starts")] + [
    ("minicpm_o", name) for name in ("starts", "patch_places", "patch_positions", "picture_starts", "picture_patches")
]


@pytest.mark.parametrize(("family", "name"), MIXED)
def test_a_batch_that_mixes_its_rows_is_told_apart(samples, family, name):
    def spoil(batch):
        values = batch[name]
        if name.endswith("starts"):
            values = values.clone()
            values[1] = 0  # the first two rows are one
        else:
            values = torch.zeros_like(values)
        return batch | {name: values}

    gradient, (_, found) = plain(samples, family)[1], packed(samples, spoil, family)
    assert (found - gradient).norm() > 1e-3 * gradient.norm()


def test_sizes_are_few(samples):
    model, processor = fresh()
    for chosen in (samples, samples[:2]):
        batch = pack(chosen, model, processor)
        assert len(batch["input_ids"]) % STEPS["tokens"] == 0
        assert len(batch["pixel_values"]) % STEPS["patches"] == 0
        assert len(batch["labels"]) % STEPS["answers"] == 0
        assert batch["count"] == (batch["labels"] >= 0).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_batch_put_where_a_larger_one_was_learns_the_same(samples, family):
    model, processor = fresh(family)
    batch, inputs = (pack(some, model, processor) for some in (samples, samples * 4))
    assert len(inputs["starts"]) > len(batch["starts"]) and len(inputs["input_ids"]) > len(batch["input_ids"])
    put(batch, inputs)
    step = CapturedStep(model, capture=False, compiled=False)
    (loss, gradient), mine = plain(samples, family), step(inputs)
    assert mine.item() == pytest.approx(loss, rel=1e-6)
    assert (step.master.grad - gradient).norm() <= 1e-5 * gradient.norm()


def test_gradients_add_up_until_the_optimizer_has_stepped(samples):
    model, processor = fresh()
    step = CapturedStep(model, capture=False, compiled=False)
    halves = [pack(part, model, processor) for part in (samples[:3], samples[3:])]
    count = sum(batch["count"] for batch in halves)
    losses = [step(batch | {"count": count}) for batch in halves]
    loss, gradient = plain(samples)
    assert sum(losses).item() == pytest.approx(loss, rel=1e-6)
    assert (step.master.grad - gradient).norm() <= 1e-5 * gradient.norm()
    step.refresh()
    assert not step.master.grad.any()


def test_weights_are_saved_as_the_optimizer_holds_them(samples):
    model, processor = fresh()
    step = CapturedStep(model, capture=False, compiled=False)
    step.master.data += 1
    assert not torch.equal(step.working, step.master)
    step.refresh()
    assert torch.equal(step.working, step.master)
    step.point_to(step.master)
    first = next(weight for weight in model.parameters() if weight.requires_grad)
    step.master.data.zero_()
    assert not first.any()


def test_a_capture_that_fails_is_said_once_and_what_is_learnt_stays(samples, monkeypatch, capsys):
    def no_memory(step, batch):
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")

    monkeypatch.setattr(CapturedStep, "_captured", no_memory)
    loss, gradient = plain(samples)
    model, processor = fresh()
    step = CapturedStep(model, capture=True, compiled=True)
    batch = pack(samples, model, processor)
    assert step(batch).item() == pytest.approx(loss, rel=1e-6)  # nothing compiled is left: that may have failed
    assert (step.master.grad - gradient).norm() <= 1e-5 * gradient.norm()
    step(batch)
    said = capsys.readouterr().out
    assert said.count("2.00 GiB") == 1 and "more" not in said
    assert all(layer._compiled_call_impl is None for layer in step.layers)


def test_what_a_failed_capture_had_in_memory_is_free_before_training_goes_on(samples, monkeypatch):
    model, processor = fresh()
    step, held, alive = CapturedStep(model, capture=True, compiled=False), [], []

    def no_memory(step, batch):
        activations = torch.zeros(10)
        held.append(weakref.ref(activations))
        raise RuntimeError("CUDA out of memory.")

    both = CapturedStep._both
    monkeypatch.setattr(CapturedStep, "_captured", no_memory)
    monkeypatch.setattr(CapturedStep, "_both", lambda *args: (alive.append(held[0]()), both(*args))[1])
    step(pack(samples, model, processor))
    assert alive == [None]


class Graph:
    """A CUDA graph as a CPU can have it: a replay runs again the step that was run last."""

    spoil = 1.0

    def replay(self):
        Graph.run()
        Graph.step.gradient.mul_(Graph.spoil)

    def pool(self):
        return "pool"


@pytest.fixture
def pretended_gpu(monkeypatch):
    """``torch.cuda`` for a capture, on a CPU: the streams do nothing, a replay runs the step again."""
    both = CapturedStep._both

    def remembered(step, batch):
        Graph.step, Graph.run = step, partial(both, step, batch)
        return Graph.run()

    stream = type("Stream", (), {"wait_stream": lambda stream, other: None})
    for name, value in {
        "Stream": stream,
        "current_stream": stream,
        "stream": nullcontext,
        "graph": lambda graph, pool, capture_error_mode: nullcontext(),
        "CUDAGraph": Graph,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(CapturedStep, "_both", remembered)


@pytest.mark.parametrize("spoil", [1.0, 1.2])
def test_a_graph_whose_gradients_are_wrong_is_not_used(samples, spoil, pretended_gpu, monkeypatch, capsys):
    monkeypatch.setattr(Graph, "spoil", spoil)
    model, processor = fresh()
    step = CapturedStep(model, capture=True, compiled=False)
    step(pack(samples, model, processor))
    assert step.capture is (spoil == 1.0) and len(step.graphs) == (spoil == 1.0)
    assert ("not those of the step" in capsys.readouterr().out) is (spoil != 1.0)
    gradient = plain(samples)[1]
    assert (step.master.grad - gradient).norm() <= 1e-5 * gradient.norm()


def test_a_smaller_batch_runs_in_the_graph_of_a_larger_one_until_its_own_pays(samples, pretended_gpu):
    model, processor = fresh()
    step, gradient, made = CapturedStep(model, capture=True, compiled=False), plain(samples)[1], []
    step._captured = lambda batch: made.append(_size(batch)) or CapturedStep._captured(step, batch)
    large, small = pack(samples * 4, model, processor), pack(samples, model, processor)
    step(large)
    waste, uses = step._work(_size(large)) / step._work(_size(small)) - 1, 0
    while len(step.graphs) == 1:
        step.master.grad.zero_()
        step(small)
        uses += 1
        assert (step.master.grad - gradient).norm() <= 1e-5 * gradient.norm()
    assert uses == math.ceil(CAPTURE / waste) > 1
    step(small)
    step(large)
    assert made == [_size(large), _size(small)]


@pytest.mark.parametrize(("error", "left"), [(torch.OutOfMemoryError, 1), (RuntimeError, 0)])
def test_without_memory_for_one_more_graph_the_larger_one_is_used(samples, error, left, pretended_gpu, capsys):
    """Whatever else fails in a capture, no graph is trusted any more."""
    model, processor = fresh()
    step, gradient, tried = CapturedStep(model, capture=True, compiled=False), plain(samples)[1], []
    large, small = pack(samples * 4, model, processor), pack(samples, model, processor)
    step(large)

    def fails(batch):
        tried.append(batch)
        raise error("CUDA out of memory. Tried to allocate 2.00 GiB.")

    step._captured = fails
    for _ in range(4):
        step.master.grad.zero_()
        step(small)
        assert (step.master.grad - gradient).norm() <= 1e-5 * gradient.norm()
    assert len(step.graphs) == left and len(tried) == 1
    assert capsys.readouterr().out.count("2.00 GiB") == 1
    step(pack(samples * 6, model, processor))  # larger than all
    assert not step.capture


def test_what_is_left_over_of_a_graph_is_not_longer_than_a_row_may_be():
    size = (512, 1024, 256, 8, 8)
    assert _has_room(size, size) and _has_room((2304, *size[1:]), size) and _has_room((512, 8192, 256, 8, 8), size)
    assert not _has_room((2560, *size[1:]), size) and not _has_room((512, 17408, 256, 8, 8), size)
    assert not _has_room((512, 1024, 256, 7, 8), size)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_is_given_back_as_it_was(samples, family):
    model, processor = fresh(family)
    batch = collate(samples, processor)
    with torch.no_grad():
        before, wrapped = model(**batch).loss, CapturedStep(model, capture=False, compiled=False)
        wrapped.close()
        assert torch.equal(model(**batch).loss, before)
    assert all(weight.data_ptr() != wrapped.working.data_ptr() for weight in wrapped.weights)
