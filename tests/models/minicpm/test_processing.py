"""helpers.models.minicpm.processing: marks, conversations, what LLaMA-Factory asks for, and refusals."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor, AutoTokenizer

from helpers.models.load import load_processor
from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
from helpers.pretraining import tiny, tiny_minicpm
from helpers.settings import Settings

RED, BLUE = (Image.new("RGB", size, color) for size, color in (((60, 40), "red"), ((300, 200), "blue")))


SOUND = np.zeros(20_000, np.float32)


SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"


@pytest.fixture(scope="module")
def saved(processor, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    processor.save_pretrained(folder)
    tiny_minicpm.minicpm_o_model(processor).config.save_pretrained(folder)
    return folder


def test_stereo_and_other_sampling_rates_are_refused(processor):
    with pytest.raises(ValueError, match="row 0, sound 0: 2 x 20000 samples -> one channel"):
        processor("<audio>", audios=[np.zeros((2, 20_000))])
    with pytest.raises(ValueError, match="44100 Hz -> resample"):
        processor.audio_feature_extract([[SOUND]], sampling_rate=44100)


def test_minicpm_v_takes_no_sound():
    with pytest.raises(ValueError, match="takes no sound"):
        load_processor("minicpm_v", Settings.tiny())("<audio>", audios=[SOUND])


@pytest.mark.parametrize("marks, given", [(2, 1), (1, 2), (0, 1), (1, 0)])
def test_more_or_fewer_marks_than_pictures_are_refused(processor, marks, given):
    with pytest.raises(ValueError, match=f"row 1: {marks} picture placeholders in the text, {given} pictures given"):
        processor(["<image>", "<image>" * marks], [[RED], [RED] * given])
    with pytest.raises(ValueError, match=f"row 0: {marks} sound placeholders in the text, {given} sounds given"):
        processor("<audio>" * marks, audios=[SOUND] * given)


def test_published_marks_and_plain_marks_are_the_same(processor):
    plain, published = (processor(t, RED, SOUND) for t in ("<image><audio>", "(<image>./</image>)(<audio>./</audio>)"))
    assert torch.equal(plain["input_ids"], published["input_ids"])


def test_a_flat_list_is_dealt_out_by_the_marks(processor):
    dealt = processor(["<image>", "none", "<image><image>"], [RED, BLUE, RED])
    assert [len(row) for row in dealt["pixel_values"]] == [1, 0, 6]
    with pytest.raises(ValueError, match="2 placeholders in 2 texts, 3 pictures"):
        processor(["<image>", "<image>"], [RED, BLUE, RED])


def test_an_over_long_conversation_is_refused_and_never_cut(processor):
    words = "x y " * 600
    with pytest.raises(ValueError, match=r"row 1: \d+ tokens are more than 1024 -> "):
        processor(["short", words])
    assert processor(words, max_length=10_000)["input_ids"].shape[1] > 1024


@pytest.mark.parametrize("side", ["left", "right"])
def test_bounds_hold_exactly_the_places_of_embeddings(processor, side):
    made = processor(["<image> a long text", "<audio> <image>"], [[RED], [BLUE]], [[], [SOUND]], padding_side=side)
    unknown = processor.tokenizer.convert_tokens_to_ids("<unk>")
    for ids, pictures, sounds in zip(made["input_ids"], made["image_bound"], made["audio_bounds"], strict=True):
        inside = [at for first, end in [*pictures.tolist(), *sounds.tolist()] for at in range(first, end)]
        assert sorted(inside) == (ids == unknown).nonzero()[:, 0].tolist()
        assert all(end - first == 32 for first, end in pictures.tolist())


# --- conversations ---------------------------------------------------------------------------------


def test_a_conversation_reads_as_published(processor):
    talk = [{"role": "user", "content": [RED, "What is it?"]}, {"role": "assistant", "content": "x^2+y"}]
    expected = "<|im_start|>user\n(<image>./</image>)\nWhat is it?<|im_end|>\n<|im_start|>assistant\nx^2+y<|im_end|>\n"
    assert processor.apply_chat_template(talk) == SYSTEM + expected


@pytest.mark.parametrize("image", [{"type": "image"}, {"type": "image", "image": RED}, {"image": RED}, RED])
def test_a_picture_can_be_written_in_many_ways(processor, image):
    talk = [{"role": "user", "content": [image, {"type": "text", "text": "q"}, {"audio": SOUND}]}]
    text = processor.apply_chat_template(talk, add_generation_prompt=True)
    middle = "<|im_start|>user\n(<image>./</image>)\nq\n(<audio>./</audio>)<|im_end|>\n<|im_start|>assistant\n"
    assert text == SYSTEM + middle


def test_several_conversations_become_one_batch(processor):
    talks = [[{"role": "user", "content": [RED, "a"]}], [{"role": "user", "content": "b"}]]
    texts = processor.apply_chat_template(talks, add_generation_prompt=True)
    made = processor.apply_chat_template(talks, add_generation_prompt=True, tokenize=True)
    assert torch.equal(made["input_ids"], processor(texts, [[RED], []])["input_ids"])


# --- tokenizer, saving, LLaMA-Factory --------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["将图片中的公式转换为 LaTeX。", "\\frac { x } { 2 }", "a\n\tb  c ", "😀 é", *tiny.PROMPTS]
)
def test_any_text_survives_the_tokenizer(processor, text):
    assert processor.tokenizer.decode(processor.tokenizer(text).input_ids) == text


@pytest.mark.parametrize("token", tiny_minicpm.MINICPM_SPECIAL_TOKENS)
def test_marks_are_one_token_each(processor, token):
    assert len(processor.tokenizer(token).input_ids) == 1


def test_a_saved_processor_is_found_by_every_auto_class(saved, processor):
    again = AutoProcessor.from_pretrained(saved)
    assert type(again) is type(processor)
    assert isinstance(AutoImageProcessor.from_pretrained(saved), MiniCPMVImageProcessor)
    assert type(AutoFeatureExtractor.from_pretrained(saved)).__name__ == "WhisperFeatureExtractor"
    first, second = (which("<image> <audio>", BLUE, SOUND) for which in (processor, again))
    assert torch.equal(first["input_ids"], second["input_ids"])
    assert again.apply_chat_template([{"role": "user", "content": "hi"}]).startswith(SYSTEM)


def test_a_tokenizer_put_in_later_gets_the_marks_llamafactory_looks_for(saved):
    processor, tokenizer = AutoProcessor.from_pretrained(saved), AutoTokenizer.from_pretrained(saved)
    processor.tokenizer = tokenizer
    names = ("im", "slice", "audio", "spk")
    found = [getattr(tokenizer, f"{name}_{end}_id") for name in names for end in ("start", "end")]
    assert tokenizer.convert_ids_to_tokens(found) == (
        "<image> </image> <slice> </slice> <|audio_start|> <|audio_end|> <|spk_bos|> <|spk_eos|>".split()
    )


def test_llamafactorys_plugin_makes_what_the_processor_makes(processor):
    plugins = pytest.importorskip("llamafactory.data.mm_plugin")
    plugin = plugins.MiniCPMVPlugin("<image>", "<video>", "<audio>")
    pictures, sounds = [Image.new("RGB", (200, 100), "red"), Image.new("RGB", (300, 200), "blue")], [SOUND]
    talk = [{"role": "user", "content": "<image><image><audio>?"}, {"role": "assistant", "content": "!"}]
    filled = plugin.process_messages(talk, pictures, [], sounds, processor)[0]["content"]
    ids = processor.tokenizer(filled).input_ids
    made = plugin.get_mm_inputs(pictures, [], sounds, [2, 0], [0, 0], [1, 0], [ids, [90, 91]], processor)
    own = processor(["<image><image><audio>?", "none"], [pictures, []], [sounds, []], padding_side="right")
    assert own["input_ids"][0].tolist() == ids
    for name in ("image_bound", "audio_bounds", "tgt_sizes", "audio_feature_lens"):
        assert [row.tolist() for row in made[name]] == [row.tolist() for row in own[name]], name
    pairs = zip(sum(made["pixel_values"], []), sum(own["pixel_values"], []), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)
    assert torch.equal(made["audio_features"], own["audio_features"])
