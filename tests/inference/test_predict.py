"""helpers.inference.predict: answers come back in order, whatever the batch size, and the same after merging."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from helpers.data import images
from helpers.data.samples import Sample
from helpers.data.synthetic import papers
from helpers.data.synthetic.render import render_set
from helpers.inference.predict import Answer, predict, predict_with_confidence, sample_answers
from helpers.models import lora
from helpers.models.load import load
from helpers.settings import Settings
from helpers.training.collate import collate

SETTINGS = Settings.tiny()


@pytest.fixture(scope="module")
def loaded():
    return load("qwen2_vl", SETTINGS)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    made = render_set(tmp_path_factory.mktemp("set"), 14, seed=5, part="test")
    for index, sample in enumerate(made):  # most pages are of one size: make some wider
        page = Image.open(sample.file)
        ImageOps.expand(page, (0, 0, index % 3 * papers.GRID, 0), 255).save(sample.file)
    return made


@pytest.fixture(scope="module")
def answers(loaded, samples):
    return predict(*loaded, samples, SETTINGS)


def test_shipped_model_reads_printed_formulas_in_order(samples, answers):
    assert len({Image.open(sample.file).size for sample in samples}) >= 3
    assert sum(answer == sample.text for answer, sample in zip(answers, samples, strict=True)) >= 11


@pytest.mark.parametrize("batch_size", [1, 5])
def test_batch_size_does_not_change_answers(loaded, samples, answers, batch_size):
    assert predict(*loaded, samples, SETTINGS, batch_size=batch_size) == answers


def test_order_of_the_samples_is_kept(loaded, samples, answers):
    assert predict(*loaded, samples[::-1], SETTINGS) == answers[::-1]


def test_truths_are_not_looked_at(loaded, samples, answers):
    assert predict(*loaded, [Sample(sample.file, "") for sample in samples[:3]], SETTINGS) == answers[:3]


def test_nothing_to_read_gives_nothing(loaded):
    assert predict(*loaded, [], SETTINGS) == []


def test_answers_end_at_max_new_tokens(loaded, samples):
    (answer,) = predict(*loaded, samples[:1], Settings.tiny(max_new_tokens=3))
    assert 1 <= len(loaded[1].tokenizer(answer).input_ids) <= 3


def test_prompt_reaches_the_model(loaded, samples, monkeypatch):
    asked = []
    monkeypatch.setattr(loaded[0], "generate", lambda input_ids, **options: asked.append(input_ids) or input_ids)
    assert predict(*loaded, samples[:1], SETTINGS, prompt="Formula Recognition:") == [""]
    assert "Formula Recognition:" in loaded[1].tokenizer.decode(asked[0][0])


@pytest.mark.parametrize("training", [True, False])
def test_training_mode_is_restored(loaded, samples, monkeypatch, training):
    model, processor = loaded
    seen = []
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda **o: seen.append(model.training) or generate(**o))
    model.train(training)
    predict(model, processor, samples[:1], SETTINGS)
    after = model.training
    with pytest.raises(ValueError):
        predict(model, processor, [Sample(__file__, "")], SETTINGS)
    failed = model.training
    model.eval()
    assert seen == [False] and after is training and failed is training


@pytest.mark.parametrize("content", ["no picture", "cut short", None])
def test_unreadable_picture_is_named_before_any_is_read(loaded, samples, tmp_path, monkeypatch, content):
    if content:
        data = samples[0].file.read_bytes()
        (tmp_path / "bad.png").write_bytes(data[: len(data) // 2] if content == "cut short" else b"no picture")
    monkeypatch.setattr(loaded[0], "generate", lambda **options: pytest.fail("read"))
    with pytest.raises((ValueError, FileNotFoundError), match="^bad.png: ") as caught:
        predict(*loaded, [*samples, Sample(tmp_path / "bad.png", "")], SETTINGS, batch_size=2)
    assert str(tmp_path) not in str(caught.value)


def test_each_picture_is_decoded_once(loaded, samples, monkeypatch):
    decoded = []
    decode = images.open_picture
    monkeypatch.setattr(images, "open_picture", lambda data: decoded.append(data) or decode(data))
    monkeypatch.setattr(loaded[0], "generate", lambda input_ids, **options: input_ids)
    predict(*loaded, samples, SETTINGS)
    assert len(decoded) == len(samples)


def test_pictures_of_like_size_are_read_together(loaded, samples, monkeypatch):
    areas = []

    def generate(input_ids, image_grid_thw, **options):
        areas.extend(image_grid_thw.prod(1).tolist())
        return input_ids

    monkeypatch.setattr(loaded[0], "generate", generate)
    predict(*loaded, samples, SETTINGS, batch_size=4)
    assert areas == sorted(areas) and len(set(areas)) > 1


def test_preferences_of_the_checkpoint_do_not_make_answers_random(samples, answers):
    model, processor = load("qwen2_vl", SETTINGS)
    model.generation_config.update(do_sample=True, temperature=5.0, top_p=1.0, top_k=0)
    assert predict(model, processor, samples[:4], SETTINGS) == answers[:4]


def test_merged_model_saved_and_loaded_by_transformers_alone_answers_as_with_lora(samples, answers, tmp_path):
    import torch
    from transformers import Qwen2VLForConditionalGeneration

    model, processor = load("qwen2_vl", SETTINGS)
    tuned = lora.add_lora(model, "qwen2_vl", SETTINGS)
    torch.manual_seed(0)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.1)
    with_lora = predict(tuned, processor, samples[:6], SETTINGS)
    merged = tuned.merge_and_unload()
    assert predict(merged, processor, samples[:6], SETTINGS) == with_lora != answers[:6]
    merged.save_pretrained(tmp_path)
    assert "packed" not in (tmp_path / "config.json").read_text(encoding="utf-8")
    alone = Qwen2VLForConditionalGeneration.from_pretrained(tmp_path, dtype=torch.float32)
    assert predict(alone, processor, samples[:6], SETTINGS) == with_lora


def test_colour_and_grey_pictures_read_the_same(loaded, samples, answers, tmp_path):
    page = Image.open(samples[0].file)
    clear = Image.merge("RGBA", [Image.new("L", page.size)] * 3 + [Image.fromarray(255 - np.asarray(page))])
    for number, image in enumerate((page.convert("RGB"), clear)):
        image.save(tmp_path / f"{number}.png")
    copies = [Sample(tmp_path / f"{number}.png", "") for number in (0, 1)]
    assert predict(*loaded, copies, SETTINGS) == [answers[0]] * 2


# --- confidence -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def confident(loaded, samples):
    return predict_with_confidence(*loaded, samples, SETTINGS)


def test_confident_answers_are_those_of_predict(answers, confident):
    assert [answer.text for answer in confident] == answers


def test_probabilities_are_those_of_a_second_forward_pass(loaded, samples, confident):
    """The whole answer at once, without generate or a cache: log-probability of each token given those before."""
    import torch

    model, processor = loaded
    for sample, answer in zip(samples[:5], confident, strict=False):
        batch = collate([Sample(sample.file, answer.text)], processor)
        keep, labels = batch.pop("logits_to_keep"), batch.pop("labels")[0, 1:]
        with torch.inference_mode():
            logits = model(**batch).logits[0, -keep:-1].double()
        found = logits.log_softmax(-1)[range(len(labels)), labels]
        assert answer.tokens == len(labels)
        assert answer.log_probability == pytest.approx(found.sum().item(), abs=1e-4)
        assert answer.weakest == pytest.approx(found.min().exp().item(), abs=1e-4)


def test_padding_after_an_answer_does_not_count(loaded, samples, confident):
    alone = predict_with_confidence(*loaded, samples, SETTINGS, batch_size=1)
    assert [answer.tokens for answer in alone] == [answer.tokens for answer in confident]
    for one, other in zip(alone, confident, strict=True):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
    assert len({answer.tokens for answer in alone}) > 3


def test_probability_and_mean_belong_together():
    answer = Answer("x", -3.0, 0.2, 4)
    assert (answer.probability, answer.mean_log_probability) == (pytest.approx(np.exp(-3)), -0.75)


def test_an_answer_cut_short_counts_the_tokens_there_are(loaded, samples):
    (answer,) = predict_with_confidence(*loaded, samples[:1], Settings.tiny(max_new_tokens=3))
    assert answer.tokens == 3 and 0 < answer.probability <= answer.weakest <= 1


def test_confidence_needs_no_logits_of_the_whole_vocabulary(loaded, samples, monkeypatch):
    asked = {}
    generate = loaded[0].generate
    monkeypatch.setattr(loaded[0], "generate", lambda **options: asked.update(options) or generate(**options))
    predict_with_confidence(*loaded, samples[:2], SETTINGS)
    assert not {"output_scores", "output_logits"} & set(asked)


# --- sampling ---------------------------------------------------------------------------------


def test_sampling_with_one_seed_repeats_itself_and_leaves_the_callers_random_numbers(loaded, samples):
    import torch

    torch.manual_seed(7)
    wanted = torch.rand(2)
    torch.manual_seed(7)
    first = sample_answers(*loaded, samples[0], SETTINGS, count=6, temperature=3.0)
    assert torch.equal(torch.rand(2), wanted)
    assert sample_answers(*loaded, samples[0], SETTINGS, count=6, temperature=3.0) == first and len(set(first)) > 1
    assert sample_answers(*loaded, samples[0], Settings.tiny(seed=1), count=6, temperature=3.0) != first


def test_a_low_temperature_is_greedy(loaded, samples, answers):
    assert sample_answers(*loaded, samples[0], SETTINGS, count=4, temperature=0.01) == [answers[0]] * 4
