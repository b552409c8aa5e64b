"""helpers.models.load: tiny and real checkpoints load whole, and only what is needed is asked of a hub."""

import json
import pickle
import shutil
import sys
import types
from dataclasses import replace

import official
import pytest
from PIL import Image

from helpers.models import families, lora
from helpers.models.load import checkpoint_folder, load, load_processor, pixel_limits
from helpers.paths import ROOT
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


# --- folders that are whole, and still no model -------------------------------------------------


@pytest.fixture
def copy(tmp_path):
    """A copy of the tiny model, under the name and in the place of the real one."""
    return shutil.copytree(ROOT / "data" / "tiny-qwen2-vl", tmp_path / NAME)


def refused(copy, load=load):
    with pytest.raises(ValueError) as caught:
        load("qwen2_vl", real(copy.parent))
    said = str(caught.value)
    assert said.startswith(NAME) and str(copy.parent) not in said and "->" in said and "\n" not in said
    return said


def test_a_weight_that_is_missing_is_named_and_not_made_up(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    name = sorted(name for name in weights if "layers.0" in name)[0]
    weights["of.another.model"] = weights.pop(name)
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert "1 weights of Qwen2VLForConditionalGeneration are missing or of another shape" in refused(copy)


def test_weights_of_another_shape_are_named(copy):
    config = json.loads((copy / "config.json").read_bytes())
    config["text_config"]["vocab_size"] += 100
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "embed_tokens" in refused(copy)


def test_float64_becomes_the_dtype_of_the_settings(copy):
    import torch
    from safetensors.torch import load_file, save_file

    weights = {name: weight.double() for name, weight in load_file(copy / "model.safetensors").items()}
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert load("qwen2_vl", real(copy.parent))[0].dtype == torch.float32


def test_the_tokenizer_of_another_model_is_refused(copy):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ROOT / "data" / "tiny-minicpm-o" / name, copy / name)
    refused(copy)


@pytest.mark.parametrize("value", [-1, "many", 10**30])
def test_sizes_that_cannot_be_are_one_line(copy, value):
    config = json.loads((copy / "config.json").read_bytes())
    config["text_config"]["num_hidden_layers"] = value
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert "transformers cannot load it" in refused(copy, load_processor)


@pytest.mark.parametrize("load", [load, load_processor])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_planted_code_is_not_run_and_nobody_is_asked(copy, load, name, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *text: pytest.fail("asked whether to run it"))
    (copy / "planted.py").write_text(f"open({str(copy / 'ran')!r}, 'w')\nclass Planted: pass\n", encoding="utf-8")
    classes = ("AutoConfig", "AutoModelForImageTextToText", "AutoProcessor", "AutoTokenizer", "AutoImageProcessor")
    values = json.loads((copy / name).read_bytes()) | {"auto_map": dict.fromkeys(classes, "planted.Planted")}
    values |= {"processor_class": "Planted", "tokenizer_class": "Planted"}
    (copy / name).write_text(json.dumps(values), encoding="utf-8")
    assert "asks for Python code" in refused(copy, load) and not (copy / "ran").exists()


def test_a_pickle_beside_the_weights_is_not_opened(copy):
    (copy / "pytorch_model.bin").write_bytes(pickle.dumps(Planted(copy / "ran")))
    load("qwen2_vl", real(copy.parent))
    (copy / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="there is pytorch_model.bin, but only safetensors are loaded"):
        load("qwen2_vl", real(copy.parent))
    assert not (copy / "ran").exists()


def test_an_adapter_in_a_pickle_is_not_opened(tiny, tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "x"}')
    (tmp_path / "adapter_model.bin").write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    for use in (lambda: lora.load_adapter(tiny[0], tmp_path), lambda: load("qwen2_vl", Settings.tiny(), tmp_path)):
        with pytest.raises(ValueError, match="adapter_model.bin is a pickle, which can run any code"):
            use()
    assert not (tmp_path / "ran").exists()


class Planted:
    """Its pickle makes a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


def test_a_chat_template_has_no_way_out_of_its_sandbox(copy):
    from jinja2.exceptions import SecurityError

    (copy / "chat_template.jinja").write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}", encoding="utf-8")
    processor = load_processor("qwen2_vl", real(copy.parent))
    with pytest.raises(SecurityError):
        processor.apply_chat_template([{"role": "user", "content": "x"}])


@pytest.mark.parametrize(("free", "dtype", "fits"), [(4e6, "bfloat16", False), (2e9, "float32", True)])
def test_too_little_memory_on_the_gpu_is_said_before_loading(copy, monkeypatch, free, dtype, fits):
    settings = real(copy.parent)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (free, 8e9))
    monkeypatch.setattr("transformers.AutoModelForImageTextToText.from_pretrained", stop)
    settings = replace(settings, device="cuda", dtype=dtype)
    with pytest.raises(KeyboardInterrupt if fits else MemoryError) as caught:
        load("qwen2_vl", settings)
    assert fits or "GB of GPU memory, and 0.0 GB are free" in str(caught.value)


def stop(*names, **options):
    raise KeyboardInterrupt
