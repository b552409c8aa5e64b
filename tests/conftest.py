"""What every test gets: an environment of its own, so that no test hands its variables on to the next."""

import os
import signal

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would children


@pytest.fixture(autouse=True)
def same_environment_afterwards():
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
