"""helpers.course.prose: words, cards and headings against GLOSSARY.md are named with lesson, language and cell."""

import pytest

from helpers import language as language_table
from helpers.course import notebooks
from helpers.course.prose import plain, read_glossary
from helpers.course.sync import sync
from helpers.paths import ROOT

NAME = "01_made_up"
GLOSSARY = read_glossary(ROOT / "GLOSSARY.md")


def problems(pair, name, **sources):
    """What is wrong when one cell says something else, in one language or both."""
    for language, source in sources.items():
        pair.edit(language, name, source=source)
    sync(pair.folder, same=[f"{NAME}/{name}"] if len(sources) == 1 else [])
    return pair.problems()


@pytest.mark.parametrize(
    "language, text",
    [
        ("zh", "视觉塔被冻结"),
        ("zh", "见第 06 课"),
        ("zh", "运行这个单元"),
        ("zh", "脚本悄悄跳过"),
        ("zh", "模型读公式"),
        ("zh", "440 万个权重的模型"),
        ("en", "Its eye is frozen."),
        ("en", "4.4 million weights"),
        ("en", "The `<image>` mark is missing."),
        ("en", "A recipe In Circulation trains it."),
        ("en", "See lesson 06."),
    ],
)
def test_refused_words_are_named(pair, language, text):
    (found,) = problems(pair, "prose-3", **{language: text})
    assert found.startswith(f"{NAME} {language} prose-3: '") and " -> " in found


@pytest.mark.parametrize(
    "language, text",
    [
        ("zh", "单元格、bfloat16 计算单元、读取文件、读者、阅读、第 6 课、权重文件"),
        ("zh", "`视觉塔`\n\n```\n悄悄\n```\n\n[链接](https://example.com/眼睛)"),
        ("en", "The weights are fixed; stereo marks stay. `eye` and [a page](https://example.com/eye)"),
    ],
)
def test_other_words_code_and_addresses_are_accepted(pair, language, text):
    assert problems(pair, "prose-3", **{language: text}) == []


def test_code_cells_are_not_prose(pair):
    for language in notebooks.LANGUAGES:
        pair.edit(language, "code-3", source="eye = '视觉塔'")
    assert pair.problems() == []


def test_code_inside_a_sentence_is_one_sign():
    assert plain("The `<image>` and ``a`b`` of [it](x/eye.md)\n```\neye\n```") == "The ▮ and ▮ of [it]\n"


def test_other_wording_of_the_card_is_named(pair):
    source = pair.cell("zh", "title").source
    assert (
        f"{NAME} zh title: the rows of the card are 用时, 显存"
        in problems(pair, "title", zh=source.replace("显卡与显存", "显存"))[0]
    )


def test_missing_sentence_above_the_card_is_named(pair):
    source = pair.cell("en", "title").source
    (found,) = problems(pair, "title", en=source.replace("**What you will have at the end**", "**You will make**"))
    assert found.startswith(f"{NAME} en title: no sentence **What you will have at the end**")


def test_title_with_another_number_is_named(pair):
    source = pair.cell("en", "title").source
    (found,) = problems(pair, "title", en=source.replace("01", "02"))
    assert found.endswith("en title: begins with '# 02 · Made up' -> # 01 · …")


def test_missing_heading_is_named_once_in_each_language(pair):
    found = problems(pair, "headings", en="## Settings", zh="## 设置")
    assert f"{NAME} en : no heading '## Summary' -> every lesson has it (GLOSSARY.md)" in found
    assert f"{NAME} zh : no heading '## 小结' -> every lesson has it (GLOSSARY.md)" in found and len(found) == 8


@pytest.mark.parametrize(
    "en, zh, named",
    [
        ("## Training: LoRA", "## 开始训练", "zh prose-3: heading '开始训练' -> '训练'"),
        ("## Now train", "## 训练：LoRA", "en prose-3: heading 'Now train' -> 'Training'"),
        ("## Training", "训练", "zh prose-3: 0 second-level headings, but 1 in en"),
    ],
)
def test_headings_that_do_not_fit_each_other_are_named(pair, en, zh, named):
    assert f"{NAME} {named}" in problems(pair, "prose-3", en=en, zh=zh)[0]


def test_headings_of_ones_own_and_comments_in_code_are_accepted(pair):
    en, zh = "## Training the eyeless\n```\n## Training\n```", "## 别的\n```\n## 训练\n```"
    assert problems(pair, "prose-3", en=en, zh=zh) == []


@pytest.mark.parametrize(
    "old, new",
    [
        ("| Data | 数据 | |", "| Data | 数据 |"),
        ("| Data | 数据 | |", "| Data | 数据 | somewhere |"),
        ("`悄悄`", "`(`"),
        ("| zh | `悄悄`", "| fr | `悄悄`"),
        ("\n## What the check", "\n| and | another | table |\n|---|---|---|\n\n## What the check"),
    ],
)
def test_broken_glossary_is_named(tmp_path, old, new):
    text = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "GLOSSARY.md").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ValueError, match="GLOSSARY.md: .* -> restore its three tables"):
        read_glossary(tmp_path / "GLOSSARY.md")


@pytest.mark.parametrize("name, language", [("README.md", "en"), ("README_zh.md", "zh"), ("CONTRIBUTING.md", "en")])
def test_pages_of_the_project_hold_no_refused_words(name, language):
    text = plain((ROOT / name).read_text(encoding="utf-8"))
    assert not [found.group() for pattern, _ in GLOSSARY.refused[language] if (found := pattern.search(text))]


@pytest.mark.parametrize("language", notebooks.LANGUAGES)
def test_what_helpers_say_holds_no_refused_words(language):
    texts = {key: plain(row[language]) for key, row in language_table.texts().items()}
    patterns = [pattern for pattern, _ in GLOSSARY.refused[language]]
    assert not {key: text for key, text in texts.items() if any(pattern.search(text) for pattern in patterns)}


def test_a_bar_may_stand_in_an_expression(tmp_path):
    assert any("|" in pattern.pattern for pattern, _ in GLOSSARY.refused["en"])


def test_glossary_gives_one_translation_a_term():
    terms = [english for english, _, _ in GLOSSARY.terms]
    assert all(len(row) == 3 and row[1] for row in GLOSSARY.terms) and len(terms) == len(set(terms))


def test_no_translation_of_the_glossary_is_refused():
    for language, place in (("en", 0), ("zh", 1)):
        words = "\n".join(row[place] for row in GLOSSARY.terms)
        assert not [pattern.pattern for pattern, _ in GLOSSARY.refused[language] if pattern.search(words)]
