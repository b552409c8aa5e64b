"""helpers.data.encodings: the encoding of a file is named where it is certain, else every reading of it is shown."""

import json

import pytest

from helpers.data.encodings import decode

TEXTS = {
    "gb18030": "人工智能是计算机科学的一个分支，请写出图片中的公式，以及发票号码、开票日期和合计金额",
    "big5": "人工智慧是電腦科學的一個分支，請寫出圖片中的公式，以及發票號碼、開票日期和合計金額",
    "cp932": "画像の中の数式を書いてください。領収書の番号と日付、合計金額。今日は牛乳とパンを買いました",
    "cp949": "그림에 있는 수식을 써 주세요. 영수증 번호와 날짜, 합계 금액. 오늘 우유와 빵을 샀습니다",
    "cp1252": "Écrivez la formule de l'image: numéro de reçu, date et montant à régler. C'était très cher cet été",
    "cp1251": "Напишите формулу на картинке. Номер чека, дата и сумма. Сегодня мы купили молоко и хлеб",
}


def rows(texts):
    return "".join(json.dumps({"image": "a.png", "text": text}, ensure_ascii=False) + "\n" for text in texts)


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("times", [1, 20])
def test_sentence_is_read_as_it_was_written_and_its_encoding_named(encoding, times):
    text = rows([TEXTS[encoding]] * times)
    read, (byte, reason, cure) = decode(text.encode(encoding))
    assert read == text and byte == 28 and "line 1" in reason and encoding in cure


@pytest.mark.parametrize("encoding", ["gb18030", "cp1251"])
def test_certain_encoding_has_its_command(encoding):
    cure = decode(rows([TEXTS[encoding]] * 20).encode(encoding))[1][2]
    assert f'"iconv -f {encoding} -t utf-8"' in cure and f'encoding="{encoding}"' in cure


@pytest.mark.parametrize(("text", "encoding"), [("公式", "gb18030"), ("é", "cp1252"), ("公式", "big5")])
def test_too_few_letters_are_shown_in_every_reading_and_no_command_is_given(text, encoding):
    cure = decode(rows([text]).encode(encoding))[1][2]
    assert f"{encoding} '{text}'" in cure and "-f THAT" in cure and "read_text" not in cure


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_characters_are_known_with_and_without_a_mark(encoding):
    text = rows(["公式"])
    read, (_, reason, cure) = decode(text.encode(encoding))
    assert read == text and reason == f"{encoding.upper()}, not UTF-8" and f"-f {encoding} " in cure


def test_few_wrong_bytes_in_utf8_are_not_taken_for_another_encoding():
    data = rows(["公式和数据"] * 9).encode() + rows(["±"]).encode("cp1252")
    read, (byte, reason, cure) = decode(data)
    assert (
        read.count("公式和数据") == 9 and "line 10" in reason and "most of it is UTF-8" in cure and "iconv" not in cure
    )


def test_bytes_of_no_encoding_have_a_cure():
    assert decode(b'{"text": "\xff\xfe\x80 \x81\x8d\x8f\x90\x9d\xa0\xff"}')[1][2]
    assert decode("x".encode("utf-16") + b"\0") == ("", (None, "UTF-16, not UTF-8", ANY_PROGRAM))


ANY_PROGRAM = "save it as UTF-8 from the program that made it"


def test_utf8_has_no_fault():
    assert decode("公é".encode()) == ("公é", None) and decode(b"") == ("", None)
    assert decode("\ufeff公".encode())[0] == "公" and "byte order" in decode("\ufeff公".encode())[1][1]
