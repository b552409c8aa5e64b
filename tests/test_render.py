"""helpers.render: same seed, same bytes; test formulas stay unseen; a set on disk is whole or made anew."""

import json

import numpy as np
import pytest
from PIL import Image

from helpers import render
from helpers.render import LARGEST, LONGEST, PARTS, STYLES, draw_sample, formula, picture, render_set, reserved
from helpers.samples import load_jsonl

FORMULAS = [formula(np.random.default_rng(seed)) for seed in range(400)]
LISTS = ("LETTERS", "CAPITALS", "DIGITS", "GREEK", "OPERATORS", "RELATIONS", "FUNCTIONS", "SPECIAL")
SYMBOLS = sorted({token for name in LISTS for token in getattr(render, name)})
BUILT = r"\frac \sqrt \sum \int \prod _ ^ { } ( )".split()


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tokens_are_separated_by_single_spaces():
    assert all(latex == " ".join(latex.split()) for latex in FORMULAS)


def test_every_token_is_of_the_grammar():
    assert {token for latex in FORMULAS for token in latex.split()} <= set(SYMBOLS + BUILT)


def test_every_argument_is_in_braces():
    for latex in FORMULAS:
        tokens = latex.split()
        opened = [token for token, after in zip(tokens, tokens[1:], strict=False) if after == "{"]
        assert tokens.count("{") == tokens.count("}") and set(opened) <= {"_", "^", "}", "\\frac", "\\sqrt"}
        takes_argument = [token for token in tokens if token in ("_", "^", "\\frac", "\\sqrt")]
        assert takes_argument == [token for token in opened if token != "}"]


def test_every_symbol_can_be_drawn_in_every_font():
    for font in {font for fonts in render.FONTS.values() for font in fonts}:
        assert [symbol for symbol in SYMBOLS if render.ink(symbol, font, 18).max() <= 127] == []


def test_train_and_test_never_meet():
    drawn = {part: {draw_sample(index, 3, part=part)[1] for index in range(60)} for part in PARTS}
    assert not drawn["train"] & drawn["test"]
    assert all(map(reserved, drawn["test"])) and not any(map(reserved, drawn["train"]))


def test_one_formula_in_ten_is_reserved():
    share = sum(map(reserved, set(FORMULAS))) / len(set(FORMULAS))
    assert 0.05 < share < 0.15


@pytest.mark.parametrize("style", STYLES)
def test_sides_are_whole_image_tokens_and_not_too_large(style):
    for index in range(30):
        image, latex = draw_sample(index, 4, style)
        assert image.mode == "L" and image.width % 28 == image.height % 28 == 0
        assert image.width <= LARGEST[0] and image.height <= LARGEST[1] and len(latex.split()) <= LONGEST


def test_formulas_too_large_are_left_out(monkeypatch):
    monkeypatch.setattr(render, "LARGEST", (112, 56))
    assert {draw_sample(index, 4)[0].width for index in range(40)} == {84, 112}


def test_longest_bounds_the_formula():
    assert all(len(draw_sample(index, 4, longest=4)[1].split()) <= 4 for index in range(30))


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_drawn_outside_the_picture(style, monkeypatch):
    monkeypatch.setitem(render._PAPER, style, lambda page, rng: page)
    page = np.asarray(picture(r"\frac { a } { b }", style))
    assert page[[0, -1]].max() == page[:, [0, -1]].max() == 0 and page.max() > 127


def test_printed_is_black_on_white_and_chalkboard_light_on_dark():
    printed, board = (np.asarray(picture("x + y", style), float) for style in ("printed", "chalkboard"))
    assert np.median(printed) == 255 and printed.min() == 0
    assert np.median(board) < 100 and board.max() > 150


@pytest.mark.parametrize("style", STYLES)
def test_same_seed_same_pixels_other_seed_others(style):
    first, again, other = (np.asarray(picture("x + y", style, np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert (first == again).all() and not np.array_equal(first, other)


@pytest.mark.parametrize("latex", [r"\nosuchthing", r"\frac { a }", "x ^ {", "x } y", "", r"\quad", "a $ b"])
def test_what_cannot_be_drawn_is_a_value_error(latex):
    with pytest.raises(ValueError):
        picture(latex)


def test_unknown_style_or_part_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="unknown style 'photo'; choose one of printed, "):
        picture("x", "photo")
    with pytest.raises(ValueError, match="unknown part 'tset'; choose one of train, test"):
        draw_sample(0, 0, part="tset")
    finished = render_set(tmp_path, 2, seed=0)
    for wrong in ({"style": "photo"}, {"part": "tset"}):
        with pytest.raises(ValueError, match="unknown"):
            render_set(tmp_path, 2, seed=0, **wrong)
    assert all(sample.image.exists() for sample in finished)  # a slip of the pen costs nothing


def test_same_seed_same_files(tmp_path):
    for name in ("a", "b"):
        render_set(tmp_path / name, 6, seed=1, style="scan")
    assert files(tmp_path / "a") == files(tmp_path / "b") and len(files(tmp_path / "a")) == 8


def test_one_core_and_many_draw_the_same(tmp_path, monkeypatch):
    render_set(tmp_path / "many", 100, seed=1)
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(render, "ProcessPoolExecutor", lambda *arguments: pytest.fail("cannot fork"))
    render_set(tmp_path / "one", 100, seed=1)
    assert files(tmp_path / "many") == files(tmp_path / "one") and len(files(tmp_path / "one")) == 102


def test_set_holds_what_was_asked_for(tmp_path):
    samples = render_set(tmp_path, 5, seed=1, style="chalkboard", part="test")
    assert samples == load_jsonl(tmp_path / "data.jsonl")
    for index, sample in enumerate(samples):
        image, latex = draw_sample(index, 1, "chalkboard", "test")
        assert sample.text == latex and (np.asarray(Image.open(sample.image)) == np.asarray(image)).all()


def test_finished_set_is_used_again(tmp_path, monkeypatch):
    first = render_set(tmp_path, 5, seed=1)
    monkeypatch.setattr(render, "draw_sample", lambda *arguments: pytest.fail("drawn again"))
    assert render_set(tmp_path, 5, seed=1) == first


@pytest.mark.parametrize("change", [{"count": 3}, {"seed": 2}, {"style": "scan"}, {"part": "test"}])
def test_another_set_replaces_it_and_leaves_no_stray_pictures(tmp_path, change):
    wanted = {"count": 5, "seed": 1, "style": "printed", "part": "train"}
    render_set(tmp_path / "used", **wanted)
    samples = render_set(tmp_path / "used", **(wanted | change))
    render_set(tmp_path / "fresh", **(wanted | change))
    assert files(tmp_path / "used") == files(tmp_path / "fresh") and len(samples) == (wanted | change)["count"]


def test_half_written_set_is_redone(tmp_path, monkeypatch):
    def stop_at_3(index, *arguments):
        if index == 3:
            raise KeyboardInterrupt
        return draw_sample(index, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(render, "draw_sample", stop_at_3)
        render_set(tmp_path / "cut", 5, seed=1)
    render_set(tmp_path / "cut", 5, seed=1)
    render_set(tmp_path / "whole", 5, seed=1)
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.parametrize("name", ["images/00002.png", "data.jsonl", "made_from.json"])
def test_set_with_a_deleted_file_is_drawn_anew(tmp_path, name):
    render_set(tmp_path, 4, seed=1)
    whole = files(tmp_path)
    (tmp_path / name).unlink()
    if name == "made_from.json":
        with pytest.raises(FileExistsError, match="already holds other data"):
            render_set(tmp_path, 4, seed=1)
    else:
        render_set(tmp_path, 4, seed=1)
        assert files(tmp_path) == whole


def test_pictures_of_an_older_renderer_are_drawn_anew(tmp_path):
    render_set(tmp_path, 4, seed=1)
    whole, note = files(tmp_path), tmp_path / "made_from.json"
    recipe = json.loads(note.read_text(encoding="utf-8"))
    recipe["renderer"] += 1
    note.write_text(json.dumps(recipe), encoding="utf-8")
    (tmp_path / "images" / "00000.png").write_bytes(b"old")
    render_set(tmp_path, 4, seed=1)
    assert files(tmp_path) == whole
