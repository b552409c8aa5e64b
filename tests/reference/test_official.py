"""tests/reference/official.py: the checkpoint folders that stand for the hubs' are laid out as those are."""

import json

import official
import official_layouts as layouts
import pytest
from PIL import Image

from helpers.models import minicpm
from helpers.models.families import FAMILIES


@pytest.fixture(scope="module", autouse=True)
def classes():
    minicpm.register()


@pytest.fixture(scope="module")
def glm_folder(tmp_path_factory):
    return official.write(tmp_path_factory.mktemp("hub") / "GLM-OCR", "glm_ocr")


@pytest.mark.parametrize(
    "family, tensors, size",
    [
        ("qwen2_vl", 729, 4_417_971_200),  # total_size in the official index
        ("glm_ocr", 526, 2 * 1_325_258_240),  # as counted in the official file by zhutao100/GLM-OCR-Swift
    ],
)
def test_full_size_has_the_official_weights(family, tensors, size):
    named = official.weights(family, layouts.CONFIGS[family][0], "meta")
    assert (len(named), sum(weight.nbytes for weight in named.values())) == (tensors, size)


@pytest.mark.parametrize("family", layouts.CONFIGS)
def test_special_tokens_have_the_ids_of_the_config(family):
    config = layouts.CONFIGS[family][0]
    ids = {token: layouts.FIRST_TOKEN[family] + place for place, token in enumerate(layouts.TOKENS[family])}
    names = {
        "qwen2_vl": {
            "image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>", "eos_token_id": "<|im_end|>",
        },
        "glm_ocr": {
            "image_token_id": "<|image|>", "video_token_id": "<|video|>", "image_start_token_id": "<|begin_of_image|>",
            "image_end_token_id": "<|end_of_image|>", "video_end_token_id": "<|end_of_video|>",
        },
        "minicpm_o": {"bos_token_id": "<|endoftext|>", "eos_token_id": "<|im_end|>"},
        "minicpm_v": {"bos_token_id": "<|endoftext|>", "eos_token_id": "<|im_end|>"},
    }  # fmt: skip
    assert {key: ids[token] for key, token in names[family].items()} == {key: config[key] for key in names[family]}


@pytest.mark.parametrize("family", layouts.CONFIGS)
def test_the_small_tokenizer_knows_the_official_ids(family, tmp_path):
    from transformers import AutoTokenizer

    known = official._write_tokenizer(tmp_path, family, full=True)
    assert min(known.values()) == min(layouts.FIRST_TOKEN[family], known.get("<unk>", 10**6))
    official.TEXTS[family](tmp_path, known)
    official._write_json(tmp_path / "config.json", layouts.CONFIGS[family][0])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer("".join(layouts.TOKENS[family]) + r"\frac { a } { b }").input_ids
    count = len(layouts.TOKENS[family])
    assert ids[:count] == list(range(layouts.FIRST_TOKEN[family], layouts.FIRST_TOKEN[family] + count))
    assert max(ids[count:]) < 620 and tokenizer.decode(ids[count:]) == r"\frac { a } { b }"
    if family.startswith("minicpm"):  # the place of an image token lies among the words
        assert tokenizer("<unk>").input_ids == [tokenizer.unk_token_id] == [layouts.UNKNOWN_TOKEN]


def test_glm_ocr_ends_an_answer_with_the_users_turn():
    first, tokens = layouts.FIRST_TOKEN["glm_ocr"], layouts.TOKENS["glm_ocr"]
    ends = [tokens[index - first] for index in layouts.GLM_OCR["text_config"]["eos_token_id"]]
    assert ends == ["<|endoftext|>", "<|user|>"]


def test_glm_ocr_loads_without_its_prediction_layer(glm_folder):
    import torch
    from safetensors.torch import load_file
    from transformers import GlmOcrForConditionalGeneration

    model, notes = GlmOcrForConditionalGeneration.from_pretrained(
        glm_folder, dtype=torch.float32, output_loading_info=True
    )
    assert not any(notes[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), notes
    stored = load_file(glm_folder / "model.safetensors")
    extra = {name for name in stored if f".layers.{layouts.MTP_LAYER}." in name}
    assert stored.keys() - model.state_dict().keys() == extra and len(extra) == 16
    assert all((weight == stored[name].float()).all() for name, weight in model.state_dict().items())


def test_glm_ocr_reads_a_picture_and_learns(glm_folder):
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(glm_folder)
    model = AutoModelForImageTextToText.from_pretrained(glm_folder)
    assert type(processor).__name__ == "Glm46VProcessor" and str(model.dtype) == "torch.bfloat16"
    content = [{"type": "image"}, {"type": "text", "text": "Code Generation:"}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(text=[text], images=[Image.new("RGB", (112, 112), "white")], return_tensors="pt")
    assert (inputs["input_ids"] == model.config.image_token_id).sum() == 16
    loss = model(**inputs, labels=inputs["input_ids"]).loss
    loss.backward()
    assert torch.isfinite(loss) and all(weight.grad is not None for weight in model.model.visual.parameters())


def test_glm_ocr_folder_has_the_files_of_the_hub(glm_folder):
    assert {path.name for path in glm_folder.iterdir()} == {
        "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "preprocessor_config.json",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


MINICPM = {"minicpm_o": "MiniCPM-o-2_6", "minicpm_v": "MiniCPM-V-4_5"}


@pytest.fixture(scope="module", params=MINICPM)
def minicpm_family(request):
    return request.param


@pytest.fixture(scope="module")
def minicpm_folder(minicpm_family, tmp_path_factory):
    return official.write(tmp_path_factory.mktemp("hub") / MINICPM[minicpm_family], minicpm_family)


def test_minicpm_lies_in_four_files_and_loads_whole_but_for_speech(minicpm_folder):
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForImageTextToText

    files = sorted(minicpm_folder.glob("*.safetensors"))
    stored = {name: weight for file in files for name, weight in load_file(file).items()}
    model, notes = AutoModelForImageTextToText.from_pretrained(
        minicpm_folder, dtype=torch.float32, output_loading_info=True
    )
    assert not any(notes[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), notes
    assert len(files) == 4 and {name for name in stored if name not in model.state_dict()} == {
        name for name in stored if name.startswith("tts.")
    }
    assert all((weight == stored[name].float()).all() for name, weight in model.state_dict().items())


def test_minicpm_reads_and_learns_from_the_official_texts(minicpm_family, minicpm_folder, tmp_path):
    """The published preprocessor_config.json names no feature extractor, the tokenizer a class that we do not have."""
    from helpers.data.samples import Sample
    from helpers.inference.predict import predict
    from helpers.models import inputs
    from helpers.models.load import load
    from helpers.settings import Settings
    from helpers.training.collate import IGNORE, collate

    Image.new("RGB", (252, 56), "white").save(tmp_path / "0.png")
    samples = [Sample(tmp_path / "0.png", r"\frac { 公 } { 2 }")]
    settings = Settings.real(models_dir=minicpm_folder.parent, device="cpu", dtype="float32", max_new_tokens=3)
    model, processor = load(minicpm_family, settings)
    batch = collate(samples, processor)
    assert (
        type(processor).__name__ == {"minicpm_o": "MiniCPMOProcessor", "minicpm_v": "MiniCPMVProcessor"}[minicpm_family]
    )
    assert minicpm_family == "minicpm_v" or processor.feature_extractor.feature_size == 80
    places = (batch["input_ids"] == processor.tokenizer.unk_token_id).sum()
    assert places == inputs.image_tokens(processor)(252, 56) == 64
    assert processor.tokenizer.decode(batch["labels"][batch["labels"] != IGNORE]) == samples[0].text + "<|im_end|>"
    assert model(**batch).loss.item() > 0 and len(predict(model, processor, samples, settings)) == 1


def test_a_tiny_folder_differs_from_the_full_one_in_sizes_and_ids_only(glm_folder):
    config, full = json.loads((glm_folder / "config.json").read_text(encoding="utf-8")), layouts.GLM_OCR
    assert config.keys() == full.keys() and config["text_config"].keys() == full["text_config"].keys()
    assert (config["text_config"]["hidden_size"], full["text_config"]["hidden_size"]) == (32, 1536)


@pytest.mark.parametrize("family", layouts.CONFIGS)
def test_the_trained_weights_of_this_project_fit_into_the_official_layout(family, tmp_path):
    """All of them are loaded, and at the size that they were trained with they read as from data/."""
    import torch
    from transformers import AutoModelForImageTextToText

    from helpers.models.load import load
    from helpers.settings import Settings

    folder = official.write(tmp_path / FAMILIES[family].folder, family, trained=True)
    config, full = json.loads((folder / "config.json").read_bytes()), layouts.CONFIGS[family][0]
    assert config.keys() == full.keys()
    own, processor = load(family, Settings.tiny())
    model, notes = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(notes[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), notes
    content = [{"type": "image"}, {"type": "text", "text": "x"}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(text=[text], images=[Image.effect_noise((112, 84), 50).convert("RGB")], return_tensors="pt")
    with torch.inference_mode():
        assert torch.equal(model(**inputs).logits, own(**inputs).logits)
