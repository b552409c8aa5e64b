"""helpers.data.split: train and test share neither a text nor a file, and are as large as was asked for."""

import io
import random

import pytest
from pictures import png
from PIL import Image

from helpers.data.samples import Sample
from helpers.data.split import split


def make_samples(folder, texts, contents=None, modality="image"):
    """Samples whose files hold a number each: ``contents``, or another for each."""
    samples = [Sample(folder / str(number), text, modality) for number, text in enumerate(texts)]
    for sample, content in zip(samples, contents or range(len(texts)), strict=True):
        sample.file.write_text(str(content), encoding="utf-8")
    return samples


def contents(samples):
    return {" ".join(s.text.split()) for s in samples} | {s.file.read_bytes() for s in samples}


@pytest.mark.parametrize("seed", range(25))
def test_no_text_and_no_picture_is_on_both_sides(tmp_path, seed):
    rng = random.Random(seed)
    texts = [rng.choice(["a  b", "a b", " a\tb\n", "c"] + [f"t{i}" for i in range(60)]) for _ in range(80)]
    samples = make_samples(tmp_path, texts, contents=[rng.randrange(120) for _ in texts])
    train, test = split(samples, test_count=20, seed=seed)
    assert not contents(train) & contents(test)
    assert sorted(map(str, train + test)) == sorted(map(str, samples)) and train and test


@pytest.mark.parametrize("modality", ["image", "video", "audio"])
def test_chain_of_shared_text_and_file_stays_together(tmp_path, modality):
    samples = make_samples(tmp_path, ["a", "a", "b", "b", "c"], [1, 2, 2, 3, 4], modality)
    for seed in range(10):
        train, test = split(samples, test_count=1, seed=seed)
        assert [sample.text for sample in test] == ["c"] and len(train) == 4


def test_the_same_picture_in_other_bytes_stays_on_one_side(tmp_path):
    texts = ["a", "b", "c", "d"]
    kinds = ("png", "bmp", "tiff", "png")
    samples = [Sample(tmp_path / f"{text}.{kind}", text) for text, kind in zip(texts, kinds, strict=True)]
    for sample, seed in zip(samples, (0, 0, 0, 1), strict=True):
        Image.open(io.BytesIO(png(seed))).save(sample.file)
    assert [sample.text for sample in split(samples, test_count=1)[1]] == ["d"]


def test_test_count_is_exact_where_single_samples_allow(tmp_path):
    samples = make_samples(tmp_path, [f"t{i // 3 if i < 30 else i}" for i in range(100)])
    for wanted in (1, 7, 50, 99):
        assert len(split(samples, test_count=wanted)[1]) == wanted


@pytest.mark.parametrize(("sizes", "wanted", "best"), [((3, 3, 4), 6, 6), ((5, 5, 5), 6, 5), ((4, 7), 1, 4)])
def test_nearest_count_that_whole_groups_allow(tmp_path, sizes, wanted, best):
    texts = [f"group {number}" for number, size in enumerate(sizes) for _ in range(size)]
    samples = make_samples(tmp_path, texts)
    for seed in range(6):
        assert len(split(samples, test_count=wanted, seed=seed)[1]) == best


def test_same_seed_same_split_other_seed_other_split(tmp_path):
    samples = make_samples(tmp_path, [f"t{i}" for i in range(40)])
    assert split(samples, test_fraction=0.25, seed=1) == split(samples, test_fraction=0.25, seed=1)
    assert split(samples, test_fraction=0.25, seed=1) != split(samples, test_fraction=0.25, seed=2)


def test_duplicates_are_not_always_on_one_side(tmp_path):
    samples = make_samples(tmp_path, ["twin", "twin"] + [f"t{i}" for i in range(20)])
    sides = {"twin" in [s.text for s in split(samples, test_count=10, seed=seed)[1]] for seed in range(20)}
    assert sides == {True, False}


def test_split_says_what_it_did_only_if_asked(tmp_path, capsys):
    samples = make_samples(tmp_path, ["a", "a", "b", "c"])
    split(samples, test_count=1)
    assert capsys.readouterr().out == ""
    split(samples, test_count=1, verbose=True)
    assert capsys.readouterr().out == "4 samples in 3 groups: 3 train, 1 test (wanted 1)\n"


@pytest.mark.parametrize("sizes", [{}, {"test_count": 0}, {"test_count": 3}, {"test_fraction": 0.5, "test_count": 1}])
def test_impossible_test_size_is_refused(tmp_path, sizes):
    with pytest.raises(ValueError, match="test"):
        split(make_samples(tmp_path, ["a", "b", "c"]), **sizes)


def test_samples_that_all_hang_together_cannot_be_split(tmp_path):
    with pytest.raises(ValueError, match="without a leak"):
        split(make_samples(tmp_path, ["yes", "yes", "yes"]), test_count=1)
