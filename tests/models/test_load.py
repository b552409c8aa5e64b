"""helpers.models.load: tiny and real checkpoints load whole, and only what is needed is asked of a hub."""

import shutil
import sys
import types

import official
import pytest
from PIL import Image

from helpers.models import families, lora
from helpers.models.load import checkpoint_folder, load, load_processor, pixel_limits
from helpers.settings import Settings

NAME = "Qwen2-VL-2B-Instruct"


@pytest.fixture(scope="module")
def tiny():
    return load("qwen2_vl", Settings.tiny())


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory):
    """Holds a folder laid out as the official checkpoint."""
    folder = tmp_path_factory.mktemp("models")
    official.write(folder / NAME)
    return folder


def real(folder):
    return Settings.real(models_dir=folder, device="cpu", dtype="float32")


# --- loading ----------------------------------------------------------------------------------


def test_tiny_model_loads_ready_to_read(tiny):
    model, processor = tiny
    assert type(model).__name__ == "Qwen2VLForConditionalGeneration" and type(processor).__name__ == "Qwen2VLProcessor"
    assert not model.training and str(model.dtype) == "torch.float32" and model.device.type == "cpu"
    assert model.lm_head.weight is model.get_input_embeddings().weight


def test_unknown_family_lists_the_known_ones():
    for use in (load, load_processor, checkpoint_folder):
        with pytest.raises(KeyError, match="unknown model family 'qwen'; choose one of qwen2_vl"):
            use("qwen", Settings.tiny())


def test_official_layout_loads_every_weight_as_it_is(hub_folder):
    from safetensors.torch import load_file

    model, processor = load("qwen2_vl", real(hub_folder))
    loaded = model.state_dict()
    for shard in (hub_folder / NAME).glob("*.safetensors"):
        for name, weight in load_file(shard).items():
            new = name if name.startswith("visual") else name.replace("model.", "language_model.", 1)
            assert (loaded[f"model.{new}"] == weight.float()).all(), name
    text = model.config.text_config
    assert text.rope_parameters["mrope_section"] == [2, 3, 3] and text.rope_parameters["rope_theta"] == 1e6
    assert model.lm_head.weight is model.get_input_embeddings().weight
    assert processor.tokenizer.eos_token == "<|im_end|>"
    assert model.config.image_token_id == processor.image_token_id


def test_official_layout_reads_and_learns(hub_folder):
    import torch

    model, processor = load("qwen2_vl", real(hub_folder))
    model = lora.add_lora(model, "qwen2_vl", real(hub_folder))
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "?"}]}]
    )
    inputs = processor(text=[text], images=[Image.new("L", (300, 60), 255)], return_tensors="pt")
    loss = model(**inputs, labels=inputs["input_ids"]).loss
    loss.backward()
    assert torch.isfinite(loss) and all(w.grad is not None for w in model.parameters() if w.requires_grad)


def test_processor_of_real_models_keeps_to_the_sizes_of_the_family(hub_folder):
    size = load_processor("qwen2_vl", real(hub_folder)).image_processor.size
    family = families.FAMILIES["qwen2_vl"]
    assert (size["shortest_edge"], size["longest_edge"]) == (family.min_pixels, family.max_pixels)


def test_a_reader_gets_the_same_processor_from_transformers(hub_folder):
    from transformers import AutoProcessor

    for settings in (real(hub_folder), Settings.tiny()):
        folder, limits = checkpoint_folder("qwen2_vl", settings), pixel_limits("qwen2_vl", settings)
        found = AutoProcessor.from_pretrained(folder, **limits).image_processor.size
        wanted = load_processor("qwen2_vl", settings).image_processor.size
        for edge in ("shortest_edge", "longest_edge"):
            assert found[edge] == wanted[edge]


def test_families_with_a_rule_of_their_own_have_no_pixel_limits(hub_folder):
    assert pixel_limits("minicpm_o", real(hub_folder)) == {}
    limits = pixel_limits("glm_ocr", real(hub_folder))
    assert limits == {"min_pixels": 2 * 32 * 32, "max_pixels": 2 * 1024 * 1024}


def test_processor_loads_without_weights_and_the_model_does_not(hub_folder, tmp_path):
    shutil.copytree(hub_folder / NAME, tmp_path / NAME, ignore=shutil.ignore_patterns("*.safetensors"))
    assert load_processor("qwen2_vl", real(tmp_path)).tokenizer
    with pytest.raises(
        FileNotFoundError, match=f"{NAME}: missing or cut off: model-00001.*choose another hub"
    ) as caught:
        load("qwen2_vl", real(tmp_path))
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("hub", ["modelscope", "huggingface"])
def test_hub_is_asked_for_weights_only_when_they_are_needed(monkeypatch, hub_folder, hub):
    asked = []

    def download(name, allow_patterns, **options):
        asked.append((name, "*.safetensors" in allow_patterns, "*.json" in allow_patterns))
        return str(hub_folder / NAME)

    monkeypatch.setattr("helpers.hub.require_hub", lambda settings: asked.append(settings.hub))
    monkeypatch.setitem(sys.modules, "modelscope", types.SimpleNamespace(snapshot_download=download))
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    settings = Settings.real(hub=hub, device="cpu")
    for weights in (False, True):
        assert checkpoint_folder("qwen2_vl", settings, weights) == hub_folder / NAME
    assert asked == [hub, (f"Qwen/{NAME}", False, True), hub, (f"Qwen/{NAME}", True, True)]


def test_saved_model_is_loaded_with_the_processor_of_its_base(hub_folder, tmp_path):
    import torch

    model, processor = load("qwen2_vl", real(hub_folder))
    with torch.no_grad():
        model.lm_head.weight.add_(1)
    model.save_pretrained(tmp_path / "tuned")
    processor.tokenizer.padding_side = "right"  # as LLaMA-Factory leaves it
    processor.save_pretrained(tmp_path / "tuned")
    tuned, its_processor = load("qwen2_vl", real(hub_folder), folder=tmp_path / "tuned")
    assert torch.equal(tuned.lm_head.weight, model.lm_head.weight)
    assert its_processor.tokenizer.padding_side == "left"


def test_saved_model_that_is_not_whole_is_refused(hub_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint folder none -> run the training or export again"):
        load("qwen2_vl", real(hub_folder), folder=tmp_path / "none")
