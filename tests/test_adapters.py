"""helpers.adapters and models.load with a folder: base, base + adapter, merged; what does not fit is refused."""

import json
import shutil

import pytest

from helpers import adapters, collate, infer, models, tiny, tiny_minicpm
from helpers.render import render_set
from helpers.settings import ROOT, Settings
from helpers.train import save_adapter

SETTINGS = Settings.tiny(lora_r=4, max_new_tokens=24)


def noisy_lora(model, family, settings=SETTINGS, noise=0.3):
    """LoRA that changes the answers without any training; too much ``noise`` makes a model chaotic."""
    import torch

    model = models.add_lora(model, family, settings).eval()
    torch.manual_seed(0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, noise)
    return model


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return render_set(tmp_path_factory.mktemp("set"), 4, seed=5, part="test")


@pytest.fixture(scope="module")
def made(tmp_path_factory, samples):
    """(folder of an adapter, what the model read when it was saved)."""
    model, processor = models.load("qwen2_vl", SETTINGS)
    model = noisy_lora(model, "qwen2_vl")
    folder = tmp_path_factory.mktemp("run") / "adapter"
    save_adapter(model, processor, folder)
    return folder, infer.predict(model, processor, samples, SETTINGS)


def reads(folder, samples, **options):
    model, processor = models.load("qwen2_vl", SETTINGS, folder=folder)
    assert not model.training
    return infer.predict(model, processor, samples, SETTINGS)


def test_an_adapter_is_put_on_its_base(made, samples):
    folder, wanted = made
    assert reads(folder, samples) == wanted != reads(None, samples)


def test_merged_folder_loads_alone_and_reads_the_same(made, samples, tmp_path):
    folder, wanted = made
    model, processor = models.load("qwen2_vl", SETTINGS, folder=folder)
    merged = adapters.merge(model, processor, tmp_path / "merged")
    assert type(merged).__name__ == "Qwen2VLForConditionalGeneration"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged"]
    assert reads(tmp_path / "merged", samples) == wanted
    assert str(ROOT) not in (tmp_path / "merged" / "config.json").read_text(encoding="utf-8")


def test_an_older_merged_folder_stays_until_the_new_one_is_whole(made, tmp_path, monkeypatch):
    model, processor = models.load("qwen2_vl", SETTINGS, folder=made[0])
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "old").touch()
    monkeypatch.setattr(type(processor), "save_pretrained", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        adapters.merge(model, processor, tmp_path / "merged")
    assert [path.name for path in (tmp_path / "merged").iterdir()] == ["old"]


def test_merging_without_an_adapter_is_refused(tmp_path):
    model, processor = models.load("qwen2_vl", SETTINGS)
    with pytest.raises(ValueError, match="merge: the model has no adapter"):
        adapters.merge(model, processor, tmp_path / "merged")


def test_merging_into_four_bits_is_refused(made, tmp_path):
    model, processor = models.load("qwen2_vl", SETTINGS, folder=made[0])
    model.base_model.model.is_loaded_in_4bit = True
    with pytest.raises(ValueError, match="4 bits -> load it with four_bit=False"):
        adapters.merge(model, processor, tmp_path / "merged")


# --- what does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
@pytest.mark.parametrize("harm", ["missing", "cut off"])
def test_half_an_adapter_is_named(made, tmp_path, name, harm):
    folder = shutil.copytree(made[0], tmp_path / "adapter")
    data = (folder / name).read_bytes()
    (folder / name).unlink()
    if harm == "cut off":
        (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(FileNotFoundError, match=f"^adapter: missing or cut off: {name} -> copy the whole folder"):
        models.load("qwen2_vl", SETTINGS, folder=folder)


def changed(folder, target, **facts):
    """A copy of the adapter whose configuration says something else."""
    shutil.copytree(folder, target)
    config = json.loads((target / adapters.CONFIG).read_bytes())
    (target / adapters.CONFIG).write_text(json.dumps(config | facts), encoding="utf-8")
    return target


@pytest.mark.parametrize("named", ["Qwen/Qwen2-VL-2B-Instruct", "data/tiny-glm-ocr", "zai-org/GLM-OCR"])
def test_an_adapter_of_another_base_is_refused(made, tmp_path, named):
    folder = changed(made[0], tmp_path / "adapter", base_model_name_or_path=named)
    with pytest.raises(ValueError, match=f"^adapter: an adapter for {named}, not for data/tiny-qwen2-vl -> "):
        models.load("qwen2_vl", SETTINGS, folder=folder)


@pytest.mark.parametrize("named", ["somebody/elses-qwen", None])
def test_a_base_that_nobody_knows_is_tried(made, tmp_path, samples, named):
    folder = changed(made[0], tmp_path / "adapter", base_model_name_or_path=named)
    assert reads(folder, samples) == made[1]


@pytest.mark.parametrize(
    "facts", [{"r": 8}, {"target_modules": ["nowhere"]}, {"target_modules": ".*(q_proj|lm_head)"}], ids=str
)
def test_layers_or_shapes_that_do_not_fit_are_refused(made, tmp_path, facts):
    folder = changed(made[0], tmp_path / "adapter", **facts)
    with pytest.raises(ValueError, match="^adapter: does not fit this Qwen2VLForConditionalGeneration: .* -> load its"):
        models.load("qwen2_vl", SETTINGS, folder=folder)


# --- all families --------------------------------------------------------------------------------

MAKERS = {
    "qwen2_vl": (tiny.qwen2_vl_processor, tiny.qwen2_vl_model),
    "glm_ocr": (tiny.glm_ocr_processor, tiny.glm_ocr_model),
    "minicpm_o": (tiny_minicpm.minicpm_o_processor, tiny_minicpm.minicpm_o_model),
}


@pytest.mark.parametrize("family", MAKERS)
def test_one_function_loads_base_adapter_and_merged_model_of_every_family(family, samples, tmp_path):
    import torch

    make_processor, make_model = MAKERS[family]
    processor = make_processor()
    base = tmp_path / models.FAMILIES[family].folder
    make_model(processor).save_pretrained(base)
    processor.save_pretrained(base)
    settings = Settings.real(models_dir=tmp_path, device="cpu", dtype="float32", lora_r=4)

    model, processor = models.load(family, settings)
    plain = logits(model, processor, samples)
    model = noisy_lora(model, family, settings, noise=0.03)
    save_adapter(model, processor, tmp_path / "adapter")
    wanted = logits(model, processor, samples)
    assert not torch.allclose(wanted, plain, atol=1e-3)

    tuned, processor = models.load(family, settings, folder=tmp_path / "adapter")
    assert torch.equal(logits(tuned, processor, samples), wanted)
    adapters.merge(tuned, processor, tmp_path / "merged")
    merged, processor = models.load(family, settings, folder=tmp_path / "merged")
    assert torch.allclose(logits(merged, processor, samples), wanted, atol=1e-5)


def logits(model, processor, samples):
    """Of the next token for each picture: random weights have near ties, so answers would say less."""
    import torch

    with torch.inference_mode():
        return model(**collate.encode_prompts(samples, processor)).logits[:, -1]
