"""One tiny MiniCPM-o, its processor and a batch for all tests here; who changes them changes them back."""

import minicpm_batch
import pytest

from helpers.models import minicpm
from helpers.models.load import load_processor
from helpers.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def registered():
    minicpm.register()


@pytest.fixture(scope="session")
def processor():
    return load_processor("minicpm_o", Settings.tiny())


@pytest.fixture(scope="session")
def model(processor):
    return minicpm_batch.make_model(processor)


@pytest.fixture(scope="session")
def batch(processor):
    return processor(minicpm_batch.QUESTIONS, minicpm_batch.PICTURES, minicpm_batch.SOUNDS)
