"""helpers.llamafactory.errors: a failed run is told in a few lines, with its likely cause and the cure."""

import pytest

from helpers.llamafactory.errors import explain, last_lines


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "per_device_train_batch_size"),
        ("FloatingPointError: step 3: loss or gradient is NaN or infinite", "lower learning_rate"),
        ("ValueError: Image features and image tokens do not match, tokens: 3, features: 9", "raise cutoff_len"),
        ("ValueError: Undefined dataset molecules in dataset_info.json.", "data.register"),
        ("ValueError: Your setup doesn't support bf16/gpu. You need to assign use_cpu", "bf16: false"),
        ("RuntimeError: expected the same dtype, but got: float != c10::BFloat16", '"dtype": "float32"'),
        ("RuntimeError: The server socket has failed to listen: EADDRINUSE", "MASTER_PORT"),
        ("ValueError: Some keys are not used by the HfArgumentParser: ['x']", "check(config)"),
        ("ImportError: transformers>=4.55.0,<=5.6.0 is required for a normal functioning of this module", "lock"),
        ("ImportError: deepspeed is required. To fix: run `pip install deepspeed`.", "pip install deepspeed"),
        ("OSError: [Errno 28] No space left on device", "make room"),
    ],
)
def test_known_errors_come_with_a_cure(tmp_path, line, cure):
    log = tmp_path / "train.log"
    log.write_text(f"[INFO] all well\nTraceback (most recent call last):\n  File x\n{line}\n", encoding="utf-8")
    said = str(explain(log, 1))
    assert line in said and cure in said and "all well" not in said


def test_of_several_processes_the_first_that_failed_is_quoted():
    log = (
        "[rank1]: Traceback (most recent call last):\n[rank1]:   File a\n[rank1]: ValueError: the cause\n"
        "W1121 13:00:00 torch/distributed/elastic Sending process 5 closing signal SIGTERM\n"
        "Traceback (most recent call last):\n  File b\ntorch.distributed.elastic.ChildFailedError:\n"
    )
    assert last_lines(log) == ["ValueError: the cause"]


def test_a_bar_before_the_stack_does_not_hide_it():
    log = " 33%|###   | 2/6 [00:01<00:02]Traceback (most recent call last):\n  File a\nValueError: the cause\n"
    assert last_lines(log) == ["ValueError: the cause"]


def test_killed_for_memory_is_told_from_the_exit_status(tmp_path):
    (tmp_path / "train.log").write_text("  3%|# | 1/30\n", encoding="utf-8")
    assert "memory" in str(explain(tmp_path / "train.log", -9))
