"""The fault table as a whole: enough rows, each in both languages and in words of ours."""

import re

from faults import TABLE

ROWS = [(kind, name, row) for kind, table in TABLE.items() for name, row in table.items()]


def test_there_are_hundreds_of_rows():
    assert len(ROWS) > 200 and min(map(len, TABLE.values())) > 40


def test_a_row_has_both_languages_and_nothing_else():
    assert [name for _, name, row in ROWS if set(row) != {"en", "zh"}] == []


def test_chinese_is_chinese_and_english_is_not():
    """A text of a library would be the same in both. What makers of lessons read is in English."""
    ours = [(name, row) for _, name, row in ROWS if not name.startswith("course: ")]
    assert [name for name, row in ours if not re.search("[\u4e00-\u9fff]", row["zh"])] == []
    assert [name for _, name, row in ROWS if re.search("[\u4e00-\u9fff]", row["en"])] == []


def test_a_text_says_something():
    assert [
        name for _, name, row in ROWS if min(len(row["en"].replace("…", "")), len(row["zh"].replace("…", ""))) < 3
    ] == []
