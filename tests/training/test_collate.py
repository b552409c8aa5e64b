"""helpers.training.collate: exactly the answer and its end are trained, pictures keep their shape, nothing is cut."""

import copy

import numpy as np
import pictures
import pytest
from PIL import Image

from helpers.data.images import read_picture
from helpers.data.samples import Sample
from helpers.models.inputs import conversation, encode_prompts
from helpers.models.load import load
from helpers.settings import Settings
from helpers.training.collate import IGNORE, collate, fill

ANSWERS = [
    "x",
    r"\frac { \alpha } { 2 } = \sum _ { i } ^ { n } x _ { i }",
    "公式 \\\\ 一\n二 ",
    "C1=CC=CC=C1",
    r"\{ \} \$",
]
SIZES = [(252, 56), (224, 56), (224, 56), (196, 84), (140, 196)]


@pytest.fixture(scope="module")
def loaded():
    return load("qwen2_vl", Settings.tiny())


@pytest.fixture(scope="module")
def processor(loaded):
    return loaded[1]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return pictures.noise_samples(tmp_path_factory.mktemp("pictures"), ANSWERS, SIZES)


def picture(folder, image, name="picture.png", **options):
    image.save(folder / name, **options)
    return Sample(folder / name, "x")


# --- labels -----------------------------------------------------------------------------------


def test_trained_positions_are_the_answer_and_its_end(processor, samples):
    batch = collate(samples, processor)
    for answer, labels in zip(ANSWERS, batch["labels"], strict=True):
        assert processor.tokenizer.decode(labels[labels != IGNORE]) == answer + "<|im_end|>"


def test_labels_lie_over_the_ends_of_the_rows(processor, samples):
    batch = collate(samples, processor)
    kept = batch["input_ids"][:, -batch["logits_to_keep"] :]
    trained = batch["labels"] != IGNORE
    assert kept.shape == batch["labels"].shape and (kept[trained] == batch["labels"][trained]).all()
    assert trained[:, -1].all() and not trained[:, 0].any()  # the first is where the longest answer is predicted from


def test_row_is_what_the_chat_template_writes(processor, samples):
    batch = collate(samples, processor, prompt="公式?")
    for sample, ids, mask in zip(samples, batch["input_ids"], batch["attention_mask"], strict=True):
        question = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "公式?"}]}
        text = processor.apply_chat_template([question, {"role": "assistant", "content": sample.text}])
        whole = processor(text=[text.removesuffix("\n")], images=[read_picture(sample.file)])["input_ids"][0]
        assert ids[mask.bool()].tolist() == list(whole)
        assert (ids[~mask.bool()] == processor.tokenizer.pad_token_id).all()


def test_loss_is_that_of_whole_rows(loaded, samples):
    import torch

    batch = collate(samples, loaded[1])
    labels = torch.full_like(batch["input_ids"], IGNORE)
    labels[:, -batch["logits_to_keep"] :] = batch["labels"]
    whole = {name: value for name, value in batch.items() if name not in ("labels", "logits_to_keep")}
    with torch.inference_mode():
        assert loaded[0](**batch).loss.item() == pytest.approx(loaded[0](**whole, labels=labels).loss.item(), rel=1e-5)


def test_neighbours_and_padding_do_not_change_the_loss(loaded, samples):
    import torch

    def sums(chosen):
        batch = collate(chosen, loaded[1])
        count = (batch["labels"] != IGNORE).sum().item()
        with torch.inference_mode():
            return np.array([loaded[0](**batch).loss.item() * count, count])

    together, alone = sums(samples), sum(sums([sample]) for sample in samples)
    assert together == pytest.approx(alone, rel=1e-4)


# --- pictures ---------------------------------------------------------------------------------


def test_pixels_of_all_pictures_lie_end_to_end(processor, samples):
    import torch

    batch = collate(samples, processor)
    alone = [processor.image_processor([read_picture(s.file)], return_tensors="pt") for s in samples]
    assert torch.equal(batch["pixel_values"], torch.cat([one["pixel_values"] for one in alone]))
    assert torch.equal(batch["image_grid_thw"], torch.cat([one["image_grid_thw"] for one in alone]))


@pytest.mark.parametrize("size", [(250, 50), (50, 250), (112, 112), (200, 75)])
def test_aspect_ratio_is_kept(processor, tmp_path, size):
    batch = collate([picture(tmp_path, Image.new("L", size))], processor)
    _, rows, columns = batch["image_grid_thw"][0].tolist()
    assert columns / rows == pytest.approx(size[0] / size[1], rel=0.3)


def test_every_picture_place_is_marked(processor, samples):
    batch = collate(samples, processor)
    assert ((batch["input_ids"] == processor.image_token_id) == (batch["mm_token_type_ids"] == 1)).all()
    assert batch["mm_token_type_ids"].sum(1).tolist() == [w * h // 28**2 for w, h in SIZES]


# --- refusals ---------------------------------------------------------------------------------


def test_row_too_long_is_named_and_not_cut(processor, samples):
    lengths = collate(samples, processor)["attention_mask"].sum(1).tolist()
    assert collate(samples, processor, max_length=max(lengths))["attention_mask"].sum(1).tolist() == lengths
    with pytest.raises(ValueError, match=r"1?\d?\.png: \d+ \+ \d+ tokens are more than \d+ -> shorten") as caught:
        collate(samples, processor, max_length=max(lengths) - 1)
    assert samples[lengths.index(max(lengths))].file.name in str(caught.value)


@pytest.mark.parametrize("collect", [collate, encode_prompts])
def test_template_without_a_picture_place_is_refused(processor, samples, collect):
    blind = copy.copy(processor)
    blind.chat_template = "{% for message in messages %}{{ message.role }}{% endfor %}"
    with pytest.raises(ValueError, match="0.png: 0 image tokens in the text for 18 from the picture"):
        collect(samples, blind)


def test_special_token_in_an_answer_is_refused(processor, samples):
    for token in ("<|im_end|>", "<|image_pad|>"):
        with pytest.raises(ValueError, match="0.png: the answer holds the special token .*take it out"):
            collate([Sample(samples[0].file, f"x {token} y")], processor)


@pytest.mark.parametrize("content, reason", [(b"no picture", "not a pic"), (b"", "not a pic"), (None, "no such")])
def test_unreadable_picture_is_named_without_its_path(processor, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=f"^bad.png: .*{reason}.*->") as caught:
        collate([Sample(tmp_path / "bad.png", "x")], processor)
    assert str(tmp_path) not in str(caught.value)


def test_question_ends_where_the_answer_begins(processor):
    assert conversation(processor, "Q").endswith("<|vision_end|>Q<|im_end|>\n<|im_start|>assistant\n")


def test_a_batch_of_nothing_is_filled_up_and_teaches_nothing(processor, samples):
    def make(chosen):
        return collate(chosen, processor)

    assert (fill([samples[1], None], make, samples[0])["labels"] == make(samples[1:2])["labels"]).all()
    empty = fill([None, None], make, samples[0])
    assert (empty["input_ids"] == make(samples[:1])["input_ids"]).all() and (empty["labels"] == IGNORE).all()
