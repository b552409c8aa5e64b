"""Each tiny family in turn, with its processor: what several test files of pretraining stand on."""

from dataclasses import replace
from functools import partial

import pytest

from helpers.models.load import load_processor
from helpers.pretraining.families import TINY_FAMILIES, processor_of
from helpers.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def shipped_processors():
    """Instead of tokenizers trained anew, seconds each: test_tiny_* see that a recipe makes the one that ships."""
    with pytest.MonkeyPatch.context() as patch:
        for family, made in TINY_FAMILIES.items():
            shipped = partial(load_processor, family, Settings.tiny())
            patch.setitem(TINY_FAMILIES, family, replace(made, make_processor=shipped))
        yield


@pytest.fixture(scope="module", params=TINY_FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def processor(family):
    return processor_of(family)
