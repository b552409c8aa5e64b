"""helpers.llamafactory.child: each verb patches LLaMA-Factory, and then runs what its own command line would."""

import os
import sys
from types import SimpleNamespace

import pytest

from helpers.llamafactory import child, patches

TUNER, CHAT = "llamafactory.train.tuner", "llamafactory.chat.chat_model"
VERBS = {"train": (TUNER, "run_exp"), "export": (TUNER, "export_model"), "chat": (CHAT, "run_chat")}


@pytest.mark.parametrize("verb", VERBS)
def test_verb_patches_and_runs(monkeypatch, verb):
    done, (module, name) = [], VERBS[verb]
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{name: lambda **given: done.append(sys.argv[1:])}))
    monkeypatch.setattr(patches, "apply", lambda: done.append("patched"))
    monkeypatch.setattr(child, "end_with", lambda parent: done.append(f"tied to {parent}"))
    monkeypatch.setattr(child, "tie_forks", lambda: done.append("forks tied"))
    monkeypatch.setattr(sys, "argv", ["child", verb, "config.yaml", "learning_rate=1e-5"])
    rest = ["patched", "forks tied", ["config.yaml", "learning_rate=1e-5"]]
    monkeypatch.delenv(child.PARENT, raising=False)
    child.main()
    assert done == rest  # from a terminal it goes on when that is closed
    monkeypatch.setenv(child.PARENT, "7")
    monkeypatch.setattr(sys, "argv", ["child", verb, "config.yaml", "learning_rate=1e-5"])
    child.main()
    assert done == [*rest, "tied to 7", *rest]


def test_torchrun_gets_its_own_words_and_patches_nothing(monkeypatch):
    got = []
    monkeypatch.setitem(sys.modules, "torch.distributed.run", SimpleNamespace(main=got.append))
    monkeypatch.setattr(patches, "apply", lambda: pytest.fail("patched"))
    monkeypatch.setenv(child.PARENT, "7")
    monkeypatch.setattr(child, "end_with", got.append)
    words = ["--nproc_per_node", "2", "-m", "helpers.llamafactory.child", "train", "config.yaml"]
    monkeypatch.setattr(sys, "argv", ["child", "torchrun", *words])
    child.main()
    assert got == [7, words] and os.environ[child.PARENT] == str(os.getpid())  # its processes end with it


def test_a_training_is_stopped_when_its_loss_is_no_number(monkeypatch):
    given = {}
    monkeypatch.setitem(sys.modules, TUNER, SimpleNamespace(run_exp=given.update))
    for name in ("end_with", "tie_forks"):
        monkeypatch.setattr(child, name, lambda *args: None)
    monkeypatch.setattr(patches, "apply", lambda: None)
    monkeypatch.setattr(sys, "argv", ["child", "train", "config.yaml"])
    child.main()
    assert [type(callback).__name__ for callback in given["callbacks"]] == ["StopAtNaN"]
