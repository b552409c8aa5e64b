"""helpers.models.cuda_graph: what a capture that fails leaves behind, and what is said of it. No GPU is needed."""

import gc
from contextlib import nullcontext

import pytest
import torch

from helpers.models.cuda_graph import reason, record


@pytest.fixture
def pretended_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, pool, capture_error_mode: nullcontext())


def test_nothing_is_freed_during_a_capture_and_again_afterwards(pretended_gpu):
    assert gc.isenabled()
    assert record(gc.isenabled, None)[1] is False
    assert gc.isenabled()


def test_a_capture_that_fails_leaves_garbage_collection_on(pretended_gpu):
    with pytest.raises(ZeroDivisionError):
        record(lambda: 1 / 0, None)
    assert gc.isenabled()


def test_the_reason_is_the_first_line_of_what_failed_first():
    error = RuntimeError("operation failed due to a previous error during capture")
    error.__context__ = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
    assert reason(error) == "CUDA out of memory. Tried to allocate 2.00 GiB."
    assert reason(RuntimeError()) == "RuntimeError" and len(reason(RuntimeError("x" * 999))) == 200
