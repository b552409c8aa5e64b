"""helpers.training.packing: a batch as one row holds what the collator's batch holds, and nothing of it is lost."""

import pytest
import torch

from helpers.data.samples import load_jsonl
from helpers.data.synthetic.render import render_set
from helpers.models.load import load
from helpers.settings import Settings
from helpers.training.collate import IGNORE, collate
from helpers.training.packing import STEPS, pack

FAMILIES = ("qwen2_vl", "glm_ocr")  # one picture is one run of patches and of tokens
MINICPM = ("minicpm_o", "minicpm_v")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packing")
    render_set(folder, 5, seed=7, style="scan")
    return load_jsonl(folder / "data.jsonl")


@pytest.fixture(scope="module", params=FAMILIES + MINICPM)
def loaded(request):
    return load(request.param, Settings.tiny())


@pytest.fixture(scope="module", params=FAMILIES)
def whole(request):
    return load(request.param, Settings.tiny())


@pytest.fixture(scope="module", params=MINICPM)
def sliced(request):
    return load(request.param, Settings.tiny())


def rows_of(batch):
    """The tokens of each row, without what was filled up."""
    bounds = batch["starts"].tolist()[:-1]
    return [batch["input_ids"][start:end] for start, end in zip(bounds, bounds[1:], strict=False)]


def test_rows_are_those_of_the_collator(samples, loaded):
    model, processor = loaded
    usual, batch = collate(samples, processor), pack(samples, model, processor)
    for row, ids, inside in zip(rows_of(batch), usual["input_ids"], usual["attention_mask"].bool(), strict=True):
        assert torch.equal(row, ids[inside])


def test_trained_positions_are_the_answers_and_their_ends(samples, loaded):
    model, processor = loaded
    batch = pack(samples, model, processor)
    trained = batch["labels"][batch["labels"] != IGNORE]
    ends = processor.tokenizer.eos_token_id if model.config.model_type == "qwen2_vl" else None
    text = processor.tokenizer.decode(trained, skip_special_tokens=ends is None)
    end = processor.tokenizer.eos_token if ends else ""
    assert text.replace("\n", "") == "".join(sample.text + end for sample in samples)
    assert torch.equal(batch["input_ids"][batch["answer_places"][: len(trained)] + 1], trained)


def test_each_picture_has_its_own_patches_and_places(samples, whole):
    model, processor = whole
    usual, batch = collate(samples, processor), pack(samples, model, processor)
    count = len(usual["pixel_values"])
    assert torch.equal(batch["pixel_values"][:count], usual["pixel_values"])
    assert batch["picture_starts"][1:-1].diff().tolist() == usual["image_grid_thw"].prod(1).tolist()[1:]
    assert (batch["input_ids"][batch["image_places"][: count // 4]] == processor.image_token_id).all()


def test_each_slice_has_its_own_patches_and_places(samples, sliced):
    model, processor = sliced
    usual, batch = collate(samples, processor), pack(samples, model, processor)
    slices = [picture for row in usual["pixel_values"] for picture in row]
    kernel = model.vpm.embeddings.patch_embedding
    for index, picture in enumerate(slices):
        start, end = batch["picture_starts"][index : index + 2].tolist()
        assert batch["picture_patches"][index][: end - start].tolist() == list(range(start, end))
        wanted = kernel(picture[None]).flatten(2)[0].T
        mine = torch.nn.functional.linear(batch["pixel_values"][start:end], kernel.weight.flatten(1), kernel.bias)
        assert torch.allclose(mine, wanted, atol=1e-5)
    queries = processor.image_processor.image_feature_size
    places = batch["image_places"][: len(slices) * queries]
    unknown = processor.tokenizer.unk_token_id
    assert (batch["input_ids"][places] == unknown).all() and len(places.unique()) == len(places)
    assert (batch["input_ids"] == unknown).sum() == len(places)


def test_positions_begin_anew_in_each_row(samples, loaded):
    model, processor = loaded
    batch = pack(samples, model, processor)
    for start in batch["starts"].tolist()[: len(samples)]:
        assert not batch["position_ids"][..., start].any()


def test_what_fills_up_trains_nothing(samples, loaded):
    model, processor = loaded
    batch = pack(samples, model, processor)
    filled = batch["labels"] == IGNORE
    assert filled.any() and (batch["answer_places"][filled] == len(batch["input_ids"]) - 1).all()
    assert int(batch["starts"][-1]) == len(batch["input_ids"]) and len(batch["input_ids"]) % STEPS["tokens"] == 0


def test_an_answer_that_the_collator_refuses_is_refused(samples, loaded):
    from dataclasses import replace

    model, processor = loaded
    with pytest.raises(ValueError, match=str(samples[0].file.name)):
        pack([replace(samples[0], text="a" + processor.tokenizer.eos_token)], model, processor)
