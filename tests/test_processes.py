"""helpers.processes: a batch is shared evenly or refused once, by the first; each process has a card of its own.

What several processes do together is tested in tests/training/test_several_gpus.py.
"""

import pytest

from helpers import processes


def several(monkeypatch, count, number=0, local=None):
    """As torchrun sets it."""
    monkeypatch.setattr(processes, "PATIENCE", 0)
    for name, value in (("WORLD_SIZE", count), ("RANK", number), ("LOCAL_RANK", number if local is None else local)):
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize(
    "count, batch, accumulation, part",
    [
        (1, 16, 1, (16, 1)),
        (2, 16, 1, (8, 1)),
        (2, 4, 4, (4, 2)),  # passes are shared out first
        (8, 4, 4, (2, 1)),
        (6, 12, 1, (2, 1)),
        (6, 6, 4, (2, 2)),
        (16, 4, 4, (1, 1)),
    ],
)
def test_each_takes_an_equal_part_of_the_batch(monkeypatch, count, batch, accumulation, part):
    several(monkeypatch, count)
    assert processes.share(batch, accumulation) == part
    assert part[0] * part[1] * count == batch * accumulation


@pytest.mark.parametrize("count, batch, accumulation", [(3, 16, 1), (5, 4, 4), (32, 4, 4)])
def test_what_cannot_be_shared_is_refused_by_the_first_alone(monkeypatch, count, batch, accumulation, capsys):
    several(monkeypatch, count)
    with pytest.raises(ValueError, match=f"{batch * accumulation}.*{count} ") as refused:
        processes.share(batch, accumulation)
    assert "\n" not in str(refused.value)
    several(monkeypatch, count, number=count - 1)
    with pytest.raises(SystemExit) as ended:
        processes.share(batch, accumulation)
    assert ended.value.code == 1 and capsys.readouterr() == ("", "")


def test_a_card_for_each_process_of_a_machine(monkeypatch):
    import torch

    taken = []
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    several(monkeypatch, 8, number=6, local=2)  # the second of two machines
    processes.take_card()
    assert taken == [2]
    several(monkeypatch, 8, number=4)
    with pytest.raises(ValueError, match="4 GPUs"):
        processes.take_card()


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")  # some clusters set it for machines
    assert (processes.count(), processes.number(), processes.share(16, 1)) == (1, 0, (16, 1))
    assert processes.from_first(lambda: "mine") == "mine"
    processes.agree("")
    processes.require_same({"data": 1})
    with pytest.raises(KeyError), processes.together("cpu"):
        raise KeyError


def test_an_error_that_only_says_another_is_gone(monkeypatch):
    import torch

    several(monkeypatch, 2, number=1)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for error in (torch.distributed.DistBackendError("NCCL"), RuntimeError("Connection closed by peer [::1]:1")):
        with pytest.raises(SystemExit), processes.together("cpu"):
            raise error
    with pytest.raises(RuntimeError, match="matrix"), processes.together("cpu"):
        raise RuntimeError("matrix of another shape")
