"""helpers.data.answers: what only all texts of a file together show."""

import json
import random

from helpers.data.answers import examine_answers, without_marks
from helpers.data.records import Record, read_records


def records(answers, prompts=()):
    return [Record(row, prompts=list(prompts), answers=[answer]) for row, answer in enumerate(answers)]


def warnings_of(answers):
    found = records(answers)
    examine_answers(found)
    assert all(record.faults == [] for record in found)
    return [(record.row, reason) for record in found for reason, cure in record.warnings if cure]


def test_special_token_is_a_fault_where_the_model_is_known_and_else_a_warning():
    found = records(["a <|image|> b", "a <|x|> b", "a < b"], ["<image>Read:"])
    examine_answers(found, ["<|x|>", "<image>"])
    assert [len(record.faults) for record in found] == [0, 1, 0] and all(not record.warnings for record in found)
    assert "special token <|x|> in 'a <|x|> b'" in found[1].faults[0][0]
    ((row, reason),) = warnings_of(["a <|image|> b", "a <|x|> b"])
    assert row == 0 and "<|image|>" in reason


def test_prompts_and_system_texts_are_looked_at_too():
    found = [
        Record(0, prompts=["<image>Read <|image_pad|>"], answers=["x"]),
        Record(1, answers=["x"], system="</image>"),
    ]
    examine_answers(found, ["<image>", "<|image_pad|>", "</image>"])
    assert [len(record.faults) for record in found] == [1, 1]
    assert without_marks("<image><video>a<audio>") == "a"


def test_answers_that_only_look_alike_are_told_of_the_first():
    found = warnings_of(["Total: 5", "x", "Total： ５", "Total: 5", "Total:\u200b 5"])
    assert [row for row, _ in found] == [2, 4]
    assert "looks like the answer of row 0" in found[0][1] and "(U+FF1A / U+003A)" in found[0][1]


def test_formula_and_molecule_that_do_not_parse_are_warnings():
    ((row, reason),) = warnings_of([r"\frac { a } { b }", r"\frac { a } { b", "a } b"])
    assert row == 1 and "nothing closes { at character 13" in reason
    ((row, reason),) = warnings_of(["```rdkit\nCCO\n```", "```rdkit\nCC(O\n```"])
    assert row == 1 and "( at character 3 has no partner" in reason


def test_thousands_of_rows_with_one_fault_in_common_have_one_warning(tmp_path):
    rng = random.Random(0)
    rows = [{"image": f"{n}.png", "text": f"x ： {rng.random()}", "id": n if n % 2 else str(n)} for n in range(5000)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "d.jsonl").write_text(text, encoding="utf-8")
    found, faults = read_records(tmp_path / "d.jsonl")
    examine_answers(found)
    assert len(found) == 5000 and faults == []
    ((reason, _),) = [warning for record in found for warning in record.warnings]
    assert "'id' is a number here and a string in row 1" in reason and "2499 more rows" in reason
