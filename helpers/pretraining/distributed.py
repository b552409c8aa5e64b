"""Pretraining on several GPUs of one machine: what the processes that torchrun started have to tell each other.

Each draws pictures of its own. They begin with equal weights, share the mean of their gradients, and so stay equal.
Without torchrun nothing here does anything.
"""

import atexit
import os


def join():
    """Take part in what torchrun started: (number of this process, its device, how many there are); without it, one."""
    import torch

    rank, processes = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    device = f"cuda:{rank}" if torch.cuda.is_available() else "cpu"
    if device != "cpu":
        torch.cuda.set_device(device)
    if processes > 1:
        torch.distributed.init_process_group("gloo" if device == "cpu" else "nccl")
        atexit.register(torch.distributed.destroy_process_group)
    return rank, device, processes


def agreed(number, device):
    """The ``number`` of the first process, in all of them: clocks differ, and they have to end at the same step."""
    import torch

    if not torch.distributed.is_initialized():
        return number
    held = torch.tensor([number], dtype=torch.float64, device=device)
    torch.distributed.broadcast(held, 0)
    return held.item()


def average_gradients(parameters):
    """Give all processes the mean of their gradients, in place: from equal weights they take equal steps."""
    import torch

    if not torch.distributed.is_initialized():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    torch.distributed.all_reduce(together)
    together /= torch.distributed.get_world_size()
    parts = together.split([gradient.numel() for gradient in gradients])
    torch._foreach_copy_(gradients, [part.view_as(g) for part, g in zip(parts, gradients, strict=True)])
