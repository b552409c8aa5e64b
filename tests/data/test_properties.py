"""Any bytes, any JSON, any text: readers name what is wrong, writers are read back, a split loses nothing."""

import io
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from properties import JSON, damaged, examples

from helpers import data
from helpers.data import media, records, rows
from helpers.data.images import PictureError, flatten, open_picture, picture_size
from helpers.data.synthetic.sounds import write_wav
from helpers.data.synthetic.videos import write_video
from helpers.data.texts import can_be_seen
from helpers.files import read_text, write_text

KEYS = st.sampled_from("image video audio text id messages conversations images system role content value from".split())
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["user", "assistant", "system", "<image>", "1.png", "../1.png", "\ud800", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)  # fmt: skip
LINES = st.lists(RECORDS, max_size=3).map(lambda values: "\n".join(map(json.dumps, values)).encode())
CONTENTS = st.binary(max_size=60) | st.text(max_size=40).map(str.encode) | LINES
CONTENTS |= st.lists(RECORDS | JSON, max_size=3).map(lambda values: json.dumps(values).encode())
CONTENTS |= st.sampled_from(["utf-16", "gb18030", "shift-jis", "utf-8-sig"]).map('{"image": "1.png"}'.encode)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("properties")


@examples(200)
@given(content=CONTENTS, name=st.sampled_from(["data.jsonl", "data.json", "data"]))
@example(content=b"[" * 100_000, name="data.json")
@example(content=b"9" * 5000, name="data.jsonl")
def test_whatever_a_file_holds_its_faults_are_named(folder, content, name):
    (folder / name).write_bytes(content)
    found, faults = rows.read_rows(folder / name)
    assert found or faults
    for form in ("auto", *records.KEYS):
        records.read_records(folder / name, form)
    for problem in data.find_problems(folder / name):
        assert problem.reason and problem.cure and "\n" not in str(problem)
    try:
        data.load_jsonl(folder / name)
    except ValueError as error:
        assert str(error).startswith(name)


# --- pictures, videos and sounds whose bytes are not as they were ---------------------------------------------------


def pictures():
    """Small pictures of every format and of unusual modes, as bytes."""
    shaded = Image.fromarray(np.linspace(0, 255, 12 * 30).reshape(12, 30).astype(np.uint8))
    made = []
    for form, mode in [
        ("PNG", "L"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "I;16"), ("JPEG", "RGB"), ("JPEG", "CMYK"), ("GIF", "P"),
        ("TIFF", "RGB"), ("TIFF", "F"), ("TIFF", "1"), ("WEBP", "RGBA"), ("BMP", "1"),
    ]:  # fmt: skip
        file = io.BytesIO()
        shaded.convert(mode).save(file, form)
        made.append(file.getvalue())
    return made


@examples(300)
@given(damaged(pictures()) | st.binary(max_size=60))
def test_a_damaged_picture_is_a_picture_or_is_named(content):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for look in (lambda content: flatten(open_picture(content)), picture_size):
            try:
                look(content)
            except PictureError as error:
                assert error.reason and error.cure


def clips():
    """A video and sounds as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        write_video(np.zeros((4, 32, 64), np.uint8), Path(folder) / "1.mp4")
        write_wav(np.sin(np.arange(800) / 9) / 2, Path(folder) / "1.wav")
        write_wav(np.ones((400, 2)) / 2, Path(folder) / "2.wav", rate=8000)
        return [path.read_bytes() for path in sorted(Path(folder).iterdir())]


@examples(100)
@given(damaged(clips()) | st.binary(max_size=60))
def test_a_damaged_clip_is_a_clip_or_is_named(content):
    for look in (media.look_at_video, media.look_at_sound, lambda content: media.look_at_video(content, decode=False)):
        try:
            look(content)
        except media.MediaError as error:
            assert error.reason and error.cure


# --- what is written is read back -----------------------------------------------------------------------------------

WHOLE = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(WHOLE, min_size=1, max_size=30)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12)


@examples(100)
@given(st.text(max_size=40))
@example("a\r\nb\u2028c\x85d\ufeff")
@example("\ufeffa")
def test_a_text_file_is_read_as_it_was_written(folder, text):
    try:
        write_text(folder / "a.txt", text)
    except ValueError as error:
        assert "surrogate" in str(error) and any("\ud800" <= letter <= "\udfff" for letter in text)
    else:
        assert read_text(folder / "a.txt") == text.removeprefix("\ufeff")


@examples(100)
@given(st.lists(st.tuples(NAMES, TEXTS), max_size=4))
def test_samples_are_read_as_they_were_written(folder, pairs):
    samples = [data.Sample(folder / "images" / name, text) for name, text in pairs if name not in (".", "..")]
    data.write_jsonl(samples, folder / "written.jsonl")
    assert data.load_jsonl(folder / "written.jsonl") == samples
    data.write_qwen2_vl(samples, folder / "written.json")
    assert data.read_qwen2_vl(folder / "written.json") == samples


@examples(100)
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_conversations_that_are_written_have_no_fault_but_their_text(folder, texts, prompt):
    """Nothing is wrong with a file of ours but what is wrong with a text in it."""
    Image.new("L", (30, 20)).save(folder / "1.png")
    if any(mark in text for text in [*texts, prompt] for mark in ("<image>", "<video>", "<audio>")):
        return
    samples = [data.Sample(folder / "1.png", text) for text in texts]
    for write, form in ((data.write_sharegpt, "sharegpt"), (data.write_minicpm, "minicpm")):
        write(samples, folder / "talks.json", prompt)
        found, faults = records.read_records(folder / "talks.json")
        kept = [text for text in texts if can_be_seen(text)]
        assert faults == [] and [answer for record in found for answer in record.answers] == kept
        assert {name for record in found for name, _ in record.files} == {"1.png"}
        assert records.read_records(folder / "talks.json", form)[0] == found


# --- splits ---------------------------------------------------------------------------------------------------------

PICTURES = tuple(f"{number}.png" for number in range(6))


@examples(120)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcdef")), min_size=2, max_size=14),
    wanted=st.integers(1, 13),
    seed=st.integers(0, 3),
)
def test_a_split_loses_nothing_and_shares_nothing(folder, pairs, wanted, seed):
    for number, name in enumerate(PICTURES):
        if not (folder / name).exists():
            Image.effect_noise((20 + number, 10), 90).save(folder / name)
    samples = [data.Sample(folder / PICTURES[number], text) for number, text in pairs]
    try:
        train, test = data.split(samples, test_count=wanted, seed=seed)
    except ValueError as error:
        assert wanted >= len(samples) or "another" in str(error)
        return
    assert train and test
    assert sorted(map(str, train + test)) == sorted(map(str, samples))
    assert not {sample.file for sample in train} & {sample.file for sample in test}
    assert not {sample.text for sample in train} & {sample.text for sample in test}
    assert (train, test) == data.split(samples, test_count=wanted, seed=seed)
    reachable = sums(group_sizes(samples)) - {0, len(samples)}
    assert abs(len(test) - wanted) == min(abs(count - wanted) for count in reachable)


def group_sizes(samples):
    """Sizes of the groups that share a file or a text, found by joining until nothing changes."""
    groups = [({sample.file, sample.text}, 1) for sample in samples]
    joined = []
    for keys, count in groups:
        apart = []
        for other, more in joined:
            if keys & other:
                keys, count = keys | other, count + more
            else:
                apart.append((other, more))
        joined = [*apart, (keys, count)]
    return [count for _, count in joined]


def sums(sizes):
    found = {0}
    for size in sizes:
        found |= {size + before for before in found}
    return found
