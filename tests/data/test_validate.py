"""helpers.data.validate: what the project writes is sound; every other row is named, whatever the file holds."""

import io
import json
import random
import subprocess
import sys

import numpy as np
import pytest
from pictures import png, png_header
from PIL import Image, ImageOps

from helpers.data.formats import write_minicpm, write_qwen2_vl, write_sharegpt
from helpers.data.samples import Sample, write_jsonl
from helpers.data.synthetic import sounds, videos
from helpers.data.validate import DataError, check, find_problems

FORMS = {
    "jsonl": (write_jsonl, "data.jsonl"),
    "qwen2_vl": (write_qwen2_vl, "data.json"),
    "minicpm": (lambda samples, path: write_minicpm(samples, path, "Read:"), "data.json"),
    "sharegpt": (lambda samples, path: write_sharegpt(samples, path, "Read:"), "data.json"),
}


@pytest.fixture
def samples(tmp_path):
    (tmp_path / "images").mkdir()
    made = [Sample(tmp_path / "images" / f"{number}.png", f"x _ {{ {number} }}") for number in range(4)]
    for number, sample in enumerate(made):
        sample.file.write_bytes(png(number))
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


def good_clips(folder):
    videos.write_video(np.arange(8 * 32 * 64, dtype=np.uint8).reshape(8, 32, 64), folder / "a.mp4")
    sounds.write_wav(np.sin(np.arange(8000) / 5), folder / "a.wav")


# --- sound data -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_what_the_project_writes_has_no_problem(tmp_path, samples, form):
    writer, name = FORMS[form]
    writer(samples, tmp_path / name)
    assert find_problems(tmp_path / name) == []
    assert check(tmp_path / name, fmt=form) == 4


def test_rare_line_separators_do_not_shift_line_numbers(tmp_path, samples):
    strange = [Sample(samples[0].file, "a\u2028b\x85c\x0bd"), Sample(samples[1].file, "  ")]
    write_jsonl(strange, tmp_path / "data.jsonl")
    rare, empty = find_problems(tmp_path / "data.jsonl")
    assert (empty.row, empty.reason) == (2, "empty answer")
    assert (rare.row, rare.warning) == (1, True) and "U+000B, U+0085, U+2028" in rare.reason


def test_multi_turn_video_and_system_records_are_sound(tmp_path, samples):
    videos.write_video(np.full((4, 32, 64), 255, np.uint8), tmp_path / "a.mp4")
    messages = [{"role": "system", "content": "Be brief."}, *turns("<image><video>What?"), *turns("And?", "y")]
    rows = [{"messages": messages, "images": ["images/0.png"], "videos": ["a.mp4"]}]
    assert find_problems(write(tmp_path / "d.json", rows)) == []


def test_same_picture_with_other_question_is_sound(tmp_path, samples):
    rows = [{"messages": turns(f"<image>{q}", q), "images": ["images/0.png"]} for q in ("Colour?", "Shape?")]
    assert find_problems(write(tmp_path / "d.json", rows)) == []


def test_jsonl_of_pictures_videos_and_sounds_is_sound_and_read_as_what_it_is(tmp_path, samples):
    good_clips(tmp_path)
    clips = [Sample(tmp_path / "a.mp4", "x", "video"), Sample(tmp_path / "a.wav", "y", "audio")]
    write_jsonl(samples + clips, tmp_path / "data.jsonl")
    assert check(tmp_path / "data.jsonl") == check(tmp_path / "data.jsonl", fmt="jsonl") == 6
    swapped = [Sample(tmp_path / "a.mp4", "x", "audio"), Sample(tmp_path / "a.wav", "y", "image"), clips[0]]
    write_jsonl(swapped, tmp_path / "data.jsonl")
    audio, image = find_problems(tmp_path / "data.jsonl")
    assert (audio.row, audio.reason) == (1, "'a.mp4': no sound in this file")
    assert image.row == 2 and "'a.wav': not a picture" in image.reason


# --- pictures ---------------------------------------------------------------------------------

NOISE = random.Random(0).randbytes(40 * 20)
NOISY = io.BytesIO()
Image.frombytes("L", (40, 20), NOISE).save(NOISY, "PNG")


@pytest.mark.parametrize("form", FORMS)
def test_broken_picture_is_named_with_its_row(tmp_path, samples, form):
    writer, name = FORMS[form]
    writer(samples, tmp_path / name)
    samples[2].file.write_bytes(NOISY.getvalue()[:-200])
    problem = only(tmp_path / name)
    assert "broken or cut short" in problem.reason and "images/2.png" in problem.reason
    assert (problem.file, problem.row) == (name, 3 if form == "jsonl" else 2) and problem.cure


def test_truncation_is_seen_although_another_package_told_pillow_to_ignore_it(samples, jsonl, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    samples[0].file.write_bytes(NOISY.getvalue()[:-200])
    assert "cut short" in only(jsonl).reason
    assert ImageFile.LOAD_TRUNCATED_IMAGES


def test_bomb_is_judged_by_its_header_alone(samples, jsonl, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    for number, sample in enumerate(samples):
        sample.file.write_bytes(png_header(9500, 9500 + number))
    assert ["bomb?" in problem.reason for problem in find_problems(jsonl)] == [True] * 4


def test_data_folder_behind_a_link_is_sound(tmp_path, jsonl):
    (tmp_path / "link").symlink_to(tmp_path)
    assert find_problems(tmp_path / "link" / "data.jsonl") == []


# --- files ------------------------------------------------------------------------------------

GOOD = b'{"image": "images/0.png", "text": "x"}\n'


def test_gbk_file_is_read_on_for_further_problems(tmp_path, samples):
    rows = '{"image": "images/0.png", "text": "公式"}\n{"image": "images/1.png", "text": ""}\n'
    (tmp_path / "data.jsonl").write_bytes(rows.encode("gbk"))
    encoding, empty = find_problems(tmp_path / "data.jsonl")
    assert "gb18030" in encoding.cure and empty.reason == "empty answer"


def test_missing_file_is_a_problem(tmp_path):
    assert "missing" in only(tmp_path / "nowhere.json").reason


def test_special_tokens_are_faults_if_told_and_else_warnings(tmp_path, samples):
    write_jsonl([Sample(samples[0].file, "a <|image|> b"), *samples[1:]], tmp_path / "data.jsonl")
    known, told = only(tmp_path / "data.jsonl"), only(tmp_path / "data.jsonl", special_tokens=["<|image|>"])
    assert (known.row, known.warning, told.row, told.warning) == (1, True, 1, False)
    assert find_problems(tmp_path / "data.jsonl", special_tokens=["<unk>"]) == []


def test_missing_file_is_told_of_the_one_that_looks_like_it(tmp_path, samples):
    samples[0].file.rename(tmp_path / "images" / "0.PNG")
    write_jsonl(samples, tmp_path / "data.jsonl")
    problem = only(tmp_path / "data.jsonl")
    assert "is missing" in problem.reason and "looks the same, '0.PNG', but is not (U+0070 / U+0050)" in problem.cure


def test_same_picture_and_question_under_another_system_text_is_sound(tmp_path, samples):
    rows = [{"messages": turns("<image>Q", s), "images": ["images/0.png"], "system": s} for s in ("Formal.", "Plain.")]
    assert find_problems(write(tmp_path / "d.json", rows)) == []


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
    (tmp_path / "images" / "copy.png").write_bytes(samples[1].file.read_bytes())
    (tmp_path / "images" / "copy2.png").write_bytes(samples[2].file.read_bytes())
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
    samples[0].file.unlink()
    write(tmp_path / "test.jsonl", {"image": "images/none.png", "text": "x"})
    reasons = [problem.reason for problem in find_problems(jsonl, test_path=tmp_path / "test.jsonl")]
    assert reasons == ["'images/0.png' is missing", "'images/none.png' is missing"]


def test_one_picture_with_two_answers_is_named(samples, jsonl):
    samples[3].file.write_bytes(samples[0].file.read_bytes())
    problem = only(jsonl)
    assert problem.row == 4 and "same picture as row 1, other answer" in problem.reason


def test_the_same_picture_in_other_bytes_is_a_contradiction_and_a_leak(tmp_path, samples, jsonl):
    Image.open(samples[0].file).convert("RGB").save(samples[3].file, "BMP")
    assert "same picture as row 1, other answer" in only(jsonl).reason
    Image.open(samples[1].file).save(tmp_path / "images" / "again.tiff")
    write_jsonl([Sample(tmp_path / "images" / "again.tiff", "other")], tmp_path / "test.jsonl")
    leaks = [problem.reason for problem in find_problems(jsonl, test_path=tmp_path / "test.jsonl") if problem.row == 2]
    assert leaks == ["same picture as test.jsonl:1"]


def drawn(folder, name, grow=0, **options):
    """A page with ink all over it, ``grow`` pixels of margin more, saved in some way."""
    page = Image.fromarray(np.kron(np.random.default_rng(5).integers(0, 2, (4, 12), np.uint8) * 255, np.ones((9, 9))))
    page = ImageOps.expand(page.convert("L"), 20 + grow, fill=255)
    page.save(folder / "images" / name, **options)
    return folder / "images" / name


def test_nearly_the_same_picture_is_a_warning(tmp_path, samples, jsonl):
    rows = [Sample(drawn(tmp_path, "a.png"), "right"), Sample(drawn(tmp_path, "b.png", 7), "wrong"), *samples]
    write_jsonl(rows, jsonl)
    problem = only(jsonl)
    assert problem.warning and problem.row == 2
    assert problem.reason == "nearly the same picture as row 1, other answer: 'wrong'"
    write_jsonl([rows[0], Sample(drawn(tmp_path, "d.jpg", 3, quality=60), "a digit less"), *samples], jsonl)
    assert find_problems(jsonl) == []  # that much apart two formulas may be
    write_jsonl(rows[:1] + samples, jsonl)
    write_jsonl([Sample(drawn(tmp_path, "c.jpg", 3, quality=60), "right")], tmp_path / "test.jsonl")
    problems = find_problems(jsonl, test_path=tmp_path / "test.jsonl")
    assert [(p.row, p.warning, p.reason[:24]) for p in problems] == [
        (None, True, "1 of 1 rows of test.json"),
        (1, True, "nearly the same picture "),
    ]


def test_equal_texts_in_both_sets_are_one_warning(tmp_path, samples, jsonl):
    for name in ("x", "y"):
        (tmp_path / "images" / f"{name}.png").write_bytes(png(ord(name)))
    texts = [samples[2].text.replace(" ", "  "), "unlike"]
    rows = [Sample(tmp_path / "images" / f"{name}.png", text) for name, text in zip("xy", texts, strict=True)]
    write_jsonl(rows, tmp_path / "test.jsonl")
    problem = only(jsonl, test_path=tmp_path / "test.jsonl")
    assert problem.warning and problem.row is None and problem.file == "data.jsonl"
    assert problem.reason.startswith("1 of 2 rows of test.jsonl have an answer that is in here too, the first in row 1")


def test_blank_picture_stops_a_check_and_a_faint_one_is_told_of(samples, jsonl, capsys):
    Image.linear_gradient("L").point(lambda value: 200 + value // 20).save(samples[0].file)
    assert check(jsonl) == 4
    assert "data.jsonl:1: warning: 'images/0.png': hardly anything to be seen" in capsys.readouterr().out
    Image.new("L", (40, 20), 200).save(samples[0].file)
    with pytest.raises(DataError, match="nothing to be seen"):
        check(jsonl)


def test_check_lists_everything_in_one_error(tmp_path, samples):
    samples[0].file.unlink()
    rows = [Sample(samples[0].file, "x"), Sample(samples[1].file, " "), samples[2]]
    write_jsonl(rows, tmp_path / "data.jsonl")
    with pytest.raises(DataError) as error:
        check(tmp_path / "data.jsonl")
    lines = str(error.value).split("\n")
    assert lines[0] == "2 problems" and len(lines) == 3
    assert lines[1].startswith("data.jsonl:1: 'images/0.png' is missing") and " -> " in lines[1]


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
            sample.file.write_bytes(data[: rng.randrange(1, len(data))] if rng.random() < 0.3 else data)
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
        "import sys, helpers.data.samples, helpers.data.formats, helpers.data.validate\n"
        "found = {'torch', 'transformers', 'datasets', 'pyarrow', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# --- videos and sounds ------------------------------------------------------------------------


def clip_row(name, modality):
    return {"messages": turns(f"<{modality}>What?"), f"{modality}s": [name]}


def test_video_of_one_frame_and_missing_clips_are_named(tmp_path):
    videos.write_video(np.zeros((1, 32, 64), np.uint8), tmp_path / "a.mp4")
    rows = [clip_row("a.mp4", "video"), clip_row("b.mp4", "video"), clip_row("b.wav", "audio")]
    one, video, sound = find_problems(write(tmp_path / "d.json", rows))
    assert "a single frame" in one.reason
    assert "'b.mp4' is missing" in video.reason and "'b.wav' is missing" in sound.reason


def test_same_sound_with_two_answers_and_in_both_sets_is_named(tmp_path):
    good_clips(tmp_path)
    rows = [clip_row("a.wav", "audio"), clip_row("a.wav", "audio") | {"messages": turns("<audio>What?", "other")}]
    (problem,) = find_problems(write(tmp_path / "d.json", rows))
    assert "same sound as row 0, other answer" in problem.reason
    write(tmp_path / "t.json", rows[:1])
    (leak,) = find_problems(tmp_path / "d.json", test_path=tmp_path / "t.json")[:1]
    assert leak.reason == "same sound and answer as t.json:0"
