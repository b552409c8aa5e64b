"""helpers.models.packed: rows laid end to end attend as each would alone."""

import pytest
import torch
import torch.nn.functional as F

from helpers.models.packed import attend

LENGTHS = (3, 1, 5)


@pytest.fixture
def rows():
    """query (1, 4, 9, 8) of four heads, key and value of two."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, heads, sum(LENGTHS), 8, generator=generator) for heads in (4, 2, 2)]


def starts():
    return torch.tensor([0, *LENGTHS]).cumsum(0).to(torch.int32)


@pytest.mark.parametrize("causal", [True, False])
def test_each_row_sees_only_itself(rows, causal):
    found, weights = attend(None, None, *rows, None, cu_seq_lens_q=starts(), is_causal=causal)
    assert weights is None and found.shape == (1, sum(LENGTHS), 4, 8)
    for start, length in zip(starts().tolist(), LENGTHS, strict=False):
        alone = [x[:, :, start : start + length] for x in rows]
        wanted = F.scaled_dot_product_attention(*alone, is_causal=causal, enable_gqa=True).transpose(1, 2)
        torch.testing.assert_close(found[:, start : start + length], wanted)


def test_rows_that_run_into_one_another_are_told_apart(rows):
    found = attend(None, None, *rows, None, cu_seq_lens_q=starts())[0]
    joined = attend(None, None, *rows, None, cu_seq_lens_q=torch.tensor([0, 4, 9], dtype=torch.int32))[0]
    assert torch.equal(found[:, :3], joined[:, :3])  # nothing lies before them
    assert not torch.allclose(found[:, 3:4], joined[:, 3:4])


def test_on_a_gpu_the_operator_is_asked_with_tokens_first(rows):
    asked = []

    def operator(query, key, value, where, longest, causal):
        asked.append((query.shape, key.shape, where.tolist(), longest, causal))
        return (query,)

    found = attend(operator, None, *rows, None, cu_seq_lens_q=starts(), longest=64)[0]
    assert asked == [((9, 4, 8), (9, 2, 8), [0, 3, 4, 9], 64, True)]
    assert torch.equal(found[0], rows[0][0].transpose(0, 1))
