"""helpers.data.delimited: columns of files and texts, whatever the delimiter, header and quotes."""

import pytest

from helpers.data.delimited import read_table


def table(tmp_path, text, name="a.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return read_table(tmp_path / name)


def test_lines_are_those_where_rows_begin(tmp_path):
    rows, faults = table(tmp_path, 'image,text\r\na.png,"x\r\ny"\r\n\r\nb.png,"say ""z"""\r\n')
    assert rows == [(2, {"image": "a.png", "text": "x\r\ny"}), (5, {"image": "b.png", "text": 'say "z"'})]
    assert faults == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_text_full_of_another_delimiter_does_not_mislead(tmp_path, delimiter):
    for other in set(",;|") - {delimiter}:
        lines = [f"{number}.png{delimiter}a{other}b{other}c" for number in range(5)]
        rows, faults = table(tmp_path, "\n".join(["image" + delimiter + "text", *lines]))
        assert [row["text"] for _, row in rows] == [f"a{other}b{other}c"] * 5 and faults == []
        rows, _ = table(tmp_path, "\n".join(lines))
        assert [row["file"] for _, row in rows] == [f"{number}.png" for number in range(5)]


def test_the_text_may_come_first(tmp_path):
    assert table(tmp_path, "x,a.png\ny,b.png\n")[0] == [
        (1, {"text": "x", "file": "a.png"}),
        (2, {"text": "y", "file": "b.png"}),
    ]


def test_more_columns_need_names(tmp_path):
    rows, _ = table(tmp_path, "id,Image ,text\n1,a.png,x\n")
    assert rows == [(2, {"id": "1", "image": "a.png", "text": "x"})]
    with pytest.raises(ValueError, match="^a.csv: no columns of files and texts found; it begins with '1,a.png,x' -> "):
        table(tmp_path, "1,a.png,x\n2,b.png,y\n")


def test_two_columns_of_one_name_are_no_header(tmp_path):
    with pytest.raises(ValueError, match="no columns"):
        table(tmp_path, "image,text,text\na.png,x,y\n")


def test_quotes_that_do_not_close(tmp_path):
    with pytest.raises(ValueError, match="^a.csv: double quotes that do not close .* -> write a quote"):
        table(tmp_path, 'image,text\na.png,"x\nb.png,y\n')
    rows, faults = table(tmp_path, 'a.png\t"x\nb.png\ty"z\n', "a.txt")
    assert [row["text"] for _, row in rows] == ['"x', 'y"z']
    assert [(line, reason) for line, reason, _ in faults] == [
        (None, "double quotes that do not close: all quotes are read as plain signs")
    ]


def test_a_cell_that_swallowed_a_row_is_named(tmp_path):
    rows, faults = table(tmp_path, 'image,text\na.png,"x\nb.png,y"\nc.png,z\n')
    assert [line for line, _ in rows] == [4]
    assert [(line, reason) for line, reason, _ in faults] == [(2, "a cell in quotes holds what look like further rows")]


@pytest.mark.parametrize("encoding", ["gb18030", "latin-1"])
def test_another_encoding_is_refused(tmp_path, encoding):
    with pytest.raises(ValueError, match="a.csv: not UTF-8 at byte"):
        table(tmp_path, "image,text\na.png,é\n", encoding=encoding)


def test_half_a_character_of_utf_16_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("image,text".encode("utf-16") + b"a")
    with pytest.raises(ValueError, match="a.csv: UTF-16"):
        read_table(tmp_path / "a.csv")


def test_what_a_spreadsheet_of_a_chinese_machine_saves_is_named_with_its_cure(tmp_path):
    rows = "".join(f"第{number}页.png,北京市海淀区中关村大街{number}号，合计人民币壹佰元整\n" for number in range(20))
    with pytest.raises(ValueError, match="gb18030 '第10页.png,北京市.*iconv"):
        table(tmp_path, "图片,文字\n" + rows, encoding="gbk")


def test_a_cell_of_any_length(tmp_path):
    assert len(table(tmp_path, f"image,text\na.png,{'x' * 200_000}\n")[0][0][1]["text"]) == 200_000
