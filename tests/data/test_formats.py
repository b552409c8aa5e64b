"""helpers.data.formats: every text and file survives each format, and LLaMA-Factory finds what was registered."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from helpers.data.formats import (
    Turn,
    read_qwen2_vl,
    register,
    write_conversations,
    write_minicpm,
    write_qwen2_vl,
    write_sharegpt,
)
from helpers.data.samples import Sample

TEXTS = ["x ^ { 2 }", "公式 识别", 'a "b" \\frac \\\\', "NA", "null", "two\nlines", "\u2028", "nan", "1e5", " spaces "]


@pytest.fixture
def samples(tmp_path):
    (tmp_path / "images").mkdir()
    made = [Sample(tmp_path / "images" / f"图 {number}.png", text) for number, text in enumerate(TEXTS)]
    for sample in made:
        Image.new("L", (8, 8)).save(sample.file)
    return made


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_qwen2_vl_round_trip_keeps_every_text(tmp_path, samples):
    write_qwen2_vl(samples, tmp_path / "train.json")
    assert read_qwen2_vl(tmp_path / "train.json") == samples


def test_qwen2_vl_record(tmp_path, samples):
    write_qwen2_vl(samples, tmp_path / "train.json")
    assert read(tmp_path / "train.json")[1] == {
        "id": "identity_2",
        "conversations": [
            {"role": "user", "value": "images/图 1.png"},
            {"role": "assistant", "value": "公式 识别"},
        ],
    }


def test_minicpm_record(tmp_path, samples):
    write_minicpm(samples, tmp_path / "train.json", prompt="公式？")
    assert read(tmp_path / "train.json")[2] == {
        "id": "identity_3",
        "image": "images/图 2.png",
        "conversations": [
            {"role": "user", "content": "<image>\n公式？"},
            {"role": "assistant", "content": TEXTS[2]},
        ],
    }


def test_sharegpt_record(tmp_path, samples):
    write_sharegpt(samples, tmp_path / "train.json", prompt="Formula Recognition:")
    assert read(tmp_path / "train.json")[3] == {
        "messages": [
            {"role": "user", "content": "<image>Formula Recognition:"},
            {"role": "assistant", "content": "NA"},
        ],
        "images": ["images/图 3.png"],
    }


@pytest.mark.parametrize("write", [write_minicpm, write_sharegpt])
def test_every_text_survives(tmp_path, samples, write):
    write(samples, tmp_path / "train.json", "Read:")
    rows = read(tmp_path / "train.json")
    assert [(row.get("messages") or row["conversations"])[1]["content"] for row in rows] == TEXTS


def test_chinese_is_written_as_it_reads(tmp_path, samples):
    write_qwen2_vl(samples, tmp_path / "train.json")
    assert "公式 识别" in (tmp_path / "train.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("write", [write_minicpm, write_sharegpt])
def test_answer_with_a_mark_is_refused(tmp_path, samples, write):
    with pytest.raises(ValueError, match="holds <image>"):
        write([Sample(samples[0].file, "see <image> here")], tmp_path / "train.json", "Read:")


@pytest.mark.parametrize("write", [write_qwen2_vl, lambda samples, path: write_minicpm(samples, path, "Read:")])
@pytest.mark.parametrize("modality", ["video", "audio"])
def test_formats_of_pictures_refuse_videos_and_sounds(tmp_path, write, modality):
    with pytest.raises(ValueError, match=f"clip is of modality {modality}, .* -> data.write_sharegpt"):
        write([Sample(tmp_path / "clip", "x", modality)], tmp_path / "train.json")
    assert not (tmp_path / "train.json").exists()


def test_failed_write_leaves_the_old_file(tmp_path, samples):
    write_qwen2_vl(samples, tmp_path / "train.json")
    with pytest.raises(ValueError, match="half a character"):
        write_qwen2_vl([Sample(samples[0].file, "\ud800")], tmp_path / "train.json")
    assert read_qwen2_vl(tmp_path / "train.json") == samples
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "train.json"]


def test_picture_of_another_folder_is_refused(tmp_path, samples):
    with pytest.raises(ValueError, match="lies outside"):
        write_qwen2_vl(samples, tmp_path / "images" / "deeper" / "train.json")


@pytest.mark.parametrize(
    "row",
    [
        3,
        None,
        {"conversations": 5},
        {"conversations": []},
        {"conversations": [{"role": "user", "value": "a"}, {"role": "user", "value": "b"}]},
        {"conversations": [{"role": "user", "value": "a"}, {"role": "assistant", "value": None}]},
    ],
)
def test_reading_names_the_record_it_cannot_read(tmp_path, row):
    good = {"conversations": [{"role": "user", "value": "a.png"}, {"role": "assistant", "value": "x"}]}
    (tmp_path / "train.json").write_text(json.dumps([good, row]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"train\.json:1: .*find_problems"):
        read_qwen2_vl(tmp_path / "train.json")


# --- dataset_info.json ------------------------------------------------------------------------


def test_registered_entry(tmp_path, samples):
    write_sharegpt(samples, tmp_path / "train.json", "Read:")
    register(tmp_path / "dataset_info.json", "formulas", "train.json")
    assert read(tmp_path / "dataset_info.json")["formulas"] == {
        "file_name": "train.json",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"},
    }


@pytest.mark.parametrize("name", ["av.json", "av.jsonl"])
def test_columns_are_those_that_any_row_fills(tmp_path, name):
    rows = [{"messages": [], "images": []} for _ in range(300)]
    rows[100]["videos"], rows[299]["audios"] = ["a.mp4"], ["a.wav"]
    text = "\n".join(map(json.dumps, rows)) if name.endswith("l") else json.dumps(rows)
    (tmp_path / name).write_text(text, encoding="utf-8")
    register(tmp_path / "dataset_info.json", "av", tmp_path / name)
    columns = read(tmp_path / "dataset_info.json")["av"]["columns"]
    assert columns == {"messages": "messages", "videos": "videos", "audios": "audios"}


def test_text_alone_needs_no_column_of_files(tmp_path):
    write_conversations([[Turn("1 + 1?", "2")]], tmp_path / "text.json")
    register(tmp_path / "dataset_info.json", "text", "text.json")
    assert read(tmp_path / "dataset_info.json")["text"]["columns"] == {"messages": "messages"}


def test_system_texts_are_registered_where_rows_have_them(tmp_path):
    talk = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    rows = {
        "plain": {"messages": talk, "system": ""},
        "column": {"messages": talk, "system": "Be brief."},
        "message": {"messages": [{"role": "system", "content": "Be brief."}, *talk]},
    }
    for name, row in rows.items():
        (tmp_path / f"{name}.json").write_text(json.dumps([{"messages": talk}, row]), encoding="utf-8")
        register(tmp_path / "dataset_info.json", name, f"{name}.json")
    info = read(tmp_path / "dataset_info.json")
    assert info["column"]["columns"] == {"messages": "messages", "system": "system"}
    assert info["message"]["tags"] == info["plain"]["tags"] | {"system_tag": "system"}
    assert info["plain"]["columns"] == info["message"]["columns"] == {"messages": "messages"}
    assert info["column"]["tags"] == info["plain"]["tags"] and "system_tag" not in info["plain"]["tags"]


def test_file_that_llamafactory_does_not_open_is_not_registered(tmp_path):
    (tmp_path / "d.ndjson").write_text('{"messages": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="d.ndjson: LLaMA-Factory opens .json and .jsonl"):
        register(tmp_path / "dataset_info.json", "d", "d.ndjson")


@pytest.mark.parametrize("content", ["[]", "[{", "", "{}"])
def test_file_without_readable_rows_is_not_registered(tmp_path, content):
    (tmp_path / "bad.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="^bad.json: .* -> "):
        register(tmp_path / "dataset_info.json", "bad", "bad.json")
    assert not (tmp_path / "dataset_info.json").exists()


def test_registering_keeps_the_other_entries(tmp_path, samples):
    other = {"说明": {"file_name": "别的.json", "anything": [1, None]}}
    (tmp_path / "dataset_info.json").write_text(json.dumps(other, ensure_ascii=False), encoding="utf-8")
    write_sharegpt(samples, tmp_path / "train.json", "Read:")
    register(tmp_path / "dataset_info.json", "formulas", "train.json")
    register(tmp_path / "dataset_info.json", "formulas", "train.json")
    info = read(tmp_path / "dataset_info.json")
    assert list(info) == ["说明", "formulas"] and info["说明"] == other["说明"]


@pytest.mark.parametrize("content", ['{"a": {}', "[]", "null"])
def test_damaged_dataset_info_is_named_and_left_alone(tmp_path, samples, content):
    (tmp_path / "dataset_info.json").write_text(content, encoding="utf-8")
    write_sharegpt(samples, tmp_path / "train.json", "Read:")
    with pytest.raises(ValueError, match=r"dataset_info\.json.*not"):
        register(tmp_path / "dataset_info.json", "formulas", "train.json")
    assert (tmp_path / "dataset_info.json").read_text(encoding="utf-8") == content


def test_what_is_registered_at_the_same_time_is_all_there(tmp_path, samples):
    write_sharegpt(samples, tmp_path / "a.json", "Read.")
    names = [f"set {number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: register(tmp_path / "dataset_info.json", name, "a.json"), names))
    assert sorted(json.loads((tmp_path / "dataset_info.json").read_bytes())) == sorted(names)
    assert not list(tmp_path.glob(".*"))


def test_file_that_does_not_exist_is_not_registered(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train\.json"):
        register(tmp_path / "dataset_info.json", "formulas", "train.json")


def test_file_of_another_folder_is_not_registered(tmp_path, samples):
    write_sharegpt(samples, tmp_path / "train.json", "Read:")
    with pytest.raises(ValueError, match="must lie beside"):
        register(tmp_path / "info" / "dataset_info.json", "formulas", tmp_path / "train.json")


def test_pictures_are_found_from_the_registry(tmp_path, samples):
    """As LLaMA-Factory looks them up: folder of dataset_info.json + the path in the column that the entry names."""
    write_sharegpt(samples, tmp_path / "train.json", "Read:")
    register(tmp_path / "dataset_info.json", "formulas", "train.json")
    entry = read(tmp_path / "dataset_info.json")["formulas"]
    rows = read(tmp_path / entry["file_name"])
    assert all((tmp_path / row[entry["columns"]["images"]][0]).is_file() for row in rows)


@pytest.mark.parametrize(("modality", "name"), [("video", "a.mp4"), ("audio", "a.wav")])
def test_sharegpt_of_videos_and_sounds_has_their_mark_and_column(tmp_path, modality, name):
    write_sharegpt([Sample(tmp_path / name, "x", modality)], tmp_path / "d.json", "What?")
    (row,) = json.loads((tmp_path / "d.json").read_bytes())
    assert row["messages"][0]["content"] == f"<{modality}>What?"
    assert row[f"{modality}s"] == [name] and "images" not in row


def test_conversation_of_several_turns_keeps_files_and_marks_in_order(tmp_path):
    first = Turn("Both?", "x", images=(tmp_path / "1.png", tmp_path / "2.png"))
    talks = [[first, Turn("And?", "y"), Turn("This?", "z", images=(tmp_path / "1.png",))], [Turn("None?", "w")]]
    write_conversations(talks, tmp_path / "d.json")
    many, none = json.loads((tmp_path / "d.json").read_bytes())
    asked = [message["content"] for message in many["messages"] if message["role"] == "user"]
    assert asked == ["<image><image>Both?", "And?", "<image>This?"] and many["images"] == ["1.png", "2.png", "1.png"]
    assert none["images"] == []
