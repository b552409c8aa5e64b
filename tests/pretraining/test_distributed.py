"""helpers.pretraining.distributed: processes share the mean of their gradients and agree on when to end."""

import torch
from torch.distributed.run import main as torchrun

from helpers.paths import ROOT
from helpers.pretraining import distributed

STEP = """
import sys, torch
from helpers.pretraining import distributed
rank, device, processes = distributed.join()
weights = [torch.nn.Parameter(torch.ones(shape)) for shape in ((2, 3), (4,), (1,))]
(weights[0].sum() * (1 + 2 * rank) + weights[1].sum() * 10 * rank).backward()  # the third has no gradient
distributed.average_gradients(weights)
ended = distributed.agreed(0.25 + rank, device)
torch.save((rank, processes, [w.grad for w in weights], ended), f"{sys.argv[1]}/{rank}.pt")
"""


def test_two_processes_take_the_mean_step_and_end_together(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    script = tmp_path / "step.py"
    script.write_text(STEP, encoding="utf-8")
    torchrun(["--standalone", "--nproc-per-node", "2", str(script), str(tmp_path)])
    for rank in (0, 1):
        number, processes, (first, second, third), ended = torch.load(tmp_path / f"{rank}.pt")
        assert (number, processes, third, ended) == (rank, 2, None, 0.25)
        assert (first == 2).all() and first.shape == (2, 3) and (second == 5).all()


def test_one_process_keeps_its_gradients(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    rank, device, processes = distributed.join()
    weight = torch.nn.Parameter(torch.ones(2))
    (3 * weight).sum().backward()
    distributed.average_gradients([weight])
    assert (rank, processes) == (0, 1) and distributed.agreed(0.5, device) == 0.5 and weight.grad.tolist() == [3, 3]
