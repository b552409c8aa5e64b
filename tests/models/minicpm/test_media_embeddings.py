"""helpers.models.minicpm.media_embeddings: embeddings go where they belong, and what does not fit is refused by row."""

import pytest
import torch

from helpers.models.minicpm.media_embeddings import insert_embeddings


def test_embeddings_go_into_their_spans_in_order_and_gradients_reach_both():
    text, vectors = torch.zeros(2, 6, 3, requires_grad=True), torch.ones(4, 3, requires_grad=True)
    numbered = vectors * torch.arange(1, 5)[:, None]
    made = insert_embeddings(text, [torch.tensor([[1, 3]]), torch.tensor([[0, 1], [5, 6]])], numbered)
    assert made[..., 0].tolist() == [[0, 1, 2, 0, 0, 0], [3, 0, 0, 0, 0, 4]] and not text.detach().any()
    made.sum().backward()
    assert vectors.grad.min() > 0 and text.grad[0, 1].sum() == 0 and text.grad[0, 0].sum() == 3


def changed(batch, **changes):
    return {**batch, **changes}


def test_pictures_that_do_not_fit_the_text_are_refused_by_row(model, batch):
    bounds = batch["image_bound"]
    with pytest.raises(ValueError, match="row 1: 6 pictures or tiles for 5 places"):
        model(**changed(batch, image_bound=[bounds[0], bounds[1][:-1], *bounds[2:]]))
    with pytest.raises(ValueError, match="row 0: 0 pictures or tiles for 1 places"):
        model(**changed(batch, pixel_values=None))
    with pytest.raises(ValueError, match="row 0: 31 tokens at"):
        model(**changed(batch, image_bound=[bounds[0] - torch.tensor([[0, 1]]), *bounds[1:]]))
    with pytest.raises(ValueError, match="picture 0: .* columns of pixels"):
        model(**changed(batch, tgt_sizes=[batch["tgt_sizes"][0] + 1, *batch["tgt_sizes"][1:]]))


def test_sounds_that_do_not_fit_the_text_are_refused_by_row(model, batch):
    with pytest.raises(ValueError, match="row 1: the sounds give 31 embeddings for 30 places"):
        bounds = batch["audio_bounds"][1] - torch.tensor([[0, 0], [0, 1]])
        model(**changed(batch, audio_bounds=[batch["audio_bounds"][0], bounds, *batch["audio_bounds"][2:]]))
