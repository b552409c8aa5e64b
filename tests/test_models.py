"""helpers.models: tiny and real checkpoints load, pictures never see each other, LoRA touches what it should."""

import shutil
import sys
import types

import official
import pytest
from PIL import Image

from helpers import attention, models
from helpers.settings import Settings

NAME = "Qwen2-VL-2B-Instruct"
SIZES = [(252, 56), (84, 56), (28, 28), (500, 100), (100, 500), (60, 20), (3000, 2000), (200, 1), (1, 150), (333, 77)]


@pytest.fixture(scope="module")
def tiny():
    return models.load("qwen2_vl", Settings.tiny())


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
    for use in (models.load, models.load_processor, models.checkpoint_folder):
        with pytest.raises(KeyError, match="unknown model family 'qwen'; choose one of qwen2_vl"):
            use("qwen", Settings.tiny())


def test_official_layout_loads_every_weight_as_it_is(hub_folder):
    from safetensors.torch import load_file

    model, processor = models.load("qwen2_vl", real(hub_folder))
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

    model, processor = models.load("qwen2_vl", real(hub_folder))
    model = models.add_lora(model, "qwen2_vl", real(hub_folder))
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "?"}]}]
    )
    inputs = processor(text=[text], images=[Image.new("L", (300, 60), 255)], return_tensors="pt")
    loss = model(**inputs, labels=inputs["input_ids"]).loss
    loss.backward()
    assert torch.isfinite(loss) and all(w.grad is not None for w in model.parameters() if w.requires_grad)


def test_processor_of_real_models_keeps_to_the_sizes_of_the_family(hub_folder):
    size = models.load_processor("qwen2_vl", real(hub_folder)).image_processor.size
    family = models.FAMILIES["qwen2_vl"]
    assert (size["shortest_edge"], size["longest_edge"]) == (family.min_pixels, family.max_pixels)


def test_processor_loads_without_weights_and_the_model_does_not(hub_folder, tmp_path):
    shutil.copytree(hub_folder / NAME, tmp_path / NAME, ignore=shutil.ignore_patterns("*.safetensors"))
    assert models.load_processor("qwen2_vl", real(tmp_path)).tokenizer
    with pytest.raises(
        FileNotFoundError, match=f"{NAME}: missing or cut off: model-00001.*choose another hub"
    ) as caught:
        models.load("qwen2_vl", real(tmp_path))
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("hub", ["modelscope", "huggingface"])
def test_hub_is_asked_for_weights_only_when_they_are_needed(monkeypatch, hub_folder, hub):
    asked = []

    def download(name, allow_patterns):
        asked.append((name, "*.safetensors" in allow_patterns, "*.json" in allow_patterns))
        return str(hub_folder / NAME)

    monkeypatch.setattr(models, "require_hub", lambda settings: asked.append(settings.hub))
    monkeypatch.setitem(sys.modules, "modelscope", types.SimpleNamespace(snapshot_download=download))
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    settings = Settings.real(hub=hub, device="cpu")
    for weights in (False, True):
        assert models.checkpoint_folder("qwen2_vl", settings, weights) == hub_folder / NAME
    assert asked == [hub, (f"Qwen/{NAME}", False, True), hub, (f"Qwen/{NAME}", True, True)]


@pytest.mark.parametrize("kind", ["tiny", "real"])
def test_image_tokens_are_those_of_the_processor(tiny, hub_folder, kind):
    processor = tiny[1] if kind == "tiny" else models.load_processor("qwen2_vl", real(hub_folder))
    count = models.image_tokens(processor)
    for size in SIZES:
        grid = processor.image_processor([Image.new("RGB", size)], return_tensors="pt")["image_grid_thw"]
        assert count(*size) == grid.prod().item() // 4, size
    with pytest.raises(ValueError):
        count(2010, 10)


def test_saved_model_is_loaded_with_the_processor_of_its_base(hub_folder, tmp_path):
    import torch

    model, processor = models.load("qwen2_vl", real(hub_folder))
    with torch.no_grad():
        model.lm_head.weight.add_(1)
    model.save_pretrained(tmp_path / "tuned")
    processor.tokenizer.padding_side = "right"  # as LLaMA-Factory leaves it
    processor.save_pretrained(tmp_path / "tuned")
    tuned, its_processor = models.load("qwen2_vl", real(hub_folder), folder=tmp_path / "tuned")
    assert torch.equal(tuned.lm_head.weight, model.lm_head.weight)
    assert its_processor.tokenizer.padding_side == "left"


def test_saved_model_that_is_not_whole_is_refused(hub_folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint folder none -> run the training or export again"):
        models.load("qwen2_vl", real(hub_folder), folder=tmp_path / "none")


# --- attention --------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [[12], [8, 8, 8], [4, 20, 12], [16, 4]], ids=str)
def test_packed_attention_is_attention_picture_by_picture(lengths):
    import torch
    import torch.nn.functional as F

    torch.manual_seed(0)
    packed = [torch.randn(1, 3, sum(lengths), 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    alone = [x.detach().clone().requires_grad_() for x in packed]
    begins = torch.tensor([0, *lengths]).cumsum(0).int()
    seen, _ = attention.packed_attention(None, *packed, None, scaling=0.3, cu_seq_lens_q=begins)
    parts = zip(*(x.split(lengths, 2) for x in alone), strict=True)
    expected = torch.cat([F.scaled_dot_product_attention(*part, scale=0.3) for part in parts], 2).transpose(1, 2)
    assert torch.allclose(seen, expected, atol=1e-12)
    weights = torch.randn_like(expected)
    for result in (seen, expected):
        (result * weights).sum().backward()
    assert all(torch.allclose(a.grad, b.grad, atol=1e-12) for a, b in zip(packed, alone, strict=True))


@pytest.mark.parametrize("grids", [[(1, 4, 6)] * 3, [(1, 4, 18), (1, 4, 6), (3, 2, 4)]], ids=["equal", "unequal"])
def test_vision_tower_sees_what_transformers_own_sees(tiny, grids):
    import torch

    tower = tiny[0].model.visual
    grid = torch.tensor(grids)
    patches = torch.randn(int(grid.prod(1).sum()), 1176, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert tower.config._attn_implementation == "packed_flash_free"
        ours = tower(patches, grid_thw=grid).pooler_output
        tower.config._attn_implementation = "sdpa"
        theirs = tower(patches, grid_thw=grid).pooler_output
        tower.config._attn_implementation = "packed_flash_free"
    assert torch.allclose(ours, theirs, atol=1e-4)


# --- LoRA -------------------------------------------------------------------------------------


def with_lora(seed=None, **changes):
    settings = Settings.tiny(**changes)
    return models.add_lora(models.load("qwen2_vl", settings)[0], "qwen2_vl", settings, seed)


def test_lora_alone_is_trained_in_eyes_and_language_but_not_in_the_vocabulary():
    names = [name for name, weight in with_lora(lora_r=4).named_parameters() if weight.requires_grad]
    assert all(".lora_A." in name or ".lora_B." in name for name in names)
    for part in ("q_proj", "v_proj", "down_proj", "visual.blocks.4.attn.qkv", "mlp.fc1", "merger.mlp.2"):
        assert any(part in name for name in names), part
    assert not [name for name in names if "lm_head" in name or "embed" in name]
    assert len(names) == 2 * (5 * 7 + 5 * 4 + 2)  # language layers, vision blocks, merger


def test_lora_starts_from_the_seed_and_changes_nothing_yet(tiny):
    import torch

    def first(model):
        return next(weight for name, weight in model.named_parameters() if "lora_A" in name)

    one, again, other, named = with_lora(), with_lora(), with_lora(seed=1), with_lora(seed=0)
    assert (first(one) == first(again)).all() and (first(one) == first(named)).all()
    assert not (first(one) == first(other)).all()
    ids = torch.arange(14, 40)[None]
    with torch.inference_mode():
        assert torch.equal(one(input_ids=ids).logits, tiny[0](input_ids=ids).logits)


def test_lora_follows_the_settings():
    config = with_lora(lora_r=4, lora_alpha=12).peft_config["default"]
    assert (config.r, config.lora_alpha, config.lora_dropout) == (4, 12, 0)


@pytest.mark.parametrize(
    "folder, name",
    [
        (f"/cache/models--Qwen--{NAME}/snapshots/abc", f"Qwen/{NAME}"),
        (f"/cache/modelscope/hub/models/Qwen/{NAME}", f"Qwen/{NAME}"),
        (models.ROOT / "data" / "tiny-qwen2-vl", "data/tiny-qwen2-vl"),
        ("/somewhere/my-model", "my-model"),
    ],
)
def test_public_name_holds_no_machine_path(folder, name):
    assert models.public_name(str(folder)) == name
