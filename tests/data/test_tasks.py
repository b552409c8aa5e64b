"""helpers.data.tasks: train and test of a lesson, as many as its settings say, without one text in both."""

import numpy as np
import pytest
from PIL import Image

from helpers.data import tasks
from helpers.data.samples import Sample
from helpers.notation import smiles
from helpers.settings import Settings


@pytest.mark.parametrize("task", [tasks.formulas, tasks.molecules])
def test_tiny_sets_are_as_large_as_asked_and_share_nothing(tmp_path, task):
    train, test = task(Settings.tiny(train_samples=12, test_samples=5), tmp_path)
    assert (len(train), len(test)) == (12, 5)
    assert not {sample.text for sample in train} & {sample.text for sample in test}
    other, _ = task(Settings.tiny(train_samples=12, test_samples=5, seed=7), tmp_path / "other")
    assert [sample.text for sample in other] != [sample.text for sample in train]


def test_molecules_are_fenced_smiles(tmp_path):
    train, _ = tasks.molecules(Settings.tiny(train_samples=2, test_samples=1), tmp_path)
    for sample in train:
        assert sample.text == smiles.fence(smiles.unfence(sample.text)) != smiles.unfence(sample.text)


def test_real_molecules_are_larger(tmp_path):
    train, _ = tasks.molecules(Settings.real(device="cpu", train_samples=6, test_samples=1), tmp_path)
    assert {Image.open(sample.file).size for sample in train} == {(448, 448)}
    assert max(len(sample.text) for sample in train) > 40


def test_real_formulas_are_split_by_content(tmp_path, monkeypatch):
    asked = []

    def load(settings, folder, limit):
        asked.append((folder.name, limit))
        samples = [Sample(tmp_path / f"{number}.png", f"x _ {{ {number // 2} }}") for number in range(limit)]
        for number, sample in enumerate(samples):
            Image.fromarray(np.full((8, 8), number, np.uint8)).save(sample.file)
        return samples

    monkeypatch.setattr("helpers.data.latex_ocr.load_latex_ocr", load)
    train, test = tasks.formulas(Settings.real(device="cpu", train_samples=30, test_samples=10), tmp_path)
    assert asked == [("latex_ocr", 40)] and (len(train), len(test)) == (30, 10)
    assert not {sample.text for sample in train} & {sample.text for sample in test}
