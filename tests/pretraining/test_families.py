"""helpers.pretraining.families: tasks share a batch, fill canvases of whole tokens, and draw what tests may not see."""

import numpy as np
import pytest

from helpers.data.synthetic import held_out, sounds
from helpers.models import families
from helpers.notation import smiles
from helpers.pretraining.families import MOLECULES, SOUNDS, TINY_FAMILIES, processor_of
from helpers.pretraining.forward import GRID


def test_there_is_a_tiny_one_of_every_family():
    assert list(TINY_FAMILIES) == list(families.FAMILIES)


@pytest.mark.parametrize("family", TINY_FAMILIES)
def test_tasks_share_a_batch_and_fill_canvases_of_whole_image_tokens(family):
    tasks = TINY_FAMILIES[family].tasks
    assert sum(task.share for task in tasks) == 4 and len({task.name for task in tasks}) == len(tasks)
    assert all(side % GRID == 0 for task in tasks if task.modality == "image" for side in task.canvas)


def test_molecules_are_fenced_and_those_of_tests_reserved():
    for index in range(5):
        text = MOLECULES.draw(index, 1, "clean", "test")[1]
        assert text == smiles.fence(smiles.unfence(text)) and held_out.reserved(smiles.unfence(text))


def test_sounds_last_a_second_and_parts_differ():
    (one, text), (other, _) = (SOUNDS.draw(0, 1, "clear", part) for part in ("train", "test"))
    assert one.shape == other.shape == (16_000,) and not np.array_equal(one, other)
    assert text in sounds.TRANSCRIPTS.values()


def test_processor_is_made_once():
    assert processor_of("qwen2_vl") is processor_of("qwen2_vl")
