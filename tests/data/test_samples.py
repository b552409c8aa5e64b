"""helpers.data.samples: JSONL keeps every text and modality, names bad lines, and is never half written."""

import json

import pytest

from helpers.data.samples import Sample, load_jsonl, write_jsonl

TEXTS = ["x ^ { 2 }", "公式 \\frac", 'a "quoted" \\ back', "NA", "null", "line\u2028separator", "two\nlines", "é\x85"]


def make_samples(folder, texts):
    (folder / "images").mkdir(parents=True)
    samples = [Sample(folder / "images" / f"{number}.png", text) for number, text in enumerate(texts)]
    for sample in samples:
        sample.file.touch()
    return samples


def test_jsonl_round_trip_keeps_every_text(tmp_path):
    samples = make_samples(tmp_path, TEXTS)
    write_jsonl(samples, tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl") == samples


def test_jsonl_paths_are_relative_so_the_folder_can_move(tmp_path):
    write_jsonl(make_samples(tmp_path / "old", ["a"]), tmp_path / "old" / "data.jsonl")
    (tmp_path / "old").rename(tmp_path / "new")
    assert load_jsonl(tmp_path / "new" / "data.jsonl")[0].file.is_file()


def test_jsonl_is_readable_utf8(tmp_path):
    write_jsonl(make_samples(tmp_path, ["公式"]), tmp_path / "data.jsonl")
    assert "公式" in (tmp_path / "data.jsonl").read_text(encoding="utf-8")


def test_picture_outside_the_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lies outside"):
        write_jsonl(make_samples(tmp_path / "a", ["x"]), tmp_path / "b" / "data.jsonl")


def test_videos_and_sounds_keep_their_modality(tmp_path):
    samples = [
        Sample(tmp_path / "a.png", "x"),
        Sample(tmp_path / "a.mp4", "y", "video"),
        Sample(tmp_path / "a.wav", "z", "audio"),
    ]
    write_jsonl(samples, tmp_path / "data.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "data.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[1:] == [{"video": "a.mp4", "text": "y"}, {"audio": "a.wav", "text": "z"}]
    assert load_jsonl(tmp_path / "data.jsonl") == samples


@pytest.mark.parametrize(
    "line",
    [
        *("{", "[]", "3", "[" * 100_000, '{"image": "a.png"}', '{"image": 1, "text": "x"}', '{"text": "x"}'),
        '{"image": "a.png", "audio": "a.wav", "text": "x"}',
    ],
)
def test_bad_line_is_named(tmp_path, line):
    (tmp_path / "data.jsonl").write_text('{"image": "a.png", "text": "x"}\n' + line, encoding="utf-8")
    with pytest.raises(ValueError, match=r"data\.jsonl:2: .*find_problems"):
        load_jsonl(tmp_path / "data.jsonl")


def test_gbk_file_is_named_with_its_cure(tmp_path):
    (tmp_path / "data.jsonl").write_bytes('{"image": "a.png", "text": "公式"}'.encode("gbk"))
    with pytest.raises(ValueError, match="not UTF-8 at byte 28 .*gb18030"):
        load_jsonl(tmp_path / "data.jsonl")


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    samples = make_samples(tmp_path, ["a", "b"])
    write_jsonl(samples[:1], tmp_path / "data.jsonl")
    with pytest.raises(ValueError, match="half a character"):
        write_jsonl([*samples, Sample(samples[0].file, "\ud800")], tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl") == samples[:1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "images"]


def test_write_that_is_killed_before_the_end_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    samples = make_samples(tmp_path, ["a", "b"])
    write_jsonl(samples[:1], tmp_path / "data.jsonl")

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_jsonl(samples, tmp_path / "data.jsonl")
    assert load_jsonl(tmp_path / "data.jsonl") == samples[:1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "images"]


def test_byte_order_mark_is_not_part_of_the_text(tmp_path):
    (tmp_path / "data.jsonl").write_text('{"image": "a.png", "text": "x"}', encoding="utf-8-sig")
    assert load_jsonl(tmp_path / "data.jsonl")[0].text == "x"
