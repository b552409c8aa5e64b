"""helpers.minicpm's processors: pictures, marks, conversations, what LLaMA-Factory asks for, and refusals."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoFeatureExtractor, AutoImageProcessor, AutoProcessor, AutoTokenizer

from helpers import formulas, tiny, tiny_minicpm
from helpers.minicpm import MiniCPMVImageProcessor
from helpers.minicpm.text import audio_placeholder, spans

RED, BLUE = (Image.new("RGB", size, color) for size, color in (((60, 40), "red"), ((300, 200), "blue")))
SOUND = np.zeros(20_000, np.float32)
SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"


@pytest.fixture(scope="module")
def processor():
    return tiny_minicpm.minicpm_o_processor()


@pytest.fixture(scope="module")
def saved(processor, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    processor.save_pretrained(folder)
    tiny_minicpm.minicpm_o_model(processor).config.save_pretrained(folder)
    return folder


# --- pictures -------------------------------------------------------------------------------------


def test_tiles_put_together_are_the_picture():
    gradient = np.linspace(0, 255, 600 * 400 * 3).reshape(400, 600, 3).astype(np.uint8)
    overview, rows = MiniCPMVImageProcessor().slice_image(Image.fromarray(gradient))
    whole = np.concatenate([np.concatenate([np.asarray(tile) for tile in row], axis=1) for row in rows])
    large = Image.fromarray(gradient).resize((whole.shape[1], whole.shape[0]), Image.Resampling.BICUBIC)
    assert overview.size == (546, 364) and np.array_equal(whole, np.asarray(large))


def test_patches_run_row_by_row_and_pixels_lie_between_minus_one_and_one():
    pictures = MiniCPMVImageProcessor()
    image = np.zeros((28, 42, 3), np.uint8)
    image[14:, 28:] = (255, 0, 51)  # the last of 2 x 3 patches
    pixels, size = pictures.to_patches(Image.fromarray(image))
    assert size == (2, 3) and pixels.shape == (3, 14, 14 * 6)
    assert (pixels[:, :, : 14 * 5] == -1).all()
    assert torch.allclose(pixels[:, :, 14 * 5 :].mean(dim=(1, 2)), torch.tensor([1.0, -1.0, -0.6]))


@pytest.mark.parametrize("size", [(320, 1), (1, 200), (1, 1)])
def test_one_pixel_pictures_are_refused_by_row_and_number(processor, size):
    with pytest.raises(ValueError, match=f"row 1, picture 1: a picture of {size[0]} x {size[1]} pixels"):
        processor(["<image>", "<image><image>"], [[RED], [RED, Image.new("RGB", size)]])


def test_every_picture_bears_its_number_sliced_or_not(processor):
    text = processor.decode(processor("<image> <image>", [RED, BLUE])["input_ids"][0])
    assert "<image_id>0</image_id><image>" in text and "<image_id>1</image_id><image>" in text
    text = processor.decode(processor("<image>", RED, use_image_id=False)["input_ids"][0])
    assert "<image_id>" not in text


def test_slicing_can_be_limited_and_switched_off(processor):
    assert len(processor("<image>", BLUE)["pixel_values"][0]) == 5
    assert len(processor("<image>", BLUE, max_slice_nums=2)["pixel_values"][0]) == 3
    assert len(processor("<image>", BLUE, max_slice_nums=1)["pixel_values"][0]) == 1
    assert MiniCPMVImageProcessor(slice_mode=False).get_sliced_grid((3000, 2000)) is None


# --- sounds ---------------------------------------------------------------------------------------


def test_sound_is_marked_second_by_second():
    assert [part.count("<unk>") for part in audio_placeholder(60).split("<|audio_end|>")] == [25, 25, 10, 0]
    assert audio_placeholder(60, chunk_input=False).count("<|audio_start|>") == 1


@pytest.mark.parametrize("samples", [0, 160, 320])
def test_a_clip_too_short_for_one_embedding_is_refused_by_name(processor, samples):
    with pytest.raises(ValueError, match=f"row 0, sound 1: {samples} samples -> .* 321 samples"):
        processor("<audio><audio>", audios=[SOUND, np.zeros(samples)])
    processor("<audio>", audios=[np.zeros(321)])


def test_stereo_and_other_sampling_rates_are_refused(processor):
    with pytest.raises(ValueError, match="row 0, sound 0: 2 x 20000 samples -> one channel"):
        processor("<audio>", audios=[np.zeros((2, 20_000))])
    with pytest.raises(ValueError, match="44100 Hz -> resample"):
        processor.audio_feature_extract([[SOUND]], sampling_rate=44100)


def test_minicpm_v_takes_no_sound():
    with pytest.raises(ValueError, match="takes no sound"):
        tiny_minicpm.minicpm_v_processor()("<audio>", audios=[SOUND])


# --- marks and rows -------------------------------------------------------------------------------


@pytest.mark.parametrize("marks, given", [(2, 1), (1, 2), (0, 1), (1, 0)])
def test_more_or_fewer_marks_than_pictures_are_refused(processor, marks, given):
    with pytest.raises(ValueError, match=f"row 1: {marks} picture marks in the text for {given} given"):
        processor(["<image>", "<image>" * marks], [[RED], [RED] * given])
    with pytest.raises(ValueError, match=f"row 0: {marks} sound marks in the text for {given} given"):
        processor("<audio>" * marks, audios=[SOUND] * given)


def test_published_marks_and_plain_marks_are_the_same(processor):
    plain, published = (processor(t, RED, SOUND) for t in ("<image><audio>", "(<image>./</image>)(<audio>./</audio>)"))
    assert torch.equal(plain["input_ids"], published["input_ids"])


def test_a_flat_list_is_dealt_out_by_the_marks(processor):
    dealt = processor(["<image>", "none", "<image><image>"], [RED, BLUE, RED])
    assert [len(row) for row in dealt["pixel_values"]] == [1, 0, 6]
    with pytest.raises(ValueError, match="2 marks in 2 texts for 3 pictures"):
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


def test_marks_that_do_not_pair_up_are_refused():
    assert spans([1, 5, 9, 2, 1, 9, 2], (1,), (2,)).tolist() == [[1, 3], [5, 6]]
    for broken in ([1, 5, 9], [2, 1], [1, 1, 2, 2]):
        with pytest.raises(ValueError, match="do not pair up"):
            spans(broken, (1,), (2,))


# --- conversations --------------------------------------------------------------------------------


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


# --- tokenizer, saving, LLaMA-Factory -------------------------------------------------------------


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


# --- the tiny models ------------------------------------------------------------------------------


@pytest.mark.parametrize("family, millions", [("o", 4.3), ("v", 4.1)])
def test_tiny_models_are_as_large_as_they_say(family, millions):
    make = getattr(tiny_minicpm, f"minicpm_{family}_model")
    model = make(getattr(tiny_minicpm, f"minicpm_{family}_processor")())
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.05)
    assert model.config.query_num == tiny_minicpm.image_processor().image_feature_size


def test_formulas_stay_whole_for_the_tiny_model():
    assert tiny_minicpm.image_processor().get_sliced_grid(formulas.LARGEST) is None
