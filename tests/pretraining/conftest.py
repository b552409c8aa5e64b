"""Each tiny family in turn, with its processor: what several test files of pretraining stand on."""

import pytest

from helpers.pretraining.families import TINY_FAMILIES, processor_of


@pytest.fixture(scope="module", params=TINY_FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def processor(family):
    return processor_of(family)
