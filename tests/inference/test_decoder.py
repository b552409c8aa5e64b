"""helpers.inference.decoder: rows do not see each other, answers end, and the model is as it was."""

import pytest
import torch

from helpers.data.synthetic.render import render_set
from helpers.inference.decoder import Decoder, grouped_attention
from helpers.inference.fast import prepare
from helpers.inference.predict import predict
from helpers.models.generate import decode, evaluating
from helpers.models.inputs import PROMPT, encode_prompts
from helpers.models.load import load
from helpers.settings import Settings

SETTINGS = Settings.tiny(max_new_tokens=40)


@pytest.fixture(scope="module")
def loaded():
    return load("qwen2_vl", SETTINGS)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return render_set(tmp_path_factory.mktemp("set"), 5, seed=5, part="test")


@pytest.fixture(scope="module")
def answers(loaded, samples):
    return predict(*loaded, samples, SETTINGS)


def batch_of(loaded, samples):
    return prepare(loaded[0].model.get_rope_index, loaded[1], PROMPT, torch.float32, samples)


def test_empty_rows_and_the_batch_before_do_not_leak(loaded, samples, answers):
    with evaluating(loaded[0]):
        decoder = Decoder(loaded[0], 3, SETTINGS.max_new_tokens)
        first = decode(loaded[1], decoder(batch_of(loaded, samples[:3])))
        second = decode(loaded[1], decoder(batch_of(loaded, samples[3:4])))
    assert (first, second) == (answers[:3], answers[3:4])


def test_scores_are_those_of_generate(loaded, samples, monkeypatch):
    scores = []
    monkeypatch.setattr(Decoder, "choose", lambda self, found: scores.append(found[:2]) or found.argmax(-1))
    asked = {"max_new_tokens": 40, "do_sample": False, "output_logits": True, "return_dict_in_generate": True}
    with evaluating(loaded[0]):
        Decoder(loaded[0], 3, 40)(batch_of(loaded, samples[:2]))
        wanted = loaded[0].generate(**encode_prompts(samples[:2], loaded[1]), **asked).logits
    torch.testing.assert_close(torch.stack(scores[:6]), torch.stack(wanted[:6]), atol=1e-4, rtol=1e-4)
    assert len(wanted) <= len(scores) < len(wanted) + 8


def test_a_longer_batch_gets_more_room(loaded, samples, answers):
    batch = batch_of(loaded, samples[:2])
    longer = prepare(loaded[0].model.get_rope_index, loaded[1], "Read it. " * 60, torch.float32, samples[:2])
    with evaluating(loaded[0]):
        decoder = Decoder(loaded[0], 2, SETTINGS.max_new_tokens)
        decoder(batch)
        before = decoder.length
        decoder(longer)
        again = decode(loaded[1], decoder(batch))
    assert decoder.length > before and again == answers[:2]


@pytest.mark.parametrize("limit", [1, 3, 130])
def test_an_answer_that_never_ends_is_bounded(loaded, samples, monkeypatch, limit):
    monkeypatch.setattr(Decoder, "choose", lambda self, scores: torch.full(scores.shape[:1], 5))
    with evaluating(loaded[0]):
        assert Decoder(loaded[0], 2, limit)(batch_of(loaded, samples[:2])).tolist() == [[5] * limit] * 2


def test_after_the_end_come_padding_tokens_and_no_more_steps(loaded, samples, monkeypatch):
    end, pad = (getattr(loaded[0].generation_config, f"{name}_token_id") for name in ("eos", "pad"))
    end = end[0] if isinstance(end, list) else end
    steps = []

    def choose(self, scores):
        steps.append(1)
        return torch.tensor([end if len(steps) == 6 else 5, end if len(steps) == 2 else 6])

    monkeypatch.setattr(Decoder, "choose", choose)
    with evaluating(loaded[0]):
        found = Decoder(loaded[0], 2, 40)(batch_of(loaded, samples[:2])).tolist()
    assert found[0] == [5] * 5 + [end] + [pad] * 34 and found[1] == [6, end] + [pad] * 38
    assert len(steps) == 8  # at the eighth it looks


def test_the_way_to_attend_is_put_back(loaded, samples):
    before = loaded[0].config.get_text_config()._attn_implementation
    with evaluating(loaded[0]):
        Decoder(loaded[0], 2, 3)(batch_of(loaded, samples[:2]))
    assert loaded[0].config.get_text_config()._attn_implementation == before
    assert loaded[0].config.vision_config._attn_implementation != before


def test_grouped_attention_is_attention_with_repeated_keys():
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 6, 1, 8), torch.randn(2, 2, 5, 8), torch.randn(2, 2, 5, 8)
    mask = torch.zeros(2, 1, 1, 5)
    mask[0, ..., :2] = float("-inf")
    weights = (query @ key.repeat_interleave(3, 1).transpose(2, 3) * 0.3 + mask).softmax(-1)
    wanted = (weights @ value.repeat_interleave(3, 1)).transpose(1, 2)
    torch.testing.assert_close(grouped_attention(None, query, key, value, mask, scaling=0.3)[0], wanted)
