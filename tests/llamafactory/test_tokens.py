"""helpers.llamafactory.tokens: rows that LLaMA-Factory would cut or spoil are named; test_recipes counts with it."""

import json
import shutil

import numpy as np
import pytest
from llamafactory_places import config_of, write_rows
from PIL import Image

from helpers import llamafactory
from helpers.data.formats import register
from helpers.data.samples import Sample
from helpers.data.validate import DataError
from helpers.llamafactory.tokens import glm_ocr_size, prompt_pieces, text_tokens


def page(size=(60, 40)):
    return Image.linear_gradient("L").resize(size)


def black_on_nothing():
    black = Image.new("L", (60, 40))
    return Image.merge("RGBA", (black, black, black, page()))


def test_rows_that_cutoff_len_would_cut_are_all_named(place):
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, cutoff_len=35))
    rows = [problem.row for problem in caught.value.problems]
    assert 1 < len(rows) < 12
    assert str(caught.value.problems[0]).startswith(f"rows.json:{rows[0]}: ")
    assert "cutoff_len 35 would cut" in str(caught.value) and "raise cutoff_len to" in str(caught.value)


def test_see_through_turned_and_deep_pictures_are_refused(place):
    (place / "odd").mkdir(exist_ok=True)
    black_on_nothing().save(place / "odd" / "1.png")
    turned = page()
    turned.getexif()[274] = 6
    turned.save(place / "odd" / "2.png", exif=turned.getexif())
    Image.fromarray(np.asarray(page((70, 30)), np.uint16) * 257).save(place / "odd" / "3.png")
    Image.merge("LA", (page((80, 30)), Image.new("L", (80, 30), 255))).save(place / "odd" / "4.png")  # hides nothing
    write_rows([Sample(place / "odd" / f"{n}.png", "abcd"[n - 1]) for n in (1, 2, 3, 4)], place / "odd")
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, data="odd"))
    assert "rows.json:0: 1.png: see-through" in str(caught.value)
    assert "rows.json:1: 2.png: stored turned" in str(caught.value)
    assert "rows.json:2: 3.png: values of more than 8 bits" in str(caught.value)
    assert [problem.row for problem in caught.value.problems] == [0, 1, 2]
    assert all("data.read_picture(path).save(path)" in problem.cure for problem in caught.value.problems)


def test_a_picture_mended_under_the_same_name_is_looked_at_again(place):
    (place / "mended").mkdir(exist_ok=True)
    black_on_nothing().save(place / "mended" / "1.png")
    write_rows([Sample(place / "mended" / "1.png", "x")], place / "mended")
    with pytest.raises(DataError, match="see-through"):
        llamafactory.check(config_of(place, data="mended"))
    page().save(place / "mended" / "1.png")
    assert len(llamafactory.check(config_of(place, data="mended")).lengths) == 1


def test_a_processor_that_has_changed_counts_anew(place):
    """Pictures that are made larger take more tokens, also when the folder keeps its name."""
    shutil.copytree(place / "model", place / "changing")
    config = config_of(place, model="changing", cutoff_len=2048)
    before = llamafactory.check(config).lengths
    name = next(n for n in ("processor_config.json", "preprocessor_config.json") if (place / "changing" / n).is_file())
    values = json.loads((place / "changing" / name).read_bytes())
    images = values.get("image_processor", values)
    images["size"] = {"shortest_edge": 200000, "longest_edge": 400000}
    (place / "changing" / name).write_text(json.dumps(values), encoding="utf-8")
    assert min(llamafactory.check(config).lengths) > max(before)


def test_longer_answers_take_more_tokens_and_the_picture_counts_apart(place):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place / "model")
    talk = [{"role": "user", "content": "<image>Read."}, {"role": "assistant", "content": "x"}]
    prompt, answer = text_tokens(talk, tokenizer, "glm_ocr")
    longer = [talk[0], {"role": "assistant", "content": "x y z"}]
    assert (
        text_tokens(longer, tokenizer, "glm_ocr")[0] == prompt and text_tokens(longer, tokenizer, "glm_ocr")[1] > answer
    )
    asked = [{"role": "system", "content": "Be brief."}, *talk]
    assert text_tokens(asked, tokenizer, "glm_ocr")[0] > prompt


@pytest.mark.parametrize("default", [None, "", "Be kind."])
def test_an_empty_system_message_means_the_default_one(default):
    talk = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
    without = prompt_pieces(talk, "minicpm_v", {"default_system": default})
    empty = [{"role": "system", "content": ""}, *talk]
    assert prompt_pieces(empty, "minicpm_v", {"default_system": default}) == without
    said = "" if default == "" else f"<|im_start|>system\n{default or 'You are a helpful assistant.'}<|im_end|>\n"
    assert "".join(text for role, text in without if role == "system") == said


@pytest.mark.parametrize(
    ("question", "answer", "system"),
    [("Read", "a <|image|> b", None), ("Read <|user|> this", "a", None), ("Read", "a", "Be <|endoftext|> brief.")],
)
def test_special_tokens_of_the_model_are_refused_wherever_they_stand(place, question, answer, system):
    token = next(token for text in (question, answer, system or "") for token in text.split() if token[0] == "<")
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, data=written(place, question, answer, system)))
    assert f"rows.json:0: special token {token} in " in str(caught.value) and "take it out" in str(caught.value)


def written(place, question, answer, system=None, name="texts"):
    """The name of a new folder with a data set of one row; ``system``: its column."""
    (place / name).mkdir(exist_ok=True)
    Image.linear_gradient("L").resize((60, 40)).save(place / name / "1.png")
    turns = [{"role": "user", "content": f"<image>{question}"}, {"role": "assistant", "content": answer}]
    row = {"messages": turns, "images": ["1.png"]} | ({} if system is None else {"system": system})
    (place / name / "rows.json").write_text(json.dumps([row]), encoding="utf-8")
    register(place / name / "dataset_info.json", "rows", "rows.json")
    return name


def test_tokens_of_another_family_are_text_to_this_model(place):
    assert llamafactory.check(config_of(place, data=written(place, "Read", "a <|im_end|> b"))).lengths


def test_system_column_is_counted(place):
    short = llamafactory.check(config_of(place, data=written(place, "Read", "a"))).lengths
    long = llamafactory.check(config_of(place, data=written(place, "Read", "a", "Be brief and exact."))).lengths
    assert long[0] > short[0] + 5


@pytest.mark.parametrize(
    ("size", "seen"),
    [((300, 100), (300, 100)), ((1600, 900), (1024, 576)), ((20, 10), (45, 28)), ((9, 6000), (28, 5040))],
)
def test_sizes_before_the_processor_sees_a_picture(size, seen):
    assert glm_ocr_size(*size, 589824, 1024) == seen
