"""Helpers for the lessons, a room for each part of the way from a pile of pictures to a model that reads them.

``from helpers import Settings, data, evaluation, inference, llamafactory, models, show, training`` is what lessons do;
each package lists at its top what they may use. CONTRIBUTING.md has a map.
"""

from helpers.settings import Settings
