"""What every test gets: an environment of its own, so that no test hands its variables on to the next."""

import os
import signal

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would children


@pytest.fixture(scope="session")
def noisy_samples(tmp_path_factory):
    """Three samples: pictures of noise that MiniCPM cuts into slices, and a small one between them."""
    from PIL import Image

    from helpers.data.samples import Sample

    folder, drawn = tmp_path_factory.mktemp("noisy"), []
    for number, size in enumerate([(700, 300), (90, 40), (320, 640)]):
        path = folder / f"{number}.png"
        Image.effect_noise(size, 60).convert("RGB").save(path)
        drawn.append(Sample(path, "x^{2}" * (number + 1)))
    return tuple(drawn)


@pytest.fixture(autouse=True)
def same_environment_afterwards():
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
