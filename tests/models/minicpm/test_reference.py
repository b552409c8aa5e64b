"""helpers.models.minicpm computes what the published code computes: tables, logits, loss, and the parts in between."""

import json
import os
from pathlib import Path

import minicpm_reference as reference
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer, WhisperFeatureExtractor

from helpers.models.minicpm.audio import embedding_count
from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
from helpers.models.minicpm.processing import MiniCPMOProcessor
from helpers.models.minicpm.vision import position_buckets

COMPLETE = os.environ.get("MINICPM_REFERENCE")


@pytest.fixture(scope="module", params=["sdpa", "eager"])
def model(request):
    config = AutoConfig.from_pretrained(reference.FOLDER)
    model = AutoModelForImageTextToText.from_config(config, attn_implementation=request.param)
    model.load_state_dict(reference.weights())
    return model.eval()


@pytest.fixture(scope="module")
def processor():
    tokenizer = AutoTokenizer.from_pretrained(reference.FOLDER)
    pictures = MiniCPMVImageProcessor(scale_resolution=112, image_feature_size=16)
    return MiniCPMOProcessor(pictures, WhisperFeatureExtractor(), tokenizer, chat_template=tokenizer.chat_template)


# --- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", reference.table("slicing"), ids=lambda row: f"{row['size']}-{row['max_slice_nums']}")
def test_pictures_are_sliced_as_published(row):
    pictures = MiniCPMVImageProcessor(max_slice_nums=row["max_slice_nums"])
    image = Image.new("RGB", row["size"])
    grid, (overview, tiles), made = pictures.get_sliced_grid(image.size), pictures.slice_image(image), pictures(image)
    sizes = [list(tile.size) for line in tiles for tile in line]
    assert (grid and list(grid)) == row["grid"]
    assert list(overview.size) == row["source_size"]
    assert sizes == (row["patch_sizes"] and [row["patch_sizes"]] * (row["n"] - 1))
    found = made["tgt_sizes"][0].tolist()
    assert found == row["tgt_sizes"]
    assert [list(pixels.shape) for pixels in made["pixel_values"][0]] == [[3, 14, 14 * h * w] for h, w in found]
    placeholder = pictures.get_slice_image_placeholder(image.size).replace("<unk>" * 64, "{U64}")
    assert placeholder == row["placeholder"]


@pytest.mark.parametrize(
    "row", reference.table("audio_lengths"), ids=lambda row: f"{row['samples']}-{row['chunk_input']}"
)
def test_sounds_become_as_many_embeddings_as_published(processor, row):
    if not row["unk"]:
        with pytest.raises(ValueError, match="row 0, sound 0: 160 samples"):
            processor.audio_feature_extract([[np.zeros(row["samples"], np.float32)]])
        return
    sound = np.random.default_rng(0).standard_normal(row["samples"]).astype(np.float32)
    features, lengths, (texts,) = processor.audio_feature_extract([[sound]], chunk_input=row["chunk_input"])
    assert list(features.shape) == row["feature_shape"]
    assert [length.tolist() for length in lengths] == row["lens"]
    chunks = [part.count("<unk>") for part in texts[0].split("<|audio_end|>")[:-1]]
    assert chunks == row["chunks"] and sum(chunks) == row["unk"]
    assert [embedding_count(length).tolist() for length in lengths] == row["model_tokens"]


def test_patches_find_their_place_in_the_position_table_as_published():
    table = reference.table("position_buckets")
    assert {count: position_buckets(int(count), 70).tolist() for count in table} == table


# --- the model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", "abcdefg")
def test_logits_and_loss_are_those_of_the_published_code(model, case):
    tensors = reference.unpack("cases.npz", f"{case}.")
    with torch.no_grad():
        out = model(**reference.forward_inputs(tensors))
    seen = tensors["attention_mask"].bool()
    assert torch.allclose(out.logits[:, :, ::5][seen], tensors["out.logits"][seen], atol=1e-4, rtol=0)
    assert torch.allclose(out.loss, tensors["out.loss"], atol=1e-4, rtol=0)


# --- the processor ------------------------------------------------------------------------------


def question(text):
    system = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    return f"{system}<|im_start|>user\n{text[0]}<|im_end|>\n<|im_start|>assistant\n{text[1]}<|im_end|>\n"


def same(made, tensors, name):
    return all(torch.equal(found, tensors[f"{name}.{row}"]) for row, found in enumerate(made[name]))


def test_text_and_picture_become_the_published_tensors(processor):
    tensors = reference.unpack("cases.npz", "a.")
    patches = tensors["pixel_values.0.0"].reshape(3, 14, 7, 9, 14).permute(2, 1, 3, 4, 0).reshape(98, 126, 3)
    picture = Image.fromarray(((patches.numpy() + 1) * 127.5).round().astype(np.uint8))
    made = processor(question(("(<image>./</image>)\nWhat is it?", "x^2+y")), picture)
    assert torch.equal(made["input_ids"], tensors["input_ids"])
    assert torch.equal(made["pixel_values"][0][0], tensors["pixel_values.0.0"])
    assert same(made, tensors, "tgt_sizes") and same(made, tensors, "image_bound")


def test_texts_and_sounds_become_the_published_tensors(processor):
    tensors = reference.unpack("cases.npz", "f.")
    texts = [question(("(<audio>./</audio>)\ntranscribe", "hi")), question(("say (<audio>./</audio>)", "hello"))]
    made = processor(texts, audios=[[np.zeros(260 * 160)], [np.zeros(90 * 160)]])
    seen = tensors["attention_mask"].bool()
    assert torch.equal(made["attention_mask"].bool(), seen)
    assert torch.equal(made["input_ids"][seen], tensors["input_ids"][seen])
    assert made["audio_features"].shape == tensors["audio_features"].shape
    assert same(made, tensors, "audio_feature_lens") and same(made, tensors, "audio_bounds")


# --- the complete reference, where it lies --------------------------------------------------------


def cases():
    return sorted(Path(COMPLETE).glob("minicpm_*/case_*.safetensors")) if COMPLETE else []


@pytest.mark.skipif(not COMPLETE, reason="MINICPM_REFERENCE names no folder with the complete reference")
@pytest.mark.parametrize("family", ["minicpm_o_2_6", "minicpm_v_4_5"])
def test_complete_weights_load_without_a_missing_or_unexpected_name(family):
    _, report = AutoModelForImageTextToText.from_pretrained(Path(COMPLETE, family), output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]


@pytest.mark.skipif(not COMPLETE, reason="MINICPM_REFERENCE names no folder with the complete reference")
@pytest.mark.parametrize("path", cases(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_part_of_the_complete_reference_agrees(path):
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        meta = json.loads(file.metadata()["meta"])
    model = AutoModelForImageTextToText.from_pretrained(path.parent).eval()
    parts = {"vpm": "vpm_last_hidden_state", "resampler": "resampler_out"}
    parts |= {"apm": "apm_last_hidden_state", "audio_projection_layer": "audio_proj"}
    found = {}
    for name, output in parts.items():
        if hasattr(model, name):
            getattr(model, name).register_forward_hook(lambda *call, output=output: found.update({output: call[2]}))
    inputs = reference.forward_inputs(tensors, meta.get("temporal_ids"))
    with torch.no_grad():
        out = model(**inputs)
        media = {name: value for name, value in inputs.items() if "ids" not in name or name == "temporal_ids"}
        found["inputs_embeds"] = model.embed(
            inputs["input_ids"], **{name: media[name] for name in media if name not in ("attention_mask", "labels")}
        )
    seen = tensors["attention_mask"].bool()
    assert (out.logits - tensors["out.logits"])[seen].abs().max() < 1e-4
    compared = [name for name in found if f"out.{name}" in tensors]
    assert "resampler_out" in compared or "audio_proj" in compared
    for name in compared:
        assert (found[name] - tensors[f"out.{name}"]).abs().max() < 1e-4, name
    if "out.loss" in tensors:
        assert (out.loss - tensors["out.loss"]).abs() < 1e-4
