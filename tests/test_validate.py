import io
import json
import os
import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from helpers import sounds, videos
from helpers.formats import write_minicpm, write_qwen2_vl, write_sharegpt
from helpers.samples import Sample, write_jsonl
from helpers.validate import DataError, Problem, check, find_problems

FORMS = {
    "jsonl": (write_jsonl, "data.jsonl"),
    "qwen2_vl": (write_qwen2_vl, "data.json"),
    "minicpm": (write_minicpm, "data.json"),
    "sharegpt": (lambda samples, path: write_sharegpt(samples, path, "Read:"), "data.json"),
}


def png(colour=0, size=(40, 20)):
    buffer = io.BytesIO()
    Image.new("L", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def png_header(width, height):
    """A PNG that claims a size and holds no pixels: 33 bytes of signature and IHDR, then an empty IDAT and IEND."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.fixture
def samples(tmp_path):
    (tmp_path / "images").mkdir()
    made = [Sample(tmp_path / "images" / f"{number}.png", f"x _ {{ {number} }}") for number in range(4)]
    for number, sample in enumerate(made):
        sample.image.write_bytes(png(number))
    return made


@pytest.fixture
def jsonl(tmp_path, samples):
    """Write rows over the good data file; texts may be bytes or str."""
    write_jsonl(samples, tmp_path / "data.jsonl")
    return tmp_path / "data.jsonl"


def write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def only(path, **options):
    """The one problem of a file."""
    (problem,) = find_problems(path, **options)
    return problem


def turns(user="<image>Read:", assistant="x", content="content", roles=("user", "assistant")):
    return [{"role": roles[0], content: user}, {"role": roles[1], content: assistant}]


# --- sound data -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_what_the_project_writes_has_no_problem(tmp_path, samples, form):
    writer, name = FORMS[form]
    writer(samples, tmp_path / name)
    assert find_problems(tmp_path / name) == []
    assert check(tmp_path / name, fmt=form) == 4


def test_rare_line_separators_do_not_shift_line_numbers(tmp_path, samples):
    strange = [Sample(samples[0].image, "a\u2028b\x85c\x0bd"), Sample(samples[1].image, "  ")]
    write_jsonl(strange, tmp_path / "data.jsonl")
    assert (only(tmp_path / "data.jsonl").row, only(tmp_path / "data.jsonl").reason) == (2, "empty answer")


def test_multi_turn_video_and_system_records_are_sound(tmp_path, samples):
    videos.write_video(np.full((4, 32, 64), 255, np.uint8), tmp_path / "a.mp4")
    messages = [{"role": "system", "content": "Be brief."}, *turns("<image><video>What?"), *turns("And?", "y")]
    rows = [{"messages": messages, "images": ["images/0.png"], "videos": ["a.mp4"]}]
    assert find_problems(write(tmp_path / "d.json", rows)) == []


def test_same_picture_with_other_question_is_sound(tmp_path, samples):
    rows = [{"messages": turns(f"<image>{q}", q), "images": ["images/0.png"]} for q in ("Colour?", "Shape?")]
    assert find_problems(write(tmp_path / "d.json", rows)) == []


# --- pictures ---------------------------------------------------------------------------------

NOISE = random.Random(0).randbytes(40 * 20)
NOISY = io.BytesIO()
Image.frombytes("L", (40, 20), NOISE).save(NOISY, "PNG")

PICTURES = {
    "empty file": (b"", "is an empty file"),
    "text": (b"not a picture at all", "not a picture (20 bytes)"),
    "truncated": (NOISY.getvalue()[:-200], "broken or cut short"),
    "truncated header": (png()[:20], "not a picture"),
    "broken middle": (NOISY.getvalue()[:100] + b"\xff" * 300 + NOISY.getvalue()[400:], "broken or cut short"),
    "one pixel high": (png(size=(300, 1)), "1 pixel high (300x1)"),
    "one pixel wide": (png(size=(1, 30)), "1 pixel wide (1x30)"),
    "absurd ratio": (png(size=(802, 4)), "Qwen2-VL refuses over 200:1"),
    "bomb": (png_header(9500, 9500), "decompression bomb? 9500x9500"),
    "large bomb": (png_header(60_000, 60_000), "decompression bomb?"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),
}


@pytest.mark.parametrize("case", PICTURES)
def test_bad_picture_is_named(samples, jsonl, case):
    data, reason = PICTURES[case]
    samples[2].image.write_bytes(data)
    problem = only(jsonl)
    assert reason in problem.reason and "images/2.png" in problem.reason
    assert (problem.file, problem.row) == ("data.jsonl", 3) and problem.cure


def test_ratio_of_exactly_200_is_allowed(samples, jsonl):
    samples[0].image.write_bytes(png(size=(800, 4)))
    assert find_problems(jsonl) == []


def test_truncation_is_seen_although_another_package_told_pillow_to_ignore_it(samples, jsonl, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    samples[0].image.write_bytes(PICTURES["truncated"][0])
    assert "cut short" in only(jsonl).reason
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_bomb_is_judged_by_its_header_alone(samples, jsonl, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    for number, sample in enumerate(samples):
        sample.image.write_bytes(png_header(9500, 9500 + number))
    assert ["bomb?" in problem.reason for problem in find_problems(jsonl)] == [True] * 4


PATHS = {
    "images/9.png": "is missing",
    "images\\0.png": "is missing",
    "images": "is not a file",
    "../0.png": "leaves the data folder",
    "images/../../0.png": "leaves the data folder",
    "..\\0.png": "leaves the data folder",
    "/etc/hostname": "absolute path",
    "C:\\pictures\\0.png": "absolute path",
    "\\\\server\\0.png": "absolute path",
    "/dev/zero": "absolute path",
    "": "is empty or impossible",
    "images/\0.png": "is empty or impossible",
    "\ud800.png": "is empty or impossible",
    "a" * 5000: "cannot be opened",
    "images/0.png/1.png": "is missing",
}


@pytest.mark.parametrize("path", PATHS)
def test_bad_path_is_named(tmp_path, samples, path):
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"image": path, "text": "x"}) + "\n", encoding="utf-8")
    assert PATHS[path] in only(data).reason


def test_link_out_of_the_folder_is_refused_and_one_inside_is_not(tmp_path_factory, samples, jsonl):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    secret.write_bytes(png(77))
    samples[0].image.unlink()
    samples[0].image.symlink_to(secret)
    assert "link that leads out" in only(jsonl).reason
    samples[0].image.unlink()
    (samples[0].image.parent / "real.png").write_bytes(png(77))
    samples[0].image.symlink_to("real.png")
    assert find_problems(jsonl) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipe_does_not_block(samples, jsonl):
    samples[0].image.unlink()
    os.mkfifo(samples[0].image)
    assert "is not a file" in only(jsonl).reason


def test_data_folder_behind_a_link_is_sound(tmp_path, jsonl):
    (tmp_path / "link").symlink_to(tmp_path)
    assert find_problems(tmp_path / "link" / "data.jsonl") == []


# --- files ------------------------------------------------------------------------------------

GOOD = b'{"image": "images/0.png", "text": "x"}\n'
FILES = {
    "empty": (b"", None, "no rows"),
    "only white space": (b" \n\n", None, "no rows"),
    "gbk": (GOOD + '{"image": "images/1.png", "text": "公式"}'.encode("gbk"), 2, "not UTF-8 at byte 74"),
    "neither": (b'{"image": "images/0.png", "text": "\xff\xff"}', 1, "not UTF-8 at byte 35"),
    "bom": (b"\xef\xbb\xbf" + GOOD, None, "byte order mark"),
    "utf-16": (GOOD.decode().encode("utf-16"), None, "UTF-16"),
    "broken line": (GOOD + b'{"image": "images/1.png", "text": }\n', 2, "not JSON at column 35"),
    "cut line": (GOOD + b'{"image": "ima', 2, "not JSON at column"),
    "deep": (GOOD + b"[" * 100_000 + b"]" * 100_000, 2, "no reader takes"),
    "huge number": (GOOD + b'{"image": ' + b"9" * 5000 + b"}", 2, "no reader takes"),
    "a list": (b'[{"image": "images/0.png", "text": "x"}]', None, "a JSON list in a .jsonl file"),
    "number": (GOOD + b"5\n", 2, "row is a number"),
    "null": (GOOD + b"null\n", 2, "row is null"),
    "other keys": (GOOD + b'{"image": "images/1.png", "text": "y", "label": 1}\n', 2, "unknown key 'label'"),
    "missing key": (GOOD + b'{"image": "images/1.png"}\n', 2, "no 'text'"),
    "null answer": (GOOD + b'{"image": "images/1.png", "text": null}\n', 2, "text is null, not a string"),
    "true answer": (GOOD + b'{"image": "images/1.png", "text": true}\n', 2, "text is true or false"),
    "number answer": (GOOD + b'{"image": "images/1.png", "text": NaN}\n', 2, "text is a number"),
    "list picture": (GOOD + b'{"image": ["images/1.png"], "text": "y"}\n', 2, "image is a list"),
    "empty answer": (GOOD + b'{"image": "images/1.png", "text": " \\n"}\n', 2, "empty answer"),
    "half character": (GOOD + b'{"image": "images/1.png", "text": "\\ud800"}\n', 2, "half a character"),
    "wrong decoding": (GOOD + '{"image": "images/1.png", "text": "\ufffd"}\n'.encode(), 2, "U+FFFD"),
    "conversations": (b'{"conversations": [{"role": "user", "value": "images/0.png"},'
                      b'{"role": "assistant", "value": "x"}]}', None, "qwen2_vl records in a .jsonl file"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_bad_jsonl_is_named(tmp_path, samples, case):
    content, row, reason = FILES[case]
    (tmp_path / "data.jsonl").write_bytes(content)
    problem = only(tmp_path / "data.jsonl", answer_tokens=lambda text: len(text.encode()), max_answer_tokens=99)
    assert reason in problem.reason and problem.row == row


def test_gbk_file_is_read_on_for_further_problems(tmp_path, samples):
    rows = '{"image": "images/0.png", "text": "公式"}\n{"image": "images/1.png", "text": ""}\n'
    (tmp_path / "data.jsonl").write_bytes(rows.encode("gbk"))
    encoding, empty = find_problems(tmp_path / "data.jsonl")
    assert "gb18030" in encoding.cure and empty.reason == "empty answer"


JSON_FILES = {
    "cut": ('[{"messages": [', "not JSON at line 1, column 16"),
    "comma": ('[\n{"a": 1},\n]', "not JSON at line 3, column 1"),
    "object": ('{"messages": []}', "top level is an object"),
    "string": ('"hello"', "top level is a string"),
    "empty list": ("[]", "no rows"),
    "unknown": ('[{"foo": 1}]', "keys are 'foo': no known record"),
    "our rows": ('[{"image": "images/0.png", "text": "x"}]', "jsonl records in a .json file"),
}


@pytest.mark.parametrize("case", JSON_FILES)
def test_bad_json_is_named(tmp_path, samples, case):
    content, reason = JSON_FILES[case]
    (tmp_path / "data.json").write_text(content, encoding="utf-8")
    assert reason in only(tmp_path / "data.json").reason


def test_jsonl_under_the_name_of_json_gets_the_cure(tmp_path):
    (tmp_path / "data.json").write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    assert "rename it to .jsonl" in only(tmp_path / "data.json").cure


def test_folder_and_missing_file_are_problems(tmp_path):
    assert "a folder" in only(tmp_path).reason
    assert "missing" in only(tmp_path / "nowhere.json").reason


# --- conversations ----------------------------------------------------------------------------

SHAREGPT = {
    "too few marks": ({"messages": turns("Read:"), "images": ["images/0.png"]}, "0 <image> marks, 1 image files"),
    "too many marks": ({"messages": turns("<image><image>"), "images": ["images/0.png"]}, "2 <image> marks, 1 image"),
    "no pictures": ({"messages": turns()}, "1 <image> marks, 0 image files"),
    "wrong role": ({"messages": turns(roles=("human", "assistant")), "images": ["images/0.png"]}, "role 'human'"),
    "null role": ({"messages": turns(roles=("user", None)), "images": ["images/0.png"]}, "role null where assistant"),
    "no answer": ({"messages": turns()[:1], "images": ["images/0.png"]}, "the last turn is not the assistant's"),
    "no turns": ({"messages": []}, "messages is empty"),
    "turns of text": ({"messages": ["hello", "you"]}, "a turn is a string"),
    "messages null": ({"messages": None}, "messages is null"),
    "empty answer": ({"messages": turns(assistant=""), "images": ["images/0.png"]}, "empty answer"),
    "null answer": ({"messages": turns(assistant=None), "images": ["images/0.png"]}, "assistant's content is null"),
    "from, value": ({"messages": turns(content="value"), "images": []}, "a turn has no 'content'"),
    "images a string": ({"messages": turns("x"), "images": "images/0.png"}, "images is not a list of paths"),
    "images of nulls": ({"messages": turns("x"), "images": [None]}, "images is not a list of paths"),
    "unknown key": ({"messages": turns("x"), "image": "images/0.png"}, "unknown key 'image'"),
    "missing video": ({"messages": turns("<video>"), "videos": ["a.mp4"]}, "'a.mp4' is missing"),
    "video marks": ({"messages": turns("look"), "videos": ["images/0.png"]}, "0 <video> marks, 1 video files"),
    "mark in answer": ({"messages": turns("Read:", "<image>"), "images": ["images/0.png"]}, "<image> in an answer"),
}


@pytest.mark.parametrize("case", SHAREGPT)
def test_bad_sharegpt_record_is_named(tmp_path, samples, case):
    record, reason = SHAREGPT[case]
    good = {"messages": turns("<image>Good:"), "images": ["images/1.png"]}
    problems = find_problems(write(tmp_path / "data.json", [good, record]))
    assert any(reason in problem.reason for problem in problems)
    assert {problem.row for problem in problems} == {1}


def test_minicpm_record_needs_its_mark_and_picture(tmp_path, samples):
    rows = [
        {"id": "1", "image": "images/0.png", "conversations": turns("Read:")},
        {"id": "2", "image": None, "conversations": turns("<image>", roles=("user", "gpt"))},
    ]
    first, *second = find_problems(write(tmp_path / "data.json", rows))
    assert first.reason == "0 <image> marks, 1 image files"
    assert {"image is null, not a string", "role 'gpt' where assistant is due"} <= {p.reason for p in second}


def test_qwen2_vl_record_is_one_picture_and_one_answer(tmp_path, samples):
    both = turns("images/0.png", content="value")
    rows = [{"conversations": both * 2}, {"conversations": turns("images/1.png")}, {"conversations": both}]
    problems = find_problems(write(tmp_path / "data.json", rows[:2]))
    assert [problem.row for problem in problems] == [0, 1, 1]
    assert problems[0].reason == "4 turns" and "no 'value'" in problems[1].reason
    assert find_problems(write(tmp_path / "data.json", rows[2:])) == []


# --- rules over the whole set -----------------------------------------------------------------


def test_long_answer_and_large_picture_are_named_with_their_counts(samples, jsonl):
    assert len(samples[0].text) == 9
    limits = {"answer_tokens": len, "max_answer_tokens": 8, "image_tokens": lambda width, height: width * height // 100}
    answers = find_problems(jsonl, **limits, max_image_tokens=8)
    assert [problem.reason[:31] for problem in answers] == ["answer of 9 tokens, allowed 8: "] * 4
    limits["max_answer_tokens"] = 9
    picture, *_ = find_problems(jsonl, **limits, max_image_tokens=2)
    assert picture.reason == "'images/0.png' of 40 x 20 pixels takes 8 image tokens, allowed 2"
    assert "20 x 10" in picture.cure


def test_limit_without_its_counter_is_refused(jsonl):
    with pytest.raises(TypeError, match="go together"):
        find_problems(jsonl, max_answer_tokens=5)


def test_unknown_format_is_refused(jsonl):
    with pytest.raises(ValueError, match="sharegpt"):
        find_problems(jsonl, fmt="coco")


def test_picture_of_test_in_train_is_named(tmp_path, samples, jsonl):
    (tmp_path / "images" / "copy.png").write_bytes(samples[1].image.read_bytes())
    (tmp_path / "images" / "copy2.png").write_bytes(samples[2].image.read_bytes())
    twins = [Sample(tmp_path / "images" / "copy.png", samples[1].text), Sample(tmp_path / "images" / "copy2.png", "y")]
    write_jsonl(twins, tmp_path / "test.jsonl")
    problems = find_problems(jsonl, test_path=tmp_path / "test.jsonl")
    assert [(p.row, p.reason) for p in problems] == [
        (2, "same picture and answer as test.jsonl:1"),
        (3, "same picture as test.jsonl:2"),
    ]


def test_test_file_is_examined_too(tmp_path, samples, jsonl):
    write(tmp_path / "test.jsonl", {"image": "images/none.png", "text": "x"})
    problem = only(jsonl, test_path=tmp_path / "test.jsonl")
    assert (problem.file, problem.row) == ("test.jsonl", 1)


def test_pictures_that_cannot_be_read_are_not_called_a_leak(tmp_path, samples, jsonl):
    samples[0].image.unlink()
    write(tmp_path / "test.jsonl", {"image": "images/none.png", "text": "x"})
    reasons = [problem.reason for problem in find_problems(jsonl, test_path=tmp_path / "test.jsonl")]
    assert reasons == ["'images/0.png' is missing", "'images/none.png' is missing"]


def test_one_picture_with_two_answers_is_named(samples, jsonl):
    samples[3].image.write_bytes(samples[0].image.read_bytes())
    problem = only(jsonl)
    assert problem.row == 4 and "same picture as row 1, other answer" in problem.reason


def test_check_lists_everything_in_one_error(tmp_path, samples):
    samples[0].image.unlink()
    rows = [Sample(samples[0].image, "x"), Sample(samples[1].image, " "), samples[2]]
    write_jsonl(rows, tmp_path / "data.jsonl")
    with pytest.raises(DataError) as error:
        check(tmp_path / "data.jsonl")
    lines = str(error.value).split("\n")
    assert lines[0] == "2 problems" and len(lines) == 3
    assert lines[1].startswith("data.jsonl:1: 'images/0.png' is missing") and " -> " in lines[1]


def test_problem_reads_as_one_line():
    assert str(Problem("a.json", None, "why", "cure")) == "a.json: why -> cure"
    assert str(Problem("a.json", 0, "why", "cure")) == "a.json:0: why -> cure"


# --- hostile input ----------------------------------------------------------------------------


def junk(rng, depth=3):
    """A random JSON value with a liking for the keys and strings that matter here."""
    strings = ["", "user", "assistant", "<image>", "images/0.png", "../x", "\ud800", "\0", "公式", "x" * 300, "\u2028"]
    leaves = [None, True, False, 0, -1, 10**30, 1e308, float("nan"), float("inf"), *strings]
    if depth == 0 or rng.random() < 0.4:
        return rng.choice(leaves)
    if rng.random() < 0.4:
        return [junk(rng, depth - 1) for _ in range(rng.randrange(4))]
    keys = [
        "image",
        "text",
        "messages",
        "conversations",
        "images",
        "videos",
        "role",
        "content",
        "value",
        "id",
        "\ud800",
    ]
    return {rng.choice(keys): junk(rng, depth - 1) for _ in range(rng.randrange(6))}


@pytest.mark.parametrize("fmt", ["auto", *FORMS])
def test_no_json_value_crashes_it(tmp_path, samples, fmt):
    rng = random.Random(0)
    for round_ in range(60):
        rows = [junk(rng) for _ in range(10)]
        lines = "\n".join(map(json.dumps, rows))
        (tmp_path / "data.jsonl").write_text(lines, encoding="utf-8")
        for path in (tmp_path / "data.jsonl", write(tmp_path / "data.json", rows)):
            problems = find_problems(
                path, fmt=fmt, answer_tokens=lambda text: len(text.encode()), max_answer_tokens=10, test_path=path
            )
            assert problems, f"round {round_} found nothing"
            assert all("\n" not in str(problem) and str(problem).encode("utf-8") for problem in problems)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_no_picture_bytes_crash_it(samples, jsonl, kind):
    buffer = io.BytesIO()
    Image.frombytes("L", (40, 20), NOISE).save(buffer, kind)
    rng = random.Random(0)
    for _ in range(60):
        for sample in samples:
            data = bytearray(buffer.getvalue())
            for _ in range(rng.randrange(1, 12)):
                data[rng.randrange(min(len(data), 120))] = rng.randrange(256)
            sample.image.write_bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.3 else data)
        find_problems(jsonl)


def test_no_bytes_crash_it(tmp_path):
    rng = random.Random(0)
    for _ in range(200):
        content = bytearray(GOOD * 3)
        for _ in range(rng.randrange(1, 9)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        for name in ("data.jsonl", "data.json"):
            (tmp_path / name).write_bytes(content)
            assert find_problems(tmp_path / name)


def test_import_is_light():
    code = (
        "import sys, helpers.samples, helpers.formats, helpers.validate\n"
        "found = {'torch', 'transformers', 'datasets', 'pyarrow', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- videos and sounds ------------------------------------------------------------------------


def clip_row(name, kind):
    return {"messages": turns(f"<{kind}>What?"), f"{kind}s": [name]}


def good_clips(folder):
    videos.write_video(np.arange(8 * 32 * 64, dtype=np.uint8).reshape(8, 32, 64), folder / "a.mp4")
    sounds.write_wav(np.sin(np.arange(8000) / 5), folder / "a.wav")


BAD_CLIPS = {
    "no video": ("b.mp4", "video", lambda folder: b"no video at all", "video is broken or cut short"),
    "half a video": ("b.mp4", "video", lambda folder: (folder / "a.mp4").read_bytes()[:-400], "broken or cut short"),
    "a sound": ("b.mp4", "video", lambda folder: (folder / "a.wav").read_bytes(), "no video in this file"),
    "no sound": ("b.wav", "audio", lambda folder: b"RIFF of nothing", "sound is broken or cut short"),
    "a video": ("b.wav", "audio", lambda folder: (folder / "a.mp4").read_bytes(), "no sound in this file"),
}


@pytest.mark.parametrize("fault", BAD_CLIPS)
def test_broken_clips_are_named(tmp_path, fault):
    good_clips(tmp_path)
    name, kind, data, said = BAD_CLIPS[fault]
    (tmp_path / name).write_bytes(data(tmp_path))
    rows = [clip_row("a.mp4", "video"), clip_row("a.wav", "audio"), clip_row(name, kind)]
    (problem,) = find_problems(write(tmp_path / "d.json", rows))
    assert problem.row == 2 and name in problem.reason and said in problem.reason


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.full(320, 0.5), "sound of 20 ms is too short"),
        (np.zeros(8000), "sound is silent"),
        (np.zeros(0), "sound is"),
    ],
)
def test_sounds_without_a_sound_are_named(tmp_path, samples, said):
    sounds.write_wav(samples, tmp_path / "a.wav")
    (problem,) = find_problems(write(tmp_path / "d.json", [clip_row("a.wav", "audio")]))
    assert said in problem.reason


def test_video_of_one_frame_and_missing_clips_are_named(tmp_path):
    videos.write_video(np.zeros((1, 32, 64), np.uint8), tmp_path / "a.mp4")
    rows = [clip_row("a.mp4", "video"), clip_row("b.mp4", "video"), clip_row("b.wav", "audio")]
    one, video, sound = find_problems(write(tmp_path / "d.json", rows))
    assert (
        "a single frame" in one.reason and "'b.mp4' is missing" in video.reason and "'b.wav' is missing" in sound.reason
    )


def test_same_sound_with_two_answers_and_in_both_sets_is_named(tmp_path):
    good_clips(tmp_path)
    rows = [clip_row("a.wav", "audio"), clip_row("a.wav", "audio") | {"messages": turns("<audio>What?", "other")}]
    (problem,) = find_problems(write(tmp_path / "d.json", rows))
    assert "same sound as row 0, other answer" in problem.reason
    write(tmp_path / "t.json", rows[:1])
    (leak,) = find_problems(tmp_path / "d.json", test_path=tmp_path / "t.json")[:1]
    assert leak.reason == "same sound and answer as t.json:0"
