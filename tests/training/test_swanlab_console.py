"""helpers.training.swanlab_console: SwanLab's console is put back, and its messages hold no machine path."""

from importlib.metadata import version

import pytest

from helpers.training import swanlab_console
from helpers.training.swanlab_console import Console, guard, in_place, plain, put_in, take_out


def test_swanlab_prints_again_afterwards():
    from swanlab.sdk.internal.pkg import console

    before, ours = console.c, Console()
    assert in_place() is None
    put_in(ours)
    assert console.c is not before and in_place() is ours
    take_out()
    assert console.c is before and in_place() is None


def test_the_patched_release_is_the_installed_one():
    assert version("swanlab") == swanlab_console.RELEASE


def test_another_release_is_not_patched(monkeypatch):
    from swanlab.sdk.internal.pkg import console

    before = console.c
    monkeypatch.setattr(swanlab_console, "version", lambda package: "9.9.9")
    with pytest.raises(ImportError, match=f"pip install swanlab=={swanlab_console.RELEASE}"):
        put_in(Console())
    assert console.c is before


def test_what_swanlab_prints_is_kept_and_only_its_first_error_is_told(capsys):
    console = Console()
    with guard("did not log", console):
        console.write("12:00 | INFO - /home/someone/run\n12:00 | ERROR - disk full: /home/someone/run/x.log\n")
    with guard("did not log", console):
        raise OSError("again")
    assert capsys.readouterr().out == "SwanLab reports: disk full: x.log; everything else goes on\n"


@pytest.mark.parametrize(
    "message, line",
    [
        ("cannot open '/home/someone/a b/x.log'", "cannot open 'a b/x.log'"),
        (r"cannot open C:\Users\someone\x.log", "cannot open x.log"),
        ("see https://api.swanlab.cn/x/y", "see https://api.swanlab.cn/x/y"),
        ("one\ntwo", "one"),
        ("", ""),
        ("a" * 200, "a" * 159 + "…"),
    ],
)
def test_messages_are_one_short_line_without_folders(message, line):
    assert plain(message) == line
