"""Several processes as one: what torchrun has started, one for each GPU, on one machine or on several.

    torchrun --standalone --nproc-per-node 4 train.py

starts ``train.py`` four times on one machine; each takes a GPU of its own and its part of every batch. On two machines
with eight GPUs each, on the first and on the second (HOST is the first one's name; both see the same output folder):

    torchrun --nnodes 2 --node-rank 0 --nproc-per-node 8 --rdzv-endpoint HOST:29500 train.py
    torchrun --nnodes 2 --node-rank 1 --nproc-per-node 8 --rdzv-endpoint HOST:29500 train.py

Without torchrun there is one process, and nothing here does anything. What is said, is said by the first.
"""

import atexit
import math
import os
import time
from contextlib import contextmanager

from helpers.language import message

PATIENCE = 3  # seconds that a process still waits which ends because another failed: that one says why


def count():
    """How many processes there are."""
    return int(os.environ["WORLD_SIZE"]) if "LOCAL_RANK" in os.environ else 1


def number():
    """The number of this process, from 0."""
    return int(os.environ["RANK"]) if "LOCAL_RANK" in os.environ else 0


def take_card():
    """From now on "cuda" is this process's own GPU.

    Raises:
        ValueError: more processes were started on this machine than it has GPUs.
    """
    import torch

    if count() == 1:
        return
    card, cards = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if card >= cards:
        raise ValueError(message("processes.no_card", number=card + 1, cards=cards))
    torch.cuda.set_device(card)


def share(batch_size, gradient_accumulation):
    """The part of a batch that each process takes: (pictures in a forward pass, such passes a step).

    Passes are shared out first: a GPU then has in its memory what it would have alone.

    Raises:
        ValueError: the batch cannot be dealt evenly.
    """
    whole, processes = batch_size * gradient_accumulation, count()
    if whole % processes:
        facts = {"batch": batch_size, "accumulation": gradient_accumulation, "whole": whole, "count": processes}
        _refuse(message("processes.uneven", **facts))
    fewer = math.gcd(gradient_accumulation, processes)
    return batch_size * fewer // processes, gradient_accumulation // fewer


@contextmanager
def together(device):
    """Work in which the processes wait for each other. If one fails, all end, and only that one says why."""
    _join(device)
    try:
        yield
    except BaseException as error:
        if count() > 1:
            import torch

            atexit.unregister(torch.distributed.destroy_process_group)  # it would wait for the others
            if _is_of_another(error):
                _end()
        raise


def from_first(work):
    """What ``work()`` returns in the first process, the only one that does it, for all of them."""
    if count() == 1:
        return work()
    import torch

    told = [None, None]
    try:
        if number() == 0:
            told = ["done", work()]
    except BaseException:
        told = ["failed", None]
        raise
    finally:
        torch.distributed.broadcast_object_list(told, 0)
    if told[0] == "failed":
        _end()
    return told[1]


def agree(fault):
    """End all processes if one of them has found a fault; "" if it has not.

    Raises:
        ValueError: in the first process, with the first fault found.
    """
    if count() == 1:
        return
    import torch

    faults = [None] * count()
    torch.distributed.all_gather_object(faults, fault)
    if found := list(filter(None, faults)):
        _refuse(found[0])


def require_same(facts):
    """Refuse to work together on what is not the same for all: a dict that names it, data and weights by checksums."""
    firsts = from_first(lambda: facts)
    names = [name for name in facts if facts[name] != firsts.get(name)]
    agree(message("processes.differ", number=number(), names=", ".join(names)) if names else "")


def _join(device):
    import torch

    if count() == 1 or torch.distributed.is_initialized():
        return
    if device == "cuda":
        take_card()
    if device == "cpu":
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"  # it would number CPUs, and nothing can be loaded to "cpu:0"
    torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    atexit.register(torch.distributed.destroy_process_group)


def _refuse(fault):
    if number() == 0:
        raise ValueError(fault)
    _end()


def _end():
    time.sleep(PATIENCE)
    raise SystemExit(1)


def _is_of_another(error):
    """Whether an error only says that another process is gone."""
    import torch

    return isinstance(error, torch.distributed.DistError) or "by peer" in str(error)
