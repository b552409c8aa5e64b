"""Broken data files, prompts and answers: JSON, JSONL and parquet, and what each door to them says."""

import json

import pytest
from faults import hold, made, rows, said_of, write

from helpers import data, inference
from helpers.settings import Settings

GOOD = made("L")
ROW = {"image": "1.png", "text": "a"}
MARK = "<image>"
CHINESE = json.dumps(ROW | {"text": "公式"}, ensure_ascii=False)


def lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


def file(content, name="data.jsonl", **options):
    """What is said of a data file with that content beside a good picture, 1.png."""

    def maker(folder):
        write(folder, "1.png", GOOD)
        return said_of(write(folder, name, content), **options)

    return maker


def talk(*turns, **more):
    """A ShareGPT file of one conversation of (role, text)."""
    messages = [{"role": role, "content": text} for role, text in turns]
    return file([{"messages": messages, "images": ["1.png"]} | more], "rows.json")


def asked(answer="a", prompt=MARK):
    return talk(("user", prompt), ("assistant", answer))


def loaded(content):
    return lambda folder: data.load_jsonl(write(folder, "data.jsonl", content))


def parquet(columns, name="a.parquet"):
    """``load_parquet`` of a file with these columns."""

    def maker(folder):
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.table(columns), folder / name)
        return data.load_parquet(folder / name, folder / "out")

    return maker


def cells(*contents, text="x"):
    return {"image": [{"bytes": content, "path": None} for content in contents], "text": [text] * len(contents)}


def samples_of(folder, count=4):
    write(folder, "1.png", GOOD)
    return [data.Sample(folder / "1.png", "a")] * count


def registered(info=None, name="rows.json", content="[]", folder_of="data"):
    def maker(folder):
        write(folder, f"{folder_of}/{name}", content)
        if info is not None:
            write(folder, "data/dataset_info.json", info)
        return data.register(folder / "data/dataset_info.json", "rows", folder / folder_of / name)

    return maker


def beside_its_test_set(folder):
    write(folder, "1.png", GOOD)
    write(folder, "test.jsonl", lines(ROW))
    return said_of(write(folder, "data.jsonl", lines(ROW)), test_path=folder / "test.jsonl")


def kept(content):
    return lambda folder: inference.load_predictions(write(folder, "predictions.jsonl", content))


MAKERS = {
    # the file
    "no such file": lambda folder: said_of(folder / "data.jsonl"),
    "a folder": lambda folder: said_of(write(folder, "data.jsonl/1.png", GOOD).parent),
    "an empty file": file(b""),
    "a list of nothing": file([], "data.json"),
    "GBK": file(CHINESE.encode("gbk")),
    "GBK, not JSONL": file(f"[{CHINESE}]".encode("gbk"), "data.json"),
    "Shift-JIS": file(json.dumps(ROW | {"text": "数式を読む機械です"}, ensure_ascii=False).encode("shift-jis")),
    "Big5": file(json.dumps(ROW | {"text": "請讀出圖片裡的數學公式"}, ensure_ascii=False).encode("big5")),
    "Latin-1": file(json.dumps(ROW | {"text": "r\u00e9sum\u00e9 na\u00efve"}, ensure_ascii=False).encode("latin-1")),
    "bytes of no encoding": file(lines(ROW).encode() + b"\xff\xfe\xfd\x00\n"),
    "a byte order mark": file(b"\xef\xbb\xbf" + lines(ROW).encode()),
    "UTF-16": file(lines(ROW).encode("utf-16")),
    "UTF-16 without a mark": file(lines(ROW).encode("utf-16-le")),
    "a torn line": file(lines(ROW) + '{"image": "1.png", "te'),
    "a torn list": file('[{"image": "1.png", "te', "data.json"),
    "a comma too much": file('[{"image": "1.png", "text": "a"},]', "data.json"),
    "a list in a .jsonl": file([ROW]),
    "lines in a .json": file(lines(ROW, ROW), "data.json"),
    "an object instead of a list": file({"data": [ROW]}, "data.json"),
    "brackets nested too deep": file("[" * 100_000, "data.json"),
    "a number of thousands of digits": file('{"image": "1.png", "text": ' + "9" * 5000 + "}"),
    "a key given twice": file('{"image": "1.png", "text": "a", "text": "b"}\n'),
    "a row that is a list": file(lines(ROW, ["1.png", "a"])),
    "an id that is a number and a text": file(lines(ROW | {"id": 1}, ROW | {"id": "b"})),
    "a number over 64 bits": file(lines(ROW | {"id": 2**80})),
    # whose format it is
    "keys of nobody": file(lines({"file": "1.png", "latex": "a"})),
    "rows of LLaVA": file(
        [{"image": "1.png", "conversations": [{"from": "human", "value": MARK}, {"from": "gpt", "value": "a"}]}],
        "data.json",
    ),
    "rows of OpenAI": talk(("user", [{"type": "text", "text": MARK}]), ("assistant", "a")),
    "rows of Alpaca": file([{"instruction": "read", "input": "", "output": "a", "images": ["1.png"]}], "data.json"),
    "rows of ms-swift": file(lines({"query": MARK, "response": "a", "images": ["1.png"]})),
    "a CSV": file("image,text\n1.png,a\n", "data.csv"),
    "one object a row, in a .json": file([ROW], "data.json"),
    # keys and texts
    "no text": file(lines({"image": "1.png"})),
    "no picture": file(lines({"text": "a"})),
    "a key too much": file(lines(ROW | {"label": "b"})),
    "a number for a text": file(lines(ROW | {"text": 7})),
    "null for a text": file(lines(ROW | {"text": None})),
    "two files in a row": file(lines(ROW | {"video": "1.mp4"})),
    "an empty answer": file(lines(ROW | {"text": "  "})),
    "an answer that nobody can see": file(lines(ROW | {"text": "\u200b\u2060"})),
    "an end of line that is trained": file(lines(ROW | {"text": "a \r\n"})),
    "half a character": file('{"image": "1.png", "text": "a\\ud835"}\n'),
    "a character decoded wrongly": file(lines(ROW | {"text": "a\ufffd"})),
    "the same picture with two answers": file(lines(ROW, ROW | {"text": "b"})),
    "a picture of the test set": beside_its_test_set,
    "an answer over the limit": file(lines(ROW), answer_tokens=lambda text: 9, max_answer_tokens=8),
    "a picture over the limit": file(lines(ROW), image_tokens=lambda w, h: 100, max_image_tokens=25),
    "a LaTeX that cannot be right": file(lines(ROW | {"text": "\\frac { a } { b"})),
    # conversations
    "no placeholder": asked(prompt="read"),
    "a placeholder too much": asked(prompt=MARK * 2),
    "a placeholder in an answer": asked(f"a {MARK}"),
    "a special token in an answer": asked("a <|image|> b"),
    "a special token in a prompt": asked(prompt=f"{MARK}Read <|im_end|> this"),
    "the assistant first": talk(("assistant", "a"), ("user", MARK)),
    "the question last": talk(("user", MARK), ("assistant", "a"), ("user", "and?")),
    "no turns": file([{"messages": [], "images": []}], "rows.json"),
    "turns that are a text": file([{"messages": "hello", "images": []}], "rows.json"),
    "a turn that is a text": file([{"messages": ["hello", "a"], "images": []}], "rows.json"),
    "a turn without content": file([{"messages": [{"role": "user"}, {"role": "assistant", "content": "a"}]}], "r.json"),
    "a system message without content": file(
        [{"messages": [{"role": "system"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}],
        "rows.json",
    ),
    "pictures that are a text": talk(("user", MARK), ("assistant", "a"), images="1.png"),
    "Qwen2-VL: three turns": file([{"conversations": [
        {"role": "user", "value": "1.png"}, {"role": "assistant", "value": "a"}, {"role": "user", "value": "b"},
    ]}], "data.json"),
    # other doors
    "load_jsonl: not UTF-8": loaded(CHINESE.encode("gbk")),
    "load_jsonl: a torn line": loaded(lines(ROW) + "{"),
    "load_jsonl: a number for a text": loaded(lines(ROW | {"text": 7})),
    "load_jsonl: no such file": lambda folder: data.load_jsonl(folder / "data.jsonl"),
    "read_qwen2_vl: another form": lambda folder: data.read_qwen2_vl(write(folder, "data.json", [ROW])),
    "read_qwen2_vl: torn": lambda folder: data.read_qwen2_vl(write(folder, "data.json", "[{")),
    "check: an unknown form": lambda folder: data.check(write(folder, "data.jsonl", lines(ROW)), fmt="coco"),
    "write_jsonl: a picture outside": lambda folder: data.write_jsonl(samples_of(folder), folder / "in" / "data.jsonl"),
    "write_minicpm: a placeholder in a text": lambda folder: data.write_minicpm(
        samples_of(folder), folder / "data.json", f"{MARK} read"
    ),
    "write_qwen2_vl: a sound": lambda folder: data.write_qwen2_vl(
        [data.Sample(folder / "1.wav", "a", "audio")], folder / "data.json"
    ),
    "split: all of one text": lambda folder: data.split(samples_of(folder), test_count=1),
    "split: more than there is": lambda folder: data.split(samples_of(folder), test_count=9),
    "split: no size": lambda folder: data.split(samples_of(folder)),
    "split: no such picture": lambda folder: data.split(
        [data.Sample(folder / "1.png", "a"), data.Sample(folder / "2.png", "b")], test_count=1
    ),
    "register: no such file": lambda folder: data.register(folder / "dataset_info.json", "rows", "rows.json"),
    "register: in another folder": registered(folder_of="elsewhere"),
    "register: a torn data file": registered(content="[{"),
    "register: a torn dataset_info.json": registered("{"),
    "register: a dataset_info.json that is a list": registered([]),
    # parquet
    "load_parquet: no such file": lambda folder: data.load_parquet(folder / "a.parquet", folder / "out"),
    "load_parquet: torn": lambda folder: data.load_parquet(write(folder, "a.parquet", b"PAR1hello"), folder / "out"),
    "load_parquet: other columns": parquet({"img": [b"x"], "label": ["a"]}),
    "load_parquet: paths only": parquet({"image": [{"bytes": None, "path": "1.png"}], "text": ["a"]}),
    "load_parquet: no rows": parquet({"image": [], "text": []}),
    "load_parquet: a broken picture": parquet(cells(GOOD, GOOD[:40])),
    "load_parquet: no text": parquet(cells(GOOD, text="")),
    "load_parquet: a folder of something else": lambda folder: (
        write(folder, "out/data.jsonl", ""), parquet(cells(GOOD))(folder),
    ),
    "load_latex_ocr: no such subset": lambda folder: data.load_latex_ocr(Settings.tiny(), folder, "handwriting"),
    "load_latex_ocr: no models_dir": lambda folder: data.load_latex_ocr(Settings.tiny(), folder),
    "load_latex_ocr: nothing there": lambda folder: data.load_latex_ocr(Settings.tiny(models_dir=folder), folder / "x"),
    # predictions
    "load_predictions: no such file": lambda folder: inference.load_predictions(folder / "predictions.jsonl"),
    "load_predictions: a torn line": kept('{"image": "1.png", "predi'),
    "load_predictions: other rows": kept(lines(ROW)),
    "save_predictions: an answer too few": lambda folder: inference.save_predictions(
        folder / "p.jsonl", samples_of(folder), ["a"]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("maker", "row", "language"), rows("records", MAKERS))
def test_what_is_said_of(maker, row, language, tmp_path, monkeypatch):
    hold(maker, row, language, tmp_path, monkeypatch)
