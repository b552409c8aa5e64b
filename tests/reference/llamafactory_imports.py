"""Imported once by the process that llamafactory_forks forks from."""

import llamafactory.train.tuner  # noqa: F401

from helpers.llamafactory import patches

patches.apply()
