"""helpers.data.convert: what other people's files say arrives whole, and what cannot is named with its row."""

import base64
import csv
import io
import json

import pytest
from PIL import Image

from helpers import data
from helpers.data.convert import convert
from helpers.data.samples import Sample
from helpers.data.validate import DataError, find_problems

TEXTS = ["x ^ { 2 }", "公式 识别", 'a "b" \\frac \\\\', "NA, null; | \t", "two\nlines", " spaces ", "1e5", "nan"]
PROMPT = "Read the formula."


@pytest.fixture
def samples(tmp_path):
    (tmp_path / "images").mkdir()
    made = [Sample(tmp_path / "images" / f"图 {number}.png", text) for number, text in enumerate(TEXTS)]
    for number, sample in enumerate(made):
        picture = Image.new("L", (40, 20), 255)
        picture.putpixel((number, 3), 0)
        picture.putpixel((number + 20, 9), 90)
        picture.save(sample.file)
    return made


def write(path, rows):
    lines = path.suffix == ".jsonl"
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) if lines else json.dumps(rows)
    path.write_text(text, encoding="utf-8")
    return path


def name(sample):
    return f"images/{sample.file.name}"


def url(sample):
    return "data:image/png;base64," + base64.b64encode(sample.file.read_bytes()).decode("ascii")


def turns(question, answer, role="role", text="content", roles=("user", "assistant")):
    return [{role: roles[0], text: question}, {role: roles[1], text: answer}]


# --- round trips: a small writer for each form --------------------------------------------------------------------


def llava(sample):
    value = turns(f"{PROMPT}\n<image>", sample.text, "from", "value", ("human", "gpt"))
    return {"id": "1", "image": name(sample), "conversations": value}


def llava_list(sample):
    return llava(sample) | {"image": [name(sample)]}


def sharegpt(sample):
    return {"conversations": turns(f"<image>{PROMPT}", sample.text, "from", "value", ("human", "gpt"))} | images(sample)


def messages(sample):
    return {"messages": turns(f"<image>{PROMPT}", sample.text)} | images(sample)


def images(sample):
    return {"images": [name(sample)]}


def unmarked(sample):
    return {"messages": turns(PROMPT, sample.text)} | images(sample)


def openai(sample):
    parts = [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": name(sample)}}]
    return {"messages": turns(parts, [{"type": "text", "text": sample.text}])}


def responses(sample):
    parts = [{"type": "input_text", "text": PROMPT}, {"type": "input_image", "image_url": name(sample)}]
    return {"input": turns(parts, [{"type": "output_text", "text": sample.text}])}


def huggingface(sample):
    parts = [{"type": "image"}, {"type": "text", "text": PROMPT}]
    return {"messages": turns(parts, sample.text), "images": [{"path": name(sample), "bytes": None}]}


def alpaca(sample):
    return {"instruction": "Read", "input": "the formula.", "output": sample.text} | images(sample)


def swift(sample):
    return {"query": f"<image>{PROMPT}", "response": sample.text, "history": []} | images(sample)


def swift_tag(sample):
    return {"messages": turns(f"Picture 1: <img>{name(sample)}</img>\n{PROMPT}", sample.text)}


def other_names(sample):
    return {"Image": name(sample), "Messages": turns(PROMPT, sample.text, "Role", "Text", ("User", "BOT"))}


def pair(sample):
    return {"image_path": name(sample), "question": PROMPT, "answer": sample.text}


def minicpm(sample):
    return {"id": "1", "image": name(sample), "conversations": turns(f"<image>\n{PROMPT}", sample.text)}


FORMS = {
    llava: "LLaVA", llava_list: "LLaVA", sharegpt: "LLaVA", messages: "ShareGPT", unmarked: "ShareGPT",
    openai: "OpenAI", responses: "OpenAI", huggingface: "OpenAI", alpaca: "Alpaca", swift: "ms-swift",
    swift_tag: "ms-swift", other_names: "ShareGPT", pair: "question and answer", minicpm: "ShareGPT",
}  # fmt: skip


def samples_of(path):
    """The samples of a converted file, and its first question without the placeholder."""
    if path.suffix == ".jsonl":
        return data.load_jsonl(path), None
    rows = json.loads(path.read_text(encoding="utf-8"))
    found = [Sample(path.parent / row["images"][0], row["messages"][1]["content"]) for row in rows]
    return found, rows[0]["messages"][0]["content"].replace("<image>", "").replace("Picture 1: ", "").strip()


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_samples_survive_each_form(tmp_path, samples, capsys, form, suffix):
    path = write(tmp_path / f"data.{suffix}", [form(sample) for sample in samples])
    output = convert(path)
    assert output == tmp_path / "data.converted.json"
    found, question = samples_of(output)
    assert found == samples and question.replace("\n", " ") == PROMPT
    assert [problem for problem in find_problems(output) if not problem.warning] == []
    data.register(tmp_path / "dataset_info.json", "mine", output)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"data.{suffix}: {FORMS[form]}, 8 of 8 rows converted -> data.converted.json"
    assert said[1:] in ([], ["keys without a place in the new file, left out (rows): 'id' (8)"])


def as_csv(rows, **options):
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    "suffix, options, header, encoding",
    [
        ("csv", {}, ["image", "text"], "utf-8"),
        ("csv", {}, ["File_Name", "Label"], "utf-8-sig"),
        ("csv", {"delimiter": ";"}, ["path", "latex"], "utf-8"),
        ("csv", {"delimiter": "|", "quoting": csv.QUOTE_ALL}, ["filename", "caption"], "utf-8"),
        ("csv", {}, None, "utf-8"),
        ("csv", {}, ["Datei", "Inhalt"], "utf-8"),  # no name that is known: the columns say it
        ("csv", {}, ["图片", "公式"], "utf-8"),
        ("tsv", {"delimiter": "\t"}, ["img", "ground_truth"], "utf-16"),
        ("TSV", {"delimiter": "\t"}, None, "utf-8"),
        ("txt", {"delimiter": "\t"}, None, "utf-8"),
    ],
)
def test_samples_survive_tables(tmp_path, samples, capsys, suffix, options, header, encoding):
    rows = ([header] if header else []) + [[name(sample), sample.text] for sample in samples]
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(as_csv(rows, **options).encode(encoding))
    output = convert(path)
    assert output == tmp_path / "data.converted.jsonl" and samples_of(output)[0] == samples
    assert [problem for problem in find_problems(output) if not problem.warning] == []
    assert capsys.readouterr().out == f"data.{suffix}: CSV, 8 of 8 rows converted -> data.converted.jsonl\n"


def test_a_table_with_questions_becomes_conversations(tmp_path, samples):
    rows = [["image", "prompt", "answer"]] + [[name(sample), PROMPT, sample.text] for sample in samples]
    (tmp_path / "data.csv").write_text(as_csv(rows), encoding="utf-8", newline="")
    assert samples_of(convert(tmp_path / "data.csv")) == (samples, PROMPT)


@pytest.mark.parametrize("keys", [("file_name", "text"), ("IMAGE", "latex"), ("img", "label")])
def test_samples_survive_json_by_other_names(tmp_path, samples, keys):
    path = write(tmp_path / "metadata.jsonl", [dict(zip(keys, (name(s), s.text), strict=True)) for s in samples])
    assert samples_of(convert(path))[0] == samples


# --- what conversations hold ---------------------------------------------------------------------------------------


def one(tmp_path, row, **options):
    """The only row of the converted file."""
    (found,) = json.loads(convert(write(tmp_path / "a.json", [row]), **options).read_text(encoding="utf-8"))
    return found


def test_system_texts_turns_and_several_pictures_are_kept(tmp_path, samples):
    row = {"system": "Be exact.", "image": [name(samples[0]), name(samples[1])], "conversations": [
        {"from": "human", "value": "Compare <image> with <image>."}, {"from": "gpt", "value": "alike"},
        {"from": "human", "value": "Sure?"}, {"from": "gpt", "value": "yes"},
    ]}  # fmt: skip
    found = one(tmp_path, row)
    assert [turn["role"] for turn in found["messages"]] == ["system", "user", "assistant", "user", "assistant"]
    assert found["messages"][0]["content"] == "Be exact."
    assert found["messages"][1]["content"] == "Compare <image> with <image>."
    assert found["images"] == [name(samples[0]), name(samples[1])]
    assert find_problems(tmp_path / "a.converted.json") == []


def test_history_comes_first(tmp_path):
    row = {"query": "c", "response": "d", "history": [["a", "b"]], "system": ""}
    assert [turn["content"] for turn in one(tmp_path, row)["messages"]] == ["a", "b", "c", "d"]


def test_instructions_and_developer_are_system_texts(tmp_path):
    row = {
        "instructions": "Be",
        "input": [{"role": "developer", "content": "exact."}, *turns([{"type": "input_text", "text": "a"}], "b")],
    }
    assert one(tmp_path, row)["messages"][0] == {"role": "system", "content": "Be\nexact."}


def test_rows_with_and_without_pictures_have_the_same_columns(tmp_path, samples):
    path = write(
        tmp_path / "a.json", [llava(samples[0]), {"conversations": turns("a", "b", "from", "value", ("human", "gpt"))}]
    )
    rows = json.loads(convert(path).read_text(encoding="utf-8"))
    assert [row["images"] for row in rows] == [[name(samples[0])], []]


def test_videos_and_sounds_stay_what_they_are(tmp_path):
    row = {"messages": turns("<video>a <audio>sound.wav</audio>", "b"), "videos": [{"path": "v.mp4"}]}
    found = one(tmp_path, row)
    assert found["messages"][0]["content"] == "<video>a <audio>"
    assert (found["videos"], found["audios"]) == (["v.mp4"], ["sound.wav"])


def test_a_picture_in_an_answer_that_is_html_is_text(tmp_path):
    assert one(tmp_path, {"query": "a", "response": "<img>x.png</img>"})["messages"][1]["content"] == "<img>x.png</img>"


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["url", "base64 bytes", "list of bytes"])
def test_pictures_inside_the_file_are_written_beside_it(tmp_path, samples, how):
    inside = {"url": url(samples[0]), "base64 bytes": {"bytes": url(samples[0]).split(",")[1], "path": None}}
    inside["list of bytes"] = {"bytes": list(samples[0].file.read_bytes())}
    row = {"messages": turns([{"type": "text", "text": "a"}, {"type": "image"}], "b"), "images": [inside[how]] * 2}
    row["messages"][0]["content"].append({"type": "image"})
    found = one(tmp_path, row, output=tmp_path / "new" / "b.json")
    assert found["images"][0] == found["images"][1] and found["images"][0].startswith("b.files/")
    assert (tmp_path / "new" / found["images"][0]).read_bytes() == samples[0].file.read_bytes()
    assert sorted(path.name for path in (tmp_path / "new").rglob("*.p*")) == [found["images"][0].split("/")[1]]
    assert find_problems(tmp_path / "new" / "b.json") == []


def test_paths_follow_the_output(tmp_path, samples):
    (tmp_path / "labels").mkdir()
    path = write(tmp_path / "labels" / "a.json", [alpaca(samples[0]) | {"images": ["../" + name(samples[0])]}])
    with pytest.raises(
        DataError, match="a.json:0: '../images/图 0.png' lies outside the folder of a.converted.json -> "
    ):
        convert(path)
    (row,) = json.loads(convert(path, tmp_path / "b.json").read_text(encoding="utf-8"))
    assert row["images"] == [name(samples[0])] and find_problems(tmp_path / "b.json") == []


def test_absolute_and_windows_paths_are_made_relative_where_they_can_be(tmp_path, samples):
    row = alpaca(samples[0])
    for written in (str(samples[0].file), "images\\" + samples[0].file.name, "./images//" + samples[0].file.name):
        found = one(tmp_path, row | {"images": [written]})
        assert found["images"] == [name(samples[0])]


# --- rows that cannot be converted -----------------------------------------------------------------------------------

WRONG = [
    (alpaca, {"images": ["https://a.org/1.png"]}, "'https://a.org/1.png' is an address, and nothing is downloaded"),
    (alpaca, {"images": ["file:///1.png"]}, "is an address"),
    (alpaca, {"images": ["/etc/passwd"]}, "lies outside the folder of"),
    (alpaca, {"images": ["../../1.png"]}, "lies outside the folder of"),
    (alpaca, {"images": ["C:\\1.png"]}, "absolute path"),
    (alpaca, {"images": ["a\0.png"]}, "'a\\x00.png'"),
    (alpaca, {"images": [3, None]}, "a file is given as a number"),
    (alpaca, {"images": [[["a.png"]]]}, "a file is given as a list"),
    (alpaca, {"images": [{"height": 3}]}, "a file is given as an object"),
    (alpaca, {"images": ["data:image/png;base64,%%%"]}, "a data URL that is no base64"),
    (alpaca, {"images": ["data:image/png,abc"]}, "a data URL that is no base64"),
    (alpaca, {"images": ["data:image/png;base64,YWJj"]}, "not a picture (3 bytes)"),
    (alpaca, {"audios": ["data:audio/wav;base64,YWJj"]}, "a file of modality audio inside the data file"),
    (alpaca, {"output": ""}, "empty answer"),
    (alpaca, {"output": None}, "output is null, not a string"),
    (alpaca, {"output": 42}, "output is a number, not a string"),
    (alpaca, {"output": "a <image> b"}, "<image> or a file in a turn of role assistant"),
    (alpaca, {"output": "\ud800"}, "half a character"),
    (alpaca, {"system": "<image>"}, "<image> or a file in a turn of role system"),
    (alpaca, {"history": 3}, "history is no list"),
    (alpaca, {"history": ["a"]}, "history is no list of [question, answer]"),
    (alpaca, {"instruction": "<image><image>"}, "2 <image> placeholders, 1 image files"),
    (llava, {"image": None}, "1 <image> placeholders, 0 image files"),
    (llava, {"conversations": turns("a", "b")[:1]}, "roles in the order user"),
    (llava, {"conversations": turns("a", "b")[::-1]}, "roles in the order assistant, user"),
    (llava, {"conversations": []}, "roles in the order empty"),
    (
        llava,
        {"conversations": [*turns("a", "b"), {"from": "system", "value": "c"}]},
        "roles in the order user, assistant",
    ),
    (llava, {"conversations": turns("a", "b", roles=("user", "function_call"))}, "a turn of role 'function_call'"),
    (llava, {"conversations": [{"value": "a"}, {"value": "b"}]}, "a turn of role null"),
    (llava, {"conversations": ["a", "b"]}, "a turn of role a string"),
    (llava, {"conversations": turns("a", None)}, "content is null, not a string"),
    (
        llava,
        {"conversations": turns([{"type": "input_audio", "input_audio": {}}], "b")},
        "a part of type 'input_audio'",
    ),
    (llava, {"objects": {"bbox": [[1, 2, 3, 4]]}}, "objects (boxes) or tools"),
    (llava, {"tools": "[]"}, "objects (boxes) or tools"),
]


@pytest.mark.parametrize("form, change, reason", WRONG, ids=[reason for *_, reason in WRONG])
def test_a_row_that_cannot_be_converted_is_named(tmp_path, samples, capsys, form, change, reason):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (form(samples[0]), form(samples[1]) | change)), "utf-8")
    found, _ = samples_of(convert(path))
    assert found == samples[:1]
    said = capsys.readouterr().out.splitlines()
    assert " 1 of 2 rows converted -> " in said[0]
    assert said[1].startswith("a.jsonl:2: ") and reason in said[1] and " -> " in said[1]
    path.write_text(json.dumps(form(samples[1]) | change) + "\n", "utf-8")
    with pytest.raises((DataError, ValueError)):
        convert(path, tmp_path / "other.json")
    assert not (tmp_path / "other.json").exists()


def test_a_line_that_is_no_json_or_no_object_is_named(tmp_path, samples, capsys):
    path = write(tmp_path / "a.jsonl", [alpaca(samples[0])])
    path.write_text(path.read_text("utf-8") + '{"a": \n[1]\n', "utf-8")
    convert(path)
    said = capsys.readouterr().out.splitlines()
    assert "1 of 3 rows converted" in said[0]
    assert said[1].startswith("a.jsonl:2: not JSON") and said[2].startswith("a.jsonl:3: not a JSON object")


def test_cells_that_do_not_fit_the_columns_are_named(tmp_path, samples, capsys):
    (tmp_path / "a.csv").write_text(
        'image,text\nimages/图 0.png,a,b\n\nimages/图 1.png,"a\nb"\nimages/图 2.png,\n', "utf-8"
    )
    assert samples_of(convert(tmp_path / "a.csv"))[0] == [Sample(samples[1].file, "a\nb")]
    said = capsys.readouterr().out.splitlines()
    assert "1 of 3 rows converted" in said[0]
    assert said[1].startswith("a.csv:2: 3 cells, 2 columns -> put a text") and said[2].startswith(
        "a.csv:6: empty answer"
    )


def test_keys_without_a_place_are_told(tmp_path, samples, capsys):
    rows = [llava(sample) | {"width": 3, "note": None} for sample in samples[:2]]
    convert(write(tmp_path / "a.json", rows))
    assert capsys.readouterr().out.splitlines()[1] == (
        "keys without a place in the new file, left out (rows): 'id' (2), 'width' (2)"
    )


# --- files that cannot be converted ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "file, text, message",
    [
        ("a.json", '[{"a": 1}]', "a.json: no form that is known here, with the keys 'a' -> known are LLaVA"),
        ("a.json", "[]", "no rows"),
        ("a.json", "[1, 2]", "no form that is known here, with the keys none"),
        ("a.json", '{"a": [', "not JSON"),
        ("a.json", '[{"image": "a.png", "text": "b"}]', "a.json: already in a form of this project"),
        ("a.json", json.dumps([{"id": "1", "conversations": turns("a.png", "b", text="value")}]), "already in a form"),
        ("a.csv", "a,b\n1,2\n", "a.csv: no columns of files and texts found; it begins with 'a,b' -> "),
        ("a.csv", "", "no columns"),
        ("a.xlsx", "", "a.xlsx: cannot be converted by its name, known are .json, .jsonl,"),
    ],
)
def test_a_file_that_is_none_of_these_is_refused(tmp_path, file, text, message):
    (tmp_path / file).write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"(?s).*") as caught:
        convert(tmp_path / file)
    assert message in str(caught.value) and str(tmp_path) not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="^none.json: no such file -> "):
        convert(tmp_path / "none.json")


def test_a_file_that_is_there_stays(tmp_path, samples):
    path = write(tmp_path / "a.json", [alpaca(samples[0])])
    output = convert(path)
    before = output.stat().st_mtime_ns
    assert convert(path) == output and output.stat().st_mtime_ns == before
    write(path, [alpaca(samples[1])])
    with pytest.raises(FileExistsError, match="a.json: output= names the file itself -> give another name"):
        convert(path, path)
    for taken in (output, tmp_path):
        kept = taken.is_file() and taken.read_bytes()
        with pytest.raises(FileExistsError, match="is there already and holds something else -> remove it, or "):
            convert(path, taken)
        assert (taken.is_file() and taken.read_bytes()) == kept


def test_the_file_appears_only_when_whole(tmp_path, samples, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("helpers.files.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        convert(write(tmp_path / "a.json", [alpaca(samples[0])]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "images"]
