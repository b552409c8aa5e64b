"""helpers.disk: a full or read-only disk is one line, the old file stays, and after room is made the run goes on."""

import errno
import subprocess
import sys

import pytest

from helpers.disk import DiskError, require
from helpers.files import locked, read_text, whole_folder, write_text
from helpers.paths import ROOT


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_full_disk_is_said_in_one_line_and_the_old_file_stays(small_disk):
    write_text(small_disk / "a.txt", "old")
    with pytest.raises(DiskError, match=r"^a.txt: no space left, 2.0 MB needed, 1.0 MB free .*make room") as caught:
        write_text(small_disk / "a.txt", "x" * 2_000_000)
    assert "\n" not in str(caught.value) and [path.name for path in small_disk.iterdir()] == ["a.txt"]
    assert read_text(small_disk / "a.txt") == "old"


def fill(folder, count=20):
    for number in range(count):
        write_text(folder / f"{number}.txt", "x" * 100_000)


def test_folder_that_does_not_fit_leaves_the_old_one_and_fits_after_room_is_made(small_disk):
    (small_disk / "heavy").write_bytes(bytes(600_000))
    with pytest.raises(DiskError, match="no space left"), whole_folder(small_disk / "made") as folder:
        fill(folder, 6)
    assert sorted(path.name for path in small_disk.iterdir()) == ["heavy"]
    (small_disk / "heavy").unlink()
    with whole_folder(small_disk / "made") as folder:
        fill(folder, 6)
    assert len(list((small_disk / "made").iterdir())) == 6


def test_what_cannot_fit_is_not_begun(small_disk):
    with pytest.raises(DiskError, match=r"^made: 5.0 GB needed, 1.0 MB free -> .*nothing was begun$"):
        with whole_folder(small_disk / "made", 5_000_000_000):
            pytest.fail("begun")
    require(small_disk, 500_000)
    assert list(small_disk.iterdir()) == []


def torch_save(folder):
    import torch

    torch.save({"weights": torch.zeros(1_000_000)}, folder / "optimizer.pt")


def safetensors_save(folder):
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(1_000_000, np.float32)}, folder / "model.safetensors")


def tokenizer_save(folder):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    Tokenizer(WordLevel({f"word {n}": n for n in range(100_000)}, unk_token="word 0")).save(f"{folder}/tokenizer.json")


@pytest.mark.parametrize("write", [torch_save, safetensors_save, tokenizer_save])
@pytest.mark.parametrize("hold", [locked, whole_folder])
def test_full_disk_is_told_from_what_libraries_say(small_disk, write, hold):
    with pytest.raises(DiskError, match=r"^run: no space left, .* free"), hold(small_disk / "run") as folder:
        write(folder or small_disk / "run")


def test_a_limit_on_the_size_of_files_is_told_too(tmp_path):
    code = f"""
import resource
from pathlib import Path
from helpers.disk import DiskError
from helpers.files import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path({str(tmp_path)!r}) / "a.txt", "x" * 2000)
except DiskError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.startswith("a.txt: no space left, 0.0 MB needed") and not list(tmp_path.iterdir())


def test_read_only_folder_is_named_before_anything_is_done(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for hold in (locked, whole_folder):
        with pytest.raises(DiskError, match=r"^run cannot be written \(Read-only file system\) -> "):
            with hold(small_disk / "run"):
                pytest.fail("begun")
    with pytest.raises(DiskError, match="a.txt cannot be written"):
        write_text(small_disk / "a.txt", "x")


@pytest.mark.parametrize("error", [PermissionError(errno.EACCES, "no", "/etc/shadow"), ValueError("x"), OSError("y")])
def test_other_errors_stay_what_they_are(tmp_path, error):
    with pytest.raises(type(error)) as caught, locked(tmp_path / "run"):
        raise error
    assert caught.value is error
