"""MiniCPM on the lessons' path: load, collate, LoRA, train, predict. Weights are random: how it reads is not asked."""

import importlib.util
import shutil
from dataclasses import replace

import numpy as np
import pictures
import pytest
import torch
from safetensors import torch as safetensors

from helpers.data.images import read_picture
from helpers.inference.predict import predict
from helpers.models import families, lora
from helpers.models.inputs import conversation, encode_prompts, image_tokens
from helpers.models.load import four_bit_config, load, load_processor
from helpers.pretraining.families import TINY_FAMILIES
from helpers.settings import Settings
from helpers.training.collate import IGNORE, collate
from helpers.training.trainer import train

FAMILIES = {"minicpm_o": ("MiniCPMO", "MiniCPM-o-2_6"), "minicpm_v": ("MiniCPMV", "MiniCPM-V-4_5")}
ANSWERS = [
    r"\frac { \alpha } { 2 } = \sum _ { i } ^ { n } x _ { i }",
    "x",
    "公式 \\\\ 一\n二 ",
    "C1=CC=CC=C1",
]
SIZES = [(252, 56), (84, 56), (300, 280), (56, 140)]  # the third is cut into tiles


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a checkpoint of each family, laid out as ``hub="local"`` wants it."""
    folder = tmp_path_factory.mktemp("models")
    for family, (_, name) in FAMILIES.items():
        processor = load_processor(family, Settings.tiny())
        model = TINY_FAMILIES[family].make_model(processor)
        with torch.no_grad():
            for weight in model.parameters():  # large enough that pictures change the answer
                weight.add_(torch.randn_like(weight) * 0.05)
        model.save_pretrained(folder / name)
        processor.save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="module")
def settings(folder):
    chosen = {"device": "cpu", "dtype": "float32", "lora_r": 4, "epochs": 3, "batch_size": 2, "max_new_tokens": 6}
    return Settings.real(models_dir=folder, learning_rate=2e-3, gradient_accumulation=1, **chosen)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def loaded(family, settings):
    return load(family, settings)


@pytest.fixture(scope="module")
def processor(loaded):
    return loaded[1]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return pictures.noise_samples(tmp_path_factory.mktemp("pictures"), ANSWERS, SIZES)


def stirred(tuned):
    """The model with LoRA matrices that do something."""
    torch.manual_seed(0)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.2)
    return tuned


# --- loading and batches --------------------------------------------------------------------------


def test_family_loads_from_a_folder_ready_to_read(family, loaded):
    model, processor = loaded
    assert type(model).__name__ == FAMILIES[family][0] and not model.training and str(model.dtype) == "torch.float32"
    assert type(processor).__name__ == FAMILIES[family][0] + "Processor"


def test_image_tokens_are_those_in_the_text(processor, samples):
    count, inputs = image_tokens(processor), encode_prompts(samples, processor)
    places = (inputs["input_ids"] == processor.tokenizer.unk_token_id).sum(1).tolist()
    assert [count(*size) for size in SIZES] == places and len(set(places)) > 1


def test_trained_positions_are_the_answer_and_its_end(processor, samples):
    batch = collate(samples, processor)
    for answer, labels in zip(ANSWERS, batch["labels"], strict=True):
        assert processor.tokenizer.decode(labels[labels != IGNORE]) == answer + "<|im_end|>"
    kept = batch["input_ids"][:, -batch["logits_to_keep"] :]
    assert (kept[batch["labels"] != IGNORE] == batch["labels"][batch["labels"] != IGNORE]).all()


def test_question_in_training_is_the_one_that_is_asked_later(processor, samples):
    batch, asked = collate(samples, processor, "公式?"), encode_prompts(samples, processor, "公式?")
    for row, sample in enumerate(samples):
        trained = batch["input_ids"][row][batch["attention_mask"][row].bool()].tolist()
        question = asked["input_ids"][row][asked["attention_mask"][row].bool()].tolist()
        talk = [{"role": "user", "content": [read_picture(sample.file), "公式?"]}]  # as model.chat takes it
        chat = processor.apply_chat_template(talk, tokenize=True, add_generation_prompt=True)["input_ids"][0]
        assert trained[: len(question)] == question == chat.tolist()
        assert "<image_id>0</image_id><image>" in processor.tokenizer.decode(question)


def test_minicpm_v_is_asked_to_answer_at_once(processor):
    template = "{{ messages[0].content }}{% if enable_thinking is defined and not enable_thinking %}<now>{% endif %}"
    processor.chat_template, before = template, processor.chat_template
    assert conversation(processor, "?").endswith("?<now>")
    processor.chat_template = before


def test_neighbours_and_padding_do_not_change_the_loss(loaded, samples):
    def sums(chosen):
        batch = collate(chosen, loaded[1])
        count = (batch["labels"] != IGNORE).sum().item()
        with torch.inference_mode():
            return np.array([loaded[0](**batch).loss.item() * count, count])

    assert sums(samples) == pytest.approx(sum(sums([sample]) for sample in samples), rel=1e-4)


def test_row_too_long_is_named_and_not_cut(processor, samples):
    with pytest.raises(ValueError, match=r"^2.png: \d+ \+ \d+ tokens are more than 200 -> shorten"):
        collate(samples, processor, max_length=200)


def test_wrong_number_of_picture_places_is_named(processor, samples, monkeypatch):
    images = processor.image_processor
    whole = images.get_slice_image_placeholder
    monkeypatch.setattr(images, "get_slice_image_placeholder", lambda *given: whole(*given).replace("<unk>", "", 1))
    with pytest.raises(ValueError, match=r"^0.png: 31 image tokens in the text for 32 from the picture"):
        encode_prompts(samples[:2], processor)


# --- LoRA -----------------------------------------------------------------------------------------


def test_lora_touches_language_vision_and_resampler_and_all_of_it_learns(family, settings, samples):
    model, processor = load(family, settings)
    model = lora.add_lora(model, family, settings).train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model(**collate(samples, processor)).loss.backward()
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert all(".lora_A." in name or ".lora_B." in name for name in trained)
    parts = {name.removeprefix("base_model.model.").split(".")[0] for name in trained}
    assert parts == {"llm", "vpm", "resampler"} and len(trained) == 2 * (5 * 7 + 5 * 6 + 2)
    assert all(weight.grad.abs().max() > 0 for name, weight in trained.items() if "lora_B" in name)


def test_resampler_is_trained_whole_and_saved_if_asked_for(family, settings, samples, tmp_path):
    from peft import PeftModel

    model, processor = load(family, settings)
    tuned = lora.add_lora(model, family, settings, modules_to_save=["resampler"])
    bare = next(weight for name, weight in tuned.named_parameters() if name.endswith("default.attn.in_proj_weight"))
    assert bare.requires_grad
    bare.data.normal_(0, 0.5)
    expected = predict(tuned, processor, samples, settings)
    lora.save_adapter(tuned, processor, tmp_path / "adapter")
    base = load(family, settings)[0]
    assert predict(base, processor, samples, settings) != expected
    again = PeftModel.from_pretrained(base, tmp_path / "adapter")
    assert predict(again, processor, samples, settings) == expected
    assert predict(again.merge_and_unload(), processor, samples, settings) == expected


# --- answers --------------------------------------------------------------------------------------


def test_answers_come_in_order_whatever_the_batch_and_as_chat_gives_them(loaded, settings, samples):
    model, processor = loaded
    answers = predict(model, processor, samples, settings, "?")
    assert len(set(answers)) > 1
    assert predict(model, processor, samples[::-1], settings, "?", batch_size=1) == answers[::-1]
    talks = [[{"role": "user", "content": [read_picture(sample.file), "?"]}] for sample in samples]
    assert model.chat(talks, processor=processor, max_new_tokens=6) == answers


def test_adapter_reloads_and_merges_to_the_same_answers(family, settings, samples, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    base, processor = load(family, settings)
    before = predict(base, processor, samples, settings)
    tuned = stirred(lora.add_lora(base, family, settings))
    after = predict(tuned, processor, samples, settings)
    lora.save_adapter(tuned, processor, tmp_path / "adapter")
    again = PeftModel.from_pretrained(load(family, settings)[0], tmp_path / "adapter")
    assert predict(again, AutoProcessor.from_pretrained(tmp_path / "adapter"), samples, settings) == after
    tuned.merge_and_unload().save_pretrained(tmp_path / "merged")
    merged = AutoModelForImageTextToText.from_pretrained(tmp_path / "merged")
    assert predict(merged, processor, samples, settings) == after != before


# --- training -------------------------------------------------------------------------------------


def keep(folder, step, target):
    """A callback that copies ``folder`` as a process killed after ``step`` steps would leave it."""
    from transformers import TrainerCallback

    class Keeper(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == step:
                shutil.copytree(folder, target)

    return Keeper()


def run(settings, samples, folder, callbacks=()):
    model, processor = load("minicpm_o", settings)
    model = lora.add_lora(model, "minicpm_o", settings)
    done = train(model, processor, samples, settings, folder, callbacks)
    return done, (folder / "adapter" / "adapter_model.safetensors").read_bytes()


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "checkpointing"])
def whole(request, settings, samples, tmp_path_factory):
    """Settings with or without gradient checkpointing, ``Run`` and adapter of a run, and its folder after 4 steps."""
    chosen, folder = replace(settings, gradient_checkpointing=request.param), tmp_path_factory.mktemp("whole")
    stopped = folder / "stopped"
    return chosen, *run(chosen, samples, folder / "run", [keep(folder / "run", 4, stopped)]), stopped


def test_stopped_run_goes_on_to_the_very_same_weights(whole, samples, capsys):
    settings, _, weights, stopped = whole
    assert not (stopped / "adapter").exists()
    assert run(settings, samples, stopped)[1] == weights
    assert "resuming from checkpoint-" in capsys.readouterr().out


def test_training_learns_in_all_parts(whole):
    _, done, weights, _ = whole
    losses = [loss for _, loss in done.history]
    assert len(losses) == 6 and sum(losses[-2:]) < sum(losses[:2])
    learned = {
        name.split(".")[2] for name, weight in safetensors.load(weights).items() if "lora_B" in name and weight.any()
    }
    assert learned == {"llm", "vpm", "resampler"}


# --- four bits ------------------------------------------------------------------------------------


def test_four_bits_need_a_cuda_gpu():
    with pytest.raises(ValueError, match="four_bit=True needs a CUDA GPU, device is 'cpu'"):
        Settings.real(device="cpu", four_bit=True)


def test_four_bits_need_bitsandbytes(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="four_bit=True needs bitsandbytes -> pip install"):
        four_bit_config("llm.model.layers")


@pytest.mark.parametrize("name", families.FAMILIES)
def test_only_the_layers_of_the_language_model_get_four_bits(name, monkeypatch):
    from transformers.quantizers.quantizers_utils import should_convert_module

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    config = four_bit_config(families.FAMILIES[name].language)
    model = TINY_FAMILIES[name].make_model(load_processor(name, Settings.tiny()))
    linear = [part for part, module in model.named_modules() if type(module) is torch.nn.Linear]
    chosen = [part for part in linear if should_convert_module(part, config.llm_int8_skip_modules)]
    layers = [part for part in linear if "layers" in part and ("llm." in part or "language_model" in part)]
    assert chosen == layers and 0 < len(chosen) < len(linear)
