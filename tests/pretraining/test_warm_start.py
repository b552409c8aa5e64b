"""helpers.pretraining.warm_start: what is copied computes what it computed before, by whichever name."""

import pytest
import torch

from helpers.paths import ROOT
from helpers.pretraining import forward, tiny_minicpm
from helpers.pretraining.families import processor_of
from helpers.pretraining.warm_start import patch_weights, warm_start

FOLDER = ROOT / "data" / "tiny-qwen2-vl"


@pytest.fixture(scope="module")
def source():
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(FOLDER, dtype="float32").requires_grad_(False)


@pytest.fixture(scope="module")
def processor():
    return processor_of("minicpm_o")


@pytest.fixture(scope="module")
def started(processor):
    """Model and the names of what was not copied."""
    model = tiny_minicpm.minicpm_o_model(processor).eval().requires_grad_(False)
    return model, warm_start(model, processor, FOLDER)


def test_only_what_qwen2_vl_lacks_keeps_random_numbers(started):
    parts = {name.rsplit(".", 1)[0] for name in started[1] if not name.startswith(("apm.", "audio_", "resampler."))}
    assert parts == {"vpm.embeddings.position_embedding", "vpm.post_layernorm"}


def test_language_model_knows_what_it_knew(started, source, processor):
    from transformers import AutoTokenizer

    old = AutoTokenizer.from_pretrained(FOLDER)
    text = r"<|im_start|>user\frac { x } { 2 } + \alpha ^ { 2 }"
    shared = [token for token in processor.tokenizer.get_vocab() if token in old.get_vocab()]
    logits = []
    for model, tokenizer in ((started[0], processor.tokenizer), (source, old)):
        ids = torch.tensor([tokenizer.convert_tokens_to_ids(old.tokenize(text))])
        logits.append(model(input_ids=ids).logits[..., tokenizer.convert_tokens_to_ids(shared)])
    assert len(shared) > 480 and torch.allclose(*logits, atol=1e-4)


def test_vision_encoder_without_positions_sees_what_it_saw(started, source):
    states, inside = torch.randn(2, 12, 160), torch.arange(12) < torch.tensor([[12], [8]])
    for block, layer in zip(source.model.visual.blocks, started[0].vpm.encoder.layers, strict=True):
        layer.mlp.activation_fn = block.mlp.act  # SigLIP's is another
        theirs = forward.vision_block(block, states, inside, torch.ones(32), torch.zeros(32))
        assert torch.allclose(layer(states, attention_mask=inside[:, None, None]), theirs, atol=1e-4)


def test_patches_mean_the_same_in_the_other_normalization(source):
    import torch.nn.functional as F

    convolution, grey = source.model.visual.patch_embed.proj, torch.rand(1, 28, 28) * 255
    theirs = F.linear(forward.to_patches(grey), convolution.weight.flatten(1))
    ours = F.conv2d((grey / 127.5 - 1).expand(1, 3, -1, -1), *patch_weights(convolution).values(), stride=14)
    assert torch.allclose(ours.flatten(2).transpose(1, 2), theirs, atol=1e-4)


def test_minicpm_v_starts_from_minicpm_o(started, processor, tmp_path):
    started[0].save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    model = tiny_minicpm.minicpm_v_model(processor)
    left = warm_start(model, processor, tmp_path)
    assert {name.split(".")[-2] for name in left} == {"q_norm", "k_norm"}
    assert torch.equal(model.resampler.query, started[0].resampler.query)


def test_a_model_of_the_same_family_goes_on_where_it_was(tmp_path, processor):
    first, second = (tiny_minicpm.minicpm_o_model(processor, seed) for seed in (1, 2))
    first.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert warm_start(second, processor, tmp_path) == []
    assert all((a == b).all() for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_words_of_another_vocabulary_start_from_what_was_known_of_them(tmp_path, processor):
    """The shipped tokenizer with its first LaTeX command taken for an unknown word of two pieces."""
    from tokenizers import AddedToken

    first = tiny_minicpm.minicpm_o_model(processor)
    first.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    more = tiny_minicpm.make_tokenizer()
    more.add_tokens([AddedToken(" a b", normalized=False)])
    new = processor.tokenizer.get_vocab().keys() ^ more.get_vocab().keys()
    assert new == {" a b"}
    changed = tiny_minicpm.minicpm_o_processor()
    changed.tokenizer = more
    second = tiny_minicpm.minicpm_o_model(changed, 2)
    assert warm_start(second, changed, tmp_path) == []
    old, table = first.llm.model.embed_tokens.weight, second.llm.model.embed_tokens.weight
    pieces = processor.tokenizer(" a b").input_ids
    assert len(pieces) > 1 and torch.allclose(table[-1], old[pieces].mean(0)) and torch.equal(table[:-1], old)
