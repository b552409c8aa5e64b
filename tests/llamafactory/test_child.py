"""helpers.llamafactory.child: each verb patches LLaMA-Factory, and then runs what its own command line would."""

import sys
from types import SimpleNamespace

import pytest

from helpers.llamafactory import child, patches

TUNER, CHAT = "llamafactory.train.tuner", "llamafactory.chat.chat_model"
VERBS = {"train": (TUNER, "run_exp"), "export": (TUNER, "export_model"), "chat": (CHAT, "run_chat")}


@pytest.mark.parametrize("verb", VERBS)
def test_verb_patches_and_runs(monkeypatch, verb):
    done, (module, name) = [], VERBS[verb]
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: lambda: done.append(sys.argv[1:])}))
    monkeypatch.setattr(patches, "apply", lambda: done.append("patched"))
    monkeypatch.setattr(child.ctypes, "CDLL", lambda _: SimpleNamespace(prctl=lambda option, _: done.append(option)))
    monkeypatch.setattr(sys, "argv", ["child", verb, "config.yaml", "learning_rate=1e-5"])
    child.main()
    tied = [child.PR_SET_PDEATHSIG] if sys.platform == "linux" else []  # it ends when its parent does
    assert done == [*tied, "patched", ["config.yaml", "learning_rate=1e-5"]]


def test_torchrun_gets_its_own_words_and_patches_nothing(monkeypatch):
    got = []
    monkeypatch.setitem(sys.modules, "torch.distributed.run", SimpleNamespace(main=got.append))
    monkeypatch.setattr(patches, "apply", lambda: pytest.fail("patched"))
    monkeypatch.setattr(child.ctypes, "CDLL", lambda name: SimpleNamespace(prctl=lambda *values: None))
    words = ["--nproc_per_node", "2", "-m", "helpers.llamafactory.child", "train", "config.yaml"]
    monkeypatch.setattr(sys, "argv", ["child", "torchrun", *words])
    child.main()
    assert got == [words]
