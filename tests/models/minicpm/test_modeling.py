"""helpers.models.minicpm.modeling: one answer however it is asked for, gradients, saving and loading, refusals."""

import json

import pytest
import torch
from minicpm_batch import CLIP, LARGE, PICTURES, QUESTIONS, SMALL, SOUND, SOUNDS, WIDE, close, logits
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from helpers.models.load import load_processor
from helpers.models.minicpm.configuration import MiniCPMVConfig
from helpers.pretraining import tiny_minicpm
from helpers.settings import Settings


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


def test_a_video_and_a_picture_of_another_row_share_a_batch():
    processor = load_processor("minicpm_v", Settings.tiny())
    model = tiny_minicpm.minicpm_v_model(processor).eval()
    batch = processor(["<image>", "<image>"], [[SMALL], [WIDE]])
    video = processor("<image><image>", [SMALL, SMALL])
    batch["pixel_values"][0], batch["tgt_sizes"][0] = video["pixel_values"][0], video["tgt_sizes"][0]
    together = logits(model, **batch, temporal_ids=[[[0, 1]], [[-1]]])
    alone = logits(model, **processor("<image>", WIDE))
    assert close(together[1, -alone.shape[1] :], alone[0])


# --- training --------------------------------------------------------------------------------------


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


# --- checkpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["o", "v"])
def test_a_saved_model_loads_as_it_was_sharded_and_with_its_sound(tmp_path, family):
    processor = load_processor(f"minicpm_{family}", Settings.tiny())
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
    with pytest.raises(ValueError, match="no audio encoder"):
        model(**processor("<audio>", audios=[SOUND]))


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
