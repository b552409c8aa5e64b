"""Small models and data that the tests of helpers.llamafactory share; llamafactory_places says what is in them."""

import llamafactory_places as places
import pytest


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return places.make_glm_ocr(tmp_path_factory.mktemp("llamafactory"))


@pytest.fixture(scope="session")
def media_place(tmp_path_factory):
    return places.make_minicpm(tmp_path_factory.mktemp("media"))
