"""What the tests of helpers.llamafactory share: small models and data (llamafactory_places), forked child processes."""

import llamafactory_forks
import llamafactory_places as places
import pytest


@pytest.fixture(scope="session")
def forks():
    llamafactory_forks.serve()
    return llamafactory_forks


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return places.make_glm_ocr(tmp_path_factory.mktemp("llamafactory"))


@pytest.fixture(scope="session")
def media_place(tmp_path_factory):
    return places.make_minicpm(tmp_path_factory.mktemp("media"))
