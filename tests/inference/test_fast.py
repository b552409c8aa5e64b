"""helpers.inference.fast: the same answers as plain batches, in order, and the model unchanged; when it is chosen."""

import importlib

import pytest
import torch
from PIL import Image, ImageOps

from helpers.data.synthetic import papers
from helpers.data.synthetic.render import render_set
from helpers.inference import fast
from helpers.inference.decoder import Decoder
from helpers.inference.predict import predict
from helpers.models import lora
from helpers.models.inputs import PROMPT
from helpers.models.load import load
from helpers.settings import Settings

reader = importlib.import_module("helpers.inference.predict")
SETTINGS = Settings.tiny(max_new_tokens=40)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    made = render_set(tmp_path_factory.mktemp("set"), 5, seed=5, part="test")
    for index, sample in enumerate(made):
        page = Image.open(sample.file)
        ImageOps.expand(page, (0, 0, index % 3 * papers.GRID, 0), 255).save(sample.file)
    return made


@pytest.fixture(scope="module", params=["qwen2_vl", "glm_ocr"])
def loaded(request):
    return load(request.param, SETTINGS)


@pytest.fixture(scope="module")
def answers(loaded, samples):
    return predict(*loaded, samples, SETTINGS)


@pytest.fixture
def always(monkeypatch):
    """The fast way on a CPU, too, three pictures at a time."""
    monkeypatch.setattr(fast, "pays", lambda *_: True)
    monkeypatch.setattr(fast, "room", lambda *_: 3)


def test_answers_are_those_of_plain_batches_in_order(loaded, samples, answers, always, monkeypatch, capsys):
    monkeypatch.setattr(loaded[0], "generate", lambda **_: pytest.fail("the plain way"))
    assert predict(*loaded, samples, SETTINGS) == answers and len(set(answers)) > 2
    assert "CUDA graphs" in capsys.readouterr().out


def test_with_an_adapter_answers_are_the_same_and_no_bit_of_the_model_changes(samples, answers, always, monkeypatch):
    model, processor = load("qwen2_vl", SETTINGS)
    tuned = lora.add_lora(model, "qwen2_vl", SETTINGS)
    torch.manual_seed(0)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.1)
    before = {name: (value.data_ptr(), value.clone()) for name, value in tuned.state_dict().items()}
    found = predict(tuned, processor, samples, SETTINGS)
    after = tuned.state_dict()
    assert before.keys() == after.keys()
    assert all(after[n].data_ptr() == where and torch.equal(after[n], value) for n, (where, value) in before.items())
    monkeypatch.setattr(fast, "pays", lambda *_: False)
    assert predict(tuned, processor, samples, SETTINGS) == found != answers


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no room\nmore"), RuntimeError("no room")])
def test_what_fails_is_read_plainly_and_said_in_one_line(samples, always, monkeypatch, capsys, error):
    model, processor = load("qwen2_vl", SETTINGS)
    wanted = reader._batched(lambda chosen: reader._read(model, processor, SETTINGS, PROMPT, chosen), samples, 50)
    whole = Decoder.__call__
    calls = []

    def fails(self, batch):
        calls.append(1)
        if len(calls) == 2:
            raise error
        return whole(self, batch)

    monkeypatch.setattr(Decoder, "__call__", fails)
    assert predict(model, processor, samples, SETTINGS) == wanted
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "(no room)" in lines[1] and "the 2 pictures left" in lines[1]


def test_a_prompt_with_a_special_token_is_refused_before_anything_is_read(loaded, samples, always):
    with pytest.raises(ValueError, match="<\\|image_pad\\|>|<\\|image\\|>"):
        predict(*loaded, samples, SETTINGS, prompt="read <|image_pad|><|image|>")


def test_a_cpu_few_pictures_and_other_families_take_the_plain_way():
    class OnGPU(torch.nn.Module):
        device = torch.device("cuda")

    assert not fast.pays(load("qwen2_vl", SETTINGS)[0], 10**6)
    assert not fast.fits(OnGPU())
    assert fast.factor(10) < 1 < fast.factor(10_000)


@pytest.mark.parametrize("told, wanted", [({}, True), ({"repetition_penalty": 1.0}, True), ({"num_beams": 4}, False)])
def test_only_greedy_decoding_is_done_this_way(monkeypatch, told, wanted):
    model, _ = load("qwen2_vl", SETTINGS)
    model.generation_config.update(do_sample=True, temperature=0.1, **told)
    assert fast.fits(model) is wanted
