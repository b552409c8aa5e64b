"""Draw the lessons' drawings, in both languages: images/{model_path,lora,labels,packing}.{en,zh}.png.

    .venv/bin/python images/make_drawings.py

Picture, patches, tokens and labels are those of the tiny Qwen2-VL (``packing`` is a sketch); the same code draws the
same bytes.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import manimgx_fonts_cjk
import matplotlib
from PIL import Image, ImageDraw, ImageFont

from helpers import training
from helpers.data import Sample
from helpers.data.synthetic import papers
from helpers.models import load_processor
from helpers.settings import Settings

FORMULA = r"I = \frac { 1 } { 2 } q \lambda ^ { 2 } ,"
SIDE, RANK = 1536, 64  # q_proj of Qwen2-VL-2B, with the rank of Settings.real()

PATCH = 14  # pixels a side
WRITTEN = 3  # answer tokens already written in the drawing
PACKED = ((5, 3, 4), (3, 3, 2), (6, 3, 6), (4, 3, 2))  # tokens of picture, question and answer of four samples
MULTIPLE = 12  # of which the packed row's length is one

WIDTH, SMOOTH = 1200, 2  # pixels; drawn twice as large, then reduced
INK, SOFT = "#222222", "#666666"
GREY, BLUE, WARM, GREEN = ("#ededed", "#9a9a9a"), ("#dfe8f3", "#3b6ea8"), ("#fde4d0", "#c8591b"), ("#d5eedd", "#2c8a52")
FONTS = {
    "sans": (Path(manimgx_fonts_cjk.__file__).with_name("NotoSansCJK-VF.otf.ttc"), 2, 400),
    "bold": (Path(manimgx_fonts_cjk.__file__).with_name("NotoSansCJK-VF.otf.ttc"), 2, 650),
    "mono": (Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSansMono.ttf"), 0, None),
    "math": (Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSerif-Italic.ttf"), 0, None),
}

MODEL_PATH = {
    "en": {
        "picture": "1  The picture is cut into patches",
        "patches": "{width} × {height} pixels\n{columns} × {rows} = {patches} patches of 14 × 14",
        "tower": "vision tower",
        "vectors": "{patches} patches in,\n{patches} vectors out",
        "merger": "merger",
        "merged": "2 × 2 vectors to one\n(MiniCPM: resampler)",
        "images": "{images} image tokens",
        "row": "2  The image tokens take their places in the chat template",
        "system": "system turn",
        "model": "language model",
        "answer": "3  The answer comes token by token",
        "again": "each new token\nis appended,\nuntil the end\ntoken comes",
    },
    "zh": {
        "picture": "1  图片切成 patch",
        "patches": "{width} × {height} 像素\n{columns} × {rows} = {patches} 个 patch，每个 14 × 14",
        "tower": "视觉编码器",
        "vectors": "输入 {patches} 个 patch，\n输出 {patches} 个向量",
        "merger": "merger",
        "merged": "2 × 2 个向量合成一个\n（MiniCPM 用 resampler）",
        "images": "{images} 个图像 token",
        "row": "2  图像 token 填进对话模板",
        "system": "system 一轮",
        "model": "语言模型",
        "answer": "3  答案逐个 token 生成",
        "again": "新 token 接到\n序列末尾，\n直到生成\n结束 token",
    },
}
LORA = {
    "en": {
        "training": "During training",
        "frozen": "frozen",
        "trained": "trained; B starts at 0, so at first y = W x",
        "merged": "After merging",
        "same": "one matrix, as large as W",
        "scale": "To scale: one layer of Qwen2-VL-2B with r = 64",
        "count": "A and B: {count} parameters,\n{share:.1f} % of those of W",
    },
    "zh": {
        "training": "训练时",
        "frozen": "冻结",
        "trained": "只训练 A、B；B 的初值为 0，开始时 y = W x",
        "merged": "合并后用于推理",
        "same": "一个矩阵，与 W 一样大",
        "scale": "按比例画：Qwen2-VL-2B 的一个线性层，r = 64",
        "count": "A、B 共 {count} 个参数，\n是 W 的 {share:.1f} %",
    },
}
LABELS = {
    "en": {
        "title": "One training row: tokens, and the label of each",
        "system": "system",
        "picture": "picture",
        "question": "question",
        "answer": "answer",
        "labels": "labels",
        "untrained": "label −100: no loss here",
        "image": "image tokens, −100 too",
        "trained": "answer and end token: trained, the label is the token id",
    },
    "zh": {
        "title": "一条训练样本：每个 token 和对应的标签",
        "system": "system",
        "picture": "图片",
        "question": "问题",
        "answer": "答案",
        "labels": "标签",
        "untrained": "标签 −100：不计算损失",
        "image": "图像 token，标签也是 −100",
        "trained": "答案和结束 token：参与训练，标签是 token id",
    },
}
PACKING = {
    "en": {
        "padded": "A padded batch: as long as its longest row, {filled} of {total} tokens are padding",
        "packed": "The same packed: one row, {filled} of {total} tokens fill it up",
        "starts": "starts",
        "picture": "picture",
        "question": "question",
        "answer": "answer",
        "padding": "padding",
    },
    "zh": {
        "padded": "填充的一批：和最长的序列一样长，{total} 个 token 里有 {filled} 个是填充",
        "packed": "打包之后：只有一条序列，{total} 个 token 里补了 {filled} 个",
        "starts": "起点",
        "picture": "图片",
        "question": "问题",
        "answer": "答案",
        "padding": "填充",
    },
}

# ---- pen: all places and sizes are in pixels of the finished picture -------------------------------------------------


@cache
def font(kind, size):
    path, face, weight = FONTS[kind]
    made = ImageFont.truetype(str(path), round(size * SMOOTH), index=face)
    if weight:
        made.set_variation_by_axes([weight])
    return made


def paper(height):
    image = Image.new("RGB", (WIDTH * SMOOTH, height * SMOOTH), "white")
    return image, ImageDraw.Draw(image)


def save(image, name):
    small = image.resize((image.width // SMOOTH, image.height // SMOOTH), Image.Resampling.LANCZOS)
    small.quantize(64).save(Path(__file__).with_name(name), optimize=True)


def large(*numbers):
    return [round(number * SMOOTH) for number in numbers]


def write(draw, x, y, text, kind="sans", size=20, colour=INK, anchor="mm"):
    draw.multiline_text(large(x, y), text, colour, font(kind, size), anchor, align="center", spacing=large(4)[0])


def box(draw, left, top, width, height, colours, radius=6, line=1.5):
    fill, edge = colours
    corners = large(left, top, left + width, top + height)
    draw.rounded_rectangle(corners, radius * SMOOTH, fill, edge, round(line * SMOOTH))


def arrow(draw, *points, colour=SOFT):
    """A line through points with a head at the last; its last piece is level or upright."""
    (x0, y0), (x, y) = points[-2:]
    ahead, aside = ((x > x0) - (x < x0)) * 11, ((y > y0) - (y < y0)) * 11
    draw.line([tuple(large(*p)) for p in [*points[:-1], (x - ahead / 2, y - aside / 2)]], colour, 2 * SMOOTH, "curve")
    wings = [(x - ahead - aside / 2, y - aside - ahead / 2), (x - ahead + aside / 2, y - aside + ahead / 2)]
    draw.polygon([tuple(large(*p)) for p in [(x, y), *wings]], colour)


def token(draw, left, top, text, colours, width=26, kind="mono", size=17, ink=INK):
    """A token in its box, which is ``width`` wide or more; returns where the next one begins."""
    width = max(width, font(kind, size).getlength(text) / SMOOTH + 12)
    box(draw, left, top, width, 32, colours, 4)
    write(draw, left + width / 2, top + 15, text, kind, size, ink)
    return left + width + 4


# ---- what is drawn ---------------------------------------------------------------------------------------------------


def example():
    """The picture, and for each of its row's tokens (text, label); labels are None where nothing is trained."""
    processor, picture = load_processor("qwen2_vl", Settings.tiny()), papers.picture(FORMULA)
    with TemporaryDirectory() as folder:
        picture.save(Path(folder, "picture.png"))
        batch = training.collate([Sample(Path(folder, "picture.png"), FORMULA)], processor)
    ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
    labels = [training.IGNORE] * (len(ids) - len(labels)) + labels
    texts = [processor.tokenizer.decode([number]).replace("\n", "↵").strip() for number in ids]
    labels = [None if label == training.IGNORE else label for label in labels]
    return picture, list(zip(texts, labels, strict=True))


def parts_of(tokens):
    """The row cut into system turn, start of the user's turn, image tokens, question, start of the answer, answer."""
    texts = [text for text, _ in tokens]
    user = texts.index("user") - 1
    picture, words = texts.index("<|image_pad|>"), texts.index("<|vision_end|>")
    trained = [label is not None for _, label in tokens].index(True)
    cuts = [0, user, picture, words, trained - 3, trained, len(tokens)]  # <|im_start|> assistant ↵
    return [tokens[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]


def model_path(language, picture, tokens):
    system, user, images, question, assistant, answer = parts_of(tokens)
    columns, rows = picture.width // PATCH, picture.height // PATCH
    facts = {"width": picture.width, "height": picture.height, "columns": columns, "rows": rows}
    facts |= {"patches": columns * rows, "images": len(images)}
    say = {key: text.format(**facts) for key, text in MODEL_PATH[language].items()}
    image, draw = paper(580)

    write(draw, 30, 26, say["picture"], "bold", 22, anchor="lm")
    left, top, cell = 30, 60, 26
    enlarged = picture.convert("RGB").resize(large(columns * cell, rows * cell), Image.Resampling.LANCZOS)
    image.paste(enlarged, tuple(large(left, top)))
    for column in range(columns + 1):
        draw.line(large(left + column * cell, top, left + column * cell, top + rows * cell), WARM[1], 2)
    for row in range(rows + 1):
        draw.line(large(left, top + row * cell, left + columns * cell, top + row * cell), WARM[1], 2)
    write(draw, 212, 200, say["patches"], size=19, colour=SOFT)
    arrow(draw, (402, 112), (448, 112))
    box(draw, 452, 66, 190, 92, BLUE)
    write(draw, 547, 112, say["tower"], "bold", 22)
    write(draw, 547, 200, say["vectors"], size=19, colour=SOFT)
    arrow(draw, (646, 112), (696, 112))
    box(draw, 700, 66, 170, 92, BLUE)
    write(draw, 785, 112, say["merger"], "bold", 22)
    write(draw, 785, 200, say["merged"], size=19, colour=SOFT)
    arrow(draw, (874, 112), (930, 112))
    for place in range(len(images)):
        box(draw, 936 + place % (columns // 2) * 32, 82 + place // (columns // 2) * 32, 28, 28, WARM, 4)
    write(draw, 1046, 189, say["images"], "bold", 20, WARM[1])

    write(draw, 30, 270, say["row"], "bold", 22, anchor="lm")
    x = token(draw, 30, 296, say["system"], GREY, kind="sans", size=18)
    for text, _ in user:
        x = token(draw, x, 296, text, BLUE)
    arrow(draw, (1046, 210), (1046, 240), (x + 260, 240), (x + 260, 292), colour=WARM[1])
    for _ in images:
        x = token(draw, x, 296, "", WARM, width=22)
    x = token(draw, x, 296, question[0][0], BLUE)
    x = 30
    for text, _ in question[1:] + assistant:
        x = token(draw, x, 334, text, BLUE)
    for text, _ in answer[:WRITTEN]:
        x = token(draw, x, 334, text, GREEN)
    end = x

    arrow(draw, (480, 370), (480, 396))
    box(draw, 30, 400, 900, 48, BLUE)
    write(draw, 480, 423, say["model"], "bold", 22)
    x = 30
    for place, (text, _) in enumerate(answer):
        colours = GREEN if place < WRITTEN else (GREEN[1],) * 2 if place == WRITTEN else ("white", GREEN[1])
        now, x = x, token(draw, x, 510, text, colours, ink="white" if place == WRITTEN else INK)
        if place == WRITTEN:
            middle = (now + x - 4) / 2
    arrow(draw, (middle, 452), (middle, 506), colour=GREEN[1])
    write(draw, middle + 24, 480, say["answer"], "bold", 22, anchor="lm")
    arrow(draw, (middle, 546), (middle, 562), (1160, 562), (1160, 350), (end + 4, 350), colour=GREEN[1])
    write(draw, 1045, 456, say["again"], size=19, colour=GREEN[1])
    save(image, f"model_path.{language}.png")


def lora(language):
    say = LORA[language]
    image, draw = paper(620)

    write(draw, 30, 26, say["training"], "bold", 22, anchor="lm")
    write(draw, 60, 140, "x", "math", 34)
    arrow(draw, (78, 140), (110, 140), (110, 90), (166, 90))
    box(draw, 170, 56, 250, 68, GREY)
    write(draw, 230, 90, "W", "math", 34)
    write(draw, 320, 90, say["frozen"], size=20, colour=SOFT)
    arrow(draw, (78, 140), (110, 140), (110, 194), (166, 194))
    for name, edges, x in (("A", (170, 38, 230, 12), 200), ("B", (270, 12, 330, 38), 300)):
        left, half, right, other = edges
        corners = [(left, 194 - half), (right, 194 - other), (right, 194 + other), (left, 194 + half)]
        draw.polygon([tuple(large(*corner)) for corner in corners], WARM[0], WARM[1], 3)
        write(draw, x, 192, name, "math", 28)
    arrow(draw, (230, 194), (270, 194), colour=WARM[1])
    write(draw, 250, 176, "r", "math", 24, WARM[1])
    arrow(draw, (330, 194), (364, 194), colour=WARM[1])
    write(draw, 406, 192, "× α/r", "math", 24, WARM[1])
    write(draw, 250, 254, say["trained"], size=20, colour=WARM[1])
    arrow(draw, (424, 90), (480, 90), (480, 124))
    arrow(draw, (444, 194), (480, 194), (480, 158), colour=WARM[1])
    draw.ellipse(large(465, 126, 495, 156), "white", INK, 3)
    write(draw, 480, 140, "+", size=24)
    arrow(draw, (496, 141), (546, 141))
    write(draw, 562, 139, "y", "math", 34)

    write(draw, 680, 26, say["merged"], "bold", 22, anchor="lm")
    write(draw, 710, 140, "x", "math", 34)
    arrow(draw, (728, 141), (766, 141))
    box(draw, 770, 106, 300, 68, GREEN)
    write(draw, 920, 138, "W′ = W + (α/r) · B · A", "math", 23)
    arrow(draw, (1074, 141), (1112, 141))
    write(draw, 1130, 139, "y", "math", 34)
    write(draw, 920, 200, say["same"], size=20, colour=SOFT)

    write(draw, 30, 308, say["scale"], "bold", 22, anchor="lm")
    side, thin, top = 230, 230 * RANK / SIDE, 340
    box(draw, 30, top, side, side, GREY, 2)
    write(draw, 145, 455, "W", "math", 44)
    write(draw, 145, 592, f"{SIDE} × {SIDE} = {SIDE * SIDE:,}", size=19, colour=SOFT)
    write(draw, 345, 452, "+  α/r  ·", "math", 30)
    box(draw, 440, top, thin, side, WARM, 1)
    write(draw, 445, 592, f"B: {SIDE} × {RANK}", size=19, colour=WARM[1])
    write(draw, 485, 452, "·", "math", 34)
    box(draw, 520, top + side / 2 - thin / 2, side, thin, WARM, 1)
    write(draw, 635, 486, f"A: {RANK} × {SIDE}", size=19, colour=WARM[1])
    count = say["count"].format(count=f"{2 * SIDE * RANK:,}", share=200 * RANK / SIDE)
    write(draw, 635, 400, count, size=19, colour=WARM[1])
    write(draw, 800, 452, "=", "math", 36)
    box(draw, 850, top, side, side, GREEN, 2)
    write(draw, 965, 455, "W′", "math", 44)
    write(draw, 965, 592, f"{SIDE} × {SIDE}", size=19, colour=SOFT)
    save(image, f"lora.{language}.png")


def labels(language, tokens):
    say = LABELS[language]
    system, user, images, question, assistant, answer = parts_of(tokens)
    lines = [(say["system"], system), (say["picture"], user + images)]
    lines += [(say["question"], question), (say["answer"], assistant + answer)]
    image, draw = paper(470)
    write(draw, 30, 26, say["title"], "bold", 22, anchor="lm")
    for number, (name, line) in enumerate(lines):
        start, x, top = 130, 130, 58 + number * 88
        write(draw, 30, top + 15, name, "bold", 20, anchor="lm")
        write(draw, 30, top + 50, say["labels"], size=18, colour=SOFT, anchor="lm")
        for text, label in line:
            left, filler = x, text == "<|image_pad|>"
            colours = WARM if filler else GREY if label is None else GREEN
            x = token(draw, left, top, "" if filler else text, colours, width=36 if filler else 31)
            if label is None:
                end = x - 4
            else:
                write(draw, (left + x - 4) / 2, top + 50, str(label), "mono", 14.5, GREEN[1])
        middle, reach = (start + end) / 2, 30
        for one, other in ((start, middle - reach), (middle + reach, end)):
            draw.line(large(one, top + 50, other, top + 50), GREY[1], 3)
        write(draw, middle, top + 50, "−100", "mono", 17, SOFT)
    x = 30
    for name, colours in (("untrained", GREY), ("image", WARM), ("trained", GREEN)):
        box(draw, x, 424, 26, 26, colours, 4)
        write(draw, x + 36, 437, say[name], size=19, anchor="lm")
        x += 36 + font("sans", 19).getlength(say[name]) / SMOOTH + 40
    save(image, f"labels.{language}.png")


def packing(language):
    say, image, draw = PACKING[language], *paper(330)
    lengths, kinds, step = [sum(parts) for parts in PACKED], (WARM, BLUE, GREEN), 22
    longest, real = max(lengths), sum(lengths)

    def row(left, top, parts, colours):
        for count, colour in zip(parts, colours, strict=True):
            for _ in range(count):
                box(draw, left, top, step - 3, 24, colour, 3)
                left += step
        return left

    facts = {"filled": len(PACKED) * longest - real, "total": len(PACKED) * longest}
    write(draw, 30, 24, say["padded"].format(**facts), "bold", 20, anchor="lm")
    for number, parts in enumerate(PACKED):
        row(30, 46 + 29 * number, (longest - sum(parts), *parts), (GREY, *kinds))

    total = -(-real // MULTIPLE) * MULTIPLE
    facts = {"filled": total - real, "total": total}
    write(draw, 30, 194, say["packed"].format(**facts), "bold", 20, anchor="lm")
    left, start = 30, 0
    for parts in PACKED:
        write(draw, left + 8, 254, str(start), "mono", 16, SOFT)
        draw.line(large(left - 2, 212, left - 2, 246), INK, 3)
        left, start = row(left, 216, parts, kinds), start + sum(parts)
    write(draw, left + 8, 254, str(start), "mono", 16, SOFT)
    draw.line(large(left - 2, 212, left - 2, 246), INK, 3)
    left = row(left, 216, (total - real,), (GREY,))
    write(draw, left + 8, 254, say["starts"], size=18, colour=SOFT, anchor="lm")

    x = 30
    for name, colours in (("picture", WARM), ("question", BLUE), ("answer", GREEN), ("padding", GREY)):
        box(draw, x, 290, 24, 24, colours, 4)
        write(draw, x + 34, 302, say[name], size=18, anchor="lm")
        x += 34 + font("sans", 18).getlength(say[name]) / SMOOTH + 36
    save(image, f"packing.{language}.png")


def main():
    picture, tokens = example()
    for language in ("en", "zh"):
        model_path(language, picture, tokens)
        lora(language)
        labels(language, tokens)
        packing(language)


if __name__ == "__main__":
    main()
