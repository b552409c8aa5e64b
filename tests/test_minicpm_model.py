"""helpers.minicpm.modeling: one answer however it is asked for, gradients, saving and loading, refusals."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from helpers import tiny_minicpm
from helpers.minicpm import MiniCPMO, MiniCPMOConfig, MiniCPMVConfig
from helpers.minicpm.vision import Resampler, VisionTower, inside

RNG = np.random.default_rng(5)


def noise(width, height):
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


SMALL, WIDE, LARGE = noise(60, 40), noise(250, 30), noise(300, 200)
SOUND, CLIP = (RNG.standard_normal(size).astype(np.float32) * 0.1 for size in (20_000, 3_000))
QUESTIONS = ["<image> what?", "both <image> and <image> with <audio> please", "no picture", "<audio> and <image>"]
PICTURES, SOUNDS = [[SMALL], [LARGE, WIDE], [], [WIDE]], [[], [SOUND], [], [CLIP]]


@pytest.fixture(scope="module")
def processor():
    return tiny_minicpm.minicpm_o_processor()


@pytest.fixture(scope="module")
def model(processor):
    """Weights large enough that every part changes the logits."""
    model = tiny_minicpm.minicpm_o_model(processor).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


@pytest.fixture(scope="module")
def batch(processor):
    return processor(QUESTIONS, PICTURES, SOUNDS)


def logits(model, **inputs):
    with torch.no_grad():
        return model(**inputs).logits


def close(first, second, bound=1e-4):
    return bool((first - second).abs().max() < bound)


# --- the same answer ------------------------------------------------------------------------------


@pytest.mark.parametrize("row", range(len(QUESTIONS)))
def test_a_row_of_a_batch_is_what_it_is_alone_but_for_padded_sound(model, processor, batch, row):
    alone = processor(QUESTIONS[row], [PICTURES[row]], [SOUNDS[row]])
    if row == 3:  # the published model sees some padding behind a short sound: alone it has none
        missing = batch["audio_features"].shape[2] - alone["audio_features"].shape[2]
        alone["audio_features"] = torch.nn.functional.pad(alone["audio_features"], (0, missing))
    both = logits(model, **batch)[row][batch["attention_mask"][row].bool()]
    assert close(both, logits(model, **alone)[0])


def test_pictures_and_sounds_matter(model, processor, batch):
    pictures = [[LARGE.resize(SMALL.size)], *PICTURES[1:]]
    others = processor(QUESTIONS, pictures, [[], [SOUND[::-1].copy()], [], [CLIP]])
    moved = (logits(model, **batch) - logits(model, **others)).abs()[:, -1].max(dim=-1).values
    assert (moved[:2] > 1e-3).all() and (moved[2:] < 1e-4).all()


def test_one_dict_is_the_same_as_keywords(model, batch):
    inside_dict = logits(model, data={**batch, "image_sizes": 1, "unknown": 2}, input_ids=batch["input_ids"])
    assert torch.equal(inside_dict, logits(model, **batch))


def test_vision_batch_size_changes_nothing(model, batch):
    before = logits(model, **batch)
    model.config.vision_batch_size = 3
    after = logits(model, **batch)
    model.config.vision_batch_size = 16
    assert close(before, after)


def test_padding_of_pictures_is_not_looked_at(model):
    sizes = [(2, 3), (4, 4)]
    pixels = torch.randn(2, 3, 14, 14 * 16)
    changed = pixels.clone()
    changed[0, :, :, 14 * 6 :] = 9.0
    with torch.no_grad():
        first, second = (model.vpm(values, sizes) for values in (pixels, changed))
        outputs = [model.resampler(hidden, torch.tensor(sizes)) for hidden in (first, second)]
    assert close(first[0, :6], second[0, :6], 1e-5) and close(outputs[0], outputs[1], 1e-5)


def test_logits_to_keep_are_the_last_ones_and_labels_may_be_as_short(model, batch):
    labels = torch.full_like(batch["input_ids"], -100)
    labels[:, -3:] = batch["input_ids"][:, -3:]
    with torch.no_grad():
        full, kept, short = (
            model(**batch, labels=labels),
            model(**batch, labels=labels, logits_to_keep=4),
            model(**batch, labels=labels[:, -4:], logits_to_keep=4),
        )
    assert kept.logits.shape[1] == 4 and close(full.logits[:, -4:], kept.logits)
    assert torch.allclose(full.loss, kept.loss) and torch.allclose(kept.loss, short.loss)


def test_bf16_stays_near_float32(model, batch, processor):
    half = tiny_minicpm.minicpm_o_model(processor).to(torch.bfloat16).eval()
    whole = tiny_minicpm.minicpm_o_model(processor).eval()
    assert close(logits(half, **batch).float(), logits(whole, **batch), 0.1)


# --- generation -----------------------------------------------------------------------------------


def greedy(model, batch, steps):
    """The likeliest tokens and their logits (B, steps, V), each from a forward pass over everything before it."""
    given, found = dict(batch), []
    for _ in range(steps):
        found.append(logits(model, **given)[:, -1])
        best = found[-1].argmax(dim=-1, keepdim=True)
        given["input_ids"] = torch.cat([given["input_ids"], best], dim=1)
        given["attention_mask"] = torch.cat([given["attention_mask"], torch.ones_like(best)], dim=1)
    return given["input_ids"], torch.stack(found, dim=1)


def test_generate_is_greedy_decoding_without_a_cache(model, batch):
    settings = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
    made = model.generate(**batch, **settings, return_dict_in_generate=True, output_logits=True)
    tokens, scores = greedy(model, batch, 4)
    assert torch.equal(made.sequences, tokens) and close(torch.stack(made.logits, dim=1), scores, 1e-3)


def test_generate_takes_one_dict_and_inputs_beside_input_ids_as_llamafactory_does(model, batch):
    settings = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None}
    expected = model.generate(**batch, **settings)
    assert torch.equal(model.generate(data=dict(batch), **settings), expected)
    assert torch.equal(model.generate(inputs=batch["input_ids"], spk_bounds=[], **batch, **settings), expected)
    media = {name: batch[name] for name in batch if name not in ("input_ids", "attention_mask")}
    embeds = {"inputs_embeds": model.embed(batch["input_ids"], **media), "attention_mask": batch["attention_mask"]}
    assert torch.equal(model.generate(**embeds, **settings), expected[:, -4:])


def test_pictures_are_looked_at_once_however_long_the_answer(model, batch):
    seen = []
    hook = model.vpm.register_forward_hook(lambda *_: seen.append(1))
    model.generate(**batch, max_new_tokens=4, do_sample=False, eos_token_id=None, num_beams=2)
    hook.remove()
    assert len(seen) == 1


def test_beams_find_a_likelier_answer_than_greedy(model, processor):
    batch = processor(QUESTIONS[:2], PICTURES[:2], SOUNDS[:2])

    def likelihood(beams):
        settings = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "length_penalty": 0.0}
        tokens = model.generate(**batch, num_beams=beams, **settings)
        mask = torch.nn.functional.pad(batch["attention_mask"], (0, 5), value=1)
        scores = logits(model, **{**batch, "input_ids": tokens, "attention_mask": mask}).log_softmax(-1)
        return scores[:, -6:-1].gather(2, tokens[:, -5:, None]).sum(dim=(1, 2))

    assert (likelihood(8) >= likelihood(1) - 1e-4).all()


def test_chat_answers_one_conversation_or_a_batch_and_draws_no_lots(model, processor):
    talks = [[{"role": "user", "content": [LARGE, SOUND, "what?"]}], [{"role": "user", "content": "hello"}]]
    answers = model.chat(talks, processor=processor, max_new_tokens=5)
    assert answers == [model.chat(talk, processor=processor, max_new_tokens=5) for talk in talks]
    asked = model.chat([{"role": "user", "content": "what?"}], processor=processor, image=SMALL, max_new_tokens=5)
    assert asked == model.chat([{"role": "user", "content": [SMALL, "what?"]}], processor=processor, max_new_tokens=5)


# --- training -------------------------------------------------------------------------------------


def gradients(processor, batch, **checkpointing):
    model = tiny_minicpm.minicpm_o_model(processor).train()
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=checkpointing)
        model.enable_input_require_grads()
    model(**batch, labels=batch["input_ids"]).loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.fixture(scope="module")
def plain_gradients(processor, batch):
    return gradients(processor, batch)


def test_every_parameter_learns_from_pictures_and_sounds(processor, plain_gradients):
    names = {name for name, p in tiny_minicpm.minicpm_o_model(processor).named_parameters() if p.requires_grad}
    assert names == set(plain_gradients)
    assert all(plain_gradients[name].abs().max() > 0 for name in names if not name.endswith("k_proj.bias"))


def test_gradient_checkpointing_gives_the_same_gradients(processor, batch, plain_gradients):
    again = gradients(processor, batch, use_reentrant=False)
    assert set(again) == set(plain_gradients)
    assert all(torch.allclose(again[name], plain_gradients[name], atol=1e-5) for name in again)


def test_lora_trains_with_gradient_checkpointing_and_frozen_embeddings(processor, batch):
    from peft import LoraConfig, get_peft_model

    model = tiny_minicpm.minicpm_o_model(processor)
    model = get_peft_model(model, LoraConfig(target_modules=r"llm\..*(q_proj|v_proj)", task_type="CAUSAL_LM"))
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    model(**batch, labels=batch["input_ids"]).loss.backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if "lora" in name)
    assert isinstance(model.chat([{"role": "user", "content": [SMALL]}], processor=processor, max_new_tokens=2), str)
    assert model.training


# --- checkpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["o", "v"])
def test_a_saved_model_loads_as_it_was_sharded_and_with_its_sound(tmp_path, family):
    processor = getattr(tiny_minicpm, f"minicpm_{family}_processor")()
    model = getattr(tiny_minicpm, f"minicpm_{family}_model")(processor).eval()
    model.save_pretrained(tmp_path, max_shard_size="4MB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    again, report = AutoModelForImageTextToText.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    batch = processor("<image> " + "<audio>" * (family == "o"), [SMALL], [SOUND] if family == "o" else None)
    assert torch.equal(logits(model, **batch), logits(again, **batch))
    stored = set().union(*(load_file(file) for file in tmp_path.glob("*.safetensors")))
    assert any(name.startswith("apm.") for name in stored) == (family == "o")
    assert {name.split(".")[0] for name in stored} <= {"llm", "vpm", "resampler", "apm", "audio_projection_layer"}


def test_merged_lora_weights_keep_the_sound(processor, tmp_path):
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(tiny_minicpm.minicpm_o_model(processor), LoraConfig(target_modules=r"llm\..*q_proj"))
    model.merge_and_unload().save_pretrained(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    before = tiny_minicpm.minicpm_o_model(processor).state_dict()
    assert all(torch.equal(stored[name], before[name]) for name in before if name.startswith(("apm.", "audio_")))


@pytest.fixture
def published(processor, tmp_path):
    """A folder as published: speech tensors among the weights, code named in ``auto_map``, keys of no concern here."""
    tiny_minicpm.minicpm_o_model(processor).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    speech = {"tts.dvae.coef": torch.zeros(3), "tts.projector.linear1.weight": torch.zeros(2, 2)}
    save_file(weights | speech, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config |= {"auto_map": {"AutoConfig": "configuration_minicpm.MiniCPMOConfig"}, "tts_config": {"llm_dim": 1}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


def test_speech_tensors_are_skipped_and_one_line_says_so(published, caplog):
    from transformers.utils import logging

    logging.enable_propagation()
    model, report = AutoModelForImageTextToText.from_pretrained(published, output_loading_info=True)
    logging.disable_propagation()
    assert not report["missing_keys"] and not report["unexpected_keys"]
    lines = [line for line in caplog.messages if "tts.*" in line]
    assert lines == ["2 tensors of speech output (tts.*) are skipped: this model answers in text."]


def test_a_model_without_ears_says_what_saving_will_lose_and_refuses_sounds(published, processor, caplog):
    from transformers.utils import logging

    logging.enable_propagation()
    model, report = AutoModelForImageTextToText.from_pretrained(published, init_audio=False, output_loading_info=True)
    logging.disable_propagation()
    assert not hasattr(model, "apm") and not report["unexpected_keys"]
    assert any("has lost its audio part" in line for line in caplog.messages)
    with pytest.raises(ValueError, match="no ears"):
        model(**processor("<audio>", audios=[SOUND]))


BEFORE = [
    "import helpers",
    "import transformers; import helpers",
    "from transformers import AutoConfig; import helpers",
]
BEFORE += ["from transformers import Qwen2ForCausalLM, AutoTokenizer; import helpers"]


@pytest.mark.parametrize("first", BEFORE)
def test_import_helpers_is_enough_for_the_auto_classes(tmp_path, first):
    MiniCPMOConfig(num_hidden_layers=1).save_pretrained(tmp_path)
    code = f"{first}\nfrom transformers import AutoConfig, AutoModelForImageTextToText as M, AutoProcessor\n"
    code += f"c = AutoConfig.from_pretrained({str(tmp_path)!r}); print(type(c).__module__, M._model_mapping[type(c)])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "helpers.minicpm.configuration <class 'helpers.minicpm.modeling.MiniCPMO'>"


def test_import_helpers_imports_nothing_heavy():
    code = "import sys, helpers; print({'torch', 'transformers', 'numpy', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [MiniCPMVConfig, MiniCPMOConfig])
def test_an_unknown_version_is_refused_by_name(config):
    with pytest.raises(ValueError, match="version 4.0 -> this code loads"):
        config(version=4.0)


def test_version_2_6_of_minicpm_v_has_qwen2_and_4_5_has_qwen3():
    sizes = {
        "hidden_size": 128,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "num_hidden_layers": 1,
        "vocab_size": 8,
    }
    sizes |= {"intermediate_size": 8, "vision_config": {"num_hidden_layers": 1, "hidden_size": 12, "image_size": 28}}
    found = {
        version: type(AutoModelForImageTextToText.from_config(MiniCPMVConfig(**sizes, version=version)).llm).__name__
        for version in (2.6, "4.5")
    }
    assert found == {2.6: "Qwen2ForCausalLM", "4.5": "Qwen3ForCausalLM"}


def changed(batch, **changes):
    return {**batch, **changes}


def test_pictures_that_do_not_fit_the_text_are_refused_by_row(model, batch):
    bounds = batch["image_bound"]
    with pytest.raises(ValueError, match="row 1: 6 pictures or tiles for 5 places"):
        model(**changed(batch, image_bound=[bounds[0], bounds[1][:-1], *bounds[2:]]))
    with pytest.raises(ValueError, match="row 0: 0 pictures or tiles for 1 places"):
        model(**changed(batch, pixel_values=None))
    with pytest.raises(ValueError, match="row 0: 31 tokens at"):
        model(**changed(batch, image_bound=[bounds[0] - torch.tensor([[0, 1]]), *bounds[1:]]))
    with pytest.raises(ValueError, match="picture 0: .* columns of pixels"):
        model(**changed(batch, tgt_sizes=[batch["tgt_sizes"][0] + 1, *batch["tgt_sizes"][1:]]))


def test_sounds_that_do_not_fit_the_text_are_refused_by_row(model, batch):
    with pytest.raises(ValueError, match="row 1: the sounds give 31 embeddings for 30 places"):
        bounds = batch["audio_bounds"][1] - torch.tensor([[0, 0], [0, 1]])
        model(**changed(batch, audio_bounds=[batch["audio_bounds"][0], bounds, *batch["audio_bounds"][2:]]))


# --- video frames (MiniCPM-V 4.5) -----------------------------------------------------------------


@pytest.fixture(scope="module")
def resampler():
    torch.manual_seed(0)
    resampler = Resampler(4, 256, 32)
    for parameter in resampler.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return resampler.eval().requires_grad_(False)


SIZES = torch.tensor([(2, 3), (4, 4), (1, 5)])
HIDDEN = torch.randn(3, 16, 32, generator=torch.Generator().manual_seed(1))


def waves(place, width):
    """Sines, then cosines, of one place; ``width`` numbers."""
    angles = place / 10000 ** (np.arange(width // 2) / (width // 2))
    return np.concatenate([np.sin(angles), np.cos(angles)])


def resampled_plainly(resampler, hidden, sizes, groups):
    """The same by loops over groups, frames and patches, and torch's own attention."""
    attention = torch.nn.MultiheadAttention(256, 2, batch_first=True)
    attention.load_state_dict(resampler.attn.state_dict())
    frames, outputs = iter(zip(hidden, sizes.tolist(), strict=True)), []
    for group in groups:
        keys, values = [], []
        for time in group:
            patches, (high, wide) = next(frames)
            for number in range(high * wide):
                value = resampler.ln_kv(resampler.kv_proj(patches[number]))
                place = np.concatenate([waves(number % wide, 128), waves(number // wide, 128)])
                place = place + waves(time, 256) * (time >= 0)
                keys.append(value + torch.tensor(place, dtype=torch.float32))
                values.append(value)
        query = resampler.ln_q(resampler.query)[None]
        outputs.append(attention(query, torch.stack(keys)[None], torch.stack(values)[None])[0])
    return resampler.ln_post(torch.cat(outputs)) @ resampler.proj


@pytest.mark.parametrize("groups", [[[-1], [-1], [-1]], [[0, 7], [-1]], [[-1], [3, 4]], [[2, 5, 8]], [[-1, 4], [0]]])
def test_frames_are_resampled_as_loops_would(resampler, groups):
    with torch.no_grad():
        expected = resampled_plainly(resampler, HIDDEN, SIZES, groups)
    assert close(resampler(HIDDEN, SIZES, groups), expected)


def test_frames_outside_time_are_pictures(resampler):
    assert close(resampler(HIDDEN, SIZES), resampler(HIDDEN, SIZES, [[-1], [-1], [-1]]), 1e-6)


def test_a_group_of_frames_is_resampled_together_without_its_padding(resampler):
    joined = resampler(HIDDEN, SIZES, [[0, 1], [-1]])
    assert joined.shape == (2, 4, 256) and close(joined[1], resampler(HIDDEN, SIZES)[2], 1e-5)
    changed = HIDDEN.clone()
    changed[0, 6:] = 7.0
    assert close(resampler(changed, SIZES, [[0, 1], [-1]]), joined, 1e-5)
    assert not close(resampler(HIDDEN, SIZES, [[0, 5], [-1]]), joined, 1e-3)


def test_a_group_in_a_batch_is_what_it_is_alone(resampler):
    alone = resampler(HIDDEN[:2], SIZES[:2], [[3, 9]])
    assert close(resampler(HIDDEN, SIZES, [[3, 9], [-1]])[:1], alone, 1e-5)


def test_groups_that_hold_too_few_frames_are_refused(resampler):
    with pytest.raises(ValueError, match="name 2 pictures, pixel_values hold 3"):
        resampler(HIDDEN, SIZES, [[0, 1]])


def test_a_video_and_a_picture_of_another_row_share_a_batch():
    processor = tiny_minicpm.minicpm_v_processor()
    model = tiny_minicpm.minicpm_v_model(processor).eval()
    batch = processor(["<image>", "<image>"], [[SMALL], [WIDE]])
    video = processor("<image><image>", [SMALL, SMALL])
    batch["pixel_values"][0], batch["tgt_sizes"][0] = video["pixel_values"][0], video["tgt_sizes"][0]
    together = logits(model, **batch, temporal_ids=[[[0, 1]], [[-1]]])
    alone = logits(model, **processor("<image>", WIDE))
    assert close(together[1, -alone.shape[1] :], alone[0])


def test_inside_and_tower_names():
    assert inside(torch.tensor([1, 3]), 3).tolist() == [[True, False, False], [True, True, True]]
    vision = MiniCPMOConfig(vision_config={"num_hidden_layers": 3, "hidden_size": 12, "image_size": 28}).vision_config
    assert len(VisionTower(vision, drop_last_layer=True).encoder.layers) == 2


def test_the_class_bears_the_published_name():
    assert MiniCPMO.__name__ == "MiniCPMO" and MiniCPMOConfig.model_type == "minicpmo"
