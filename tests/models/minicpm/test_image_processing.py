"""helpers.models.minicpm.image_processing: tiles put together are the picture, patches run row by row."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.data.synthetic import papers
from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
from helpers.pretraining import tiny_minicpm

RED, BLUE = (Image.new("RGB", size, color) for size, color in (((60, 40), "red"), ((300, 200), "blue")))


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


def test_formulas_stay_whole_for_the_tiny_model():
    assert tiny_minicpm.image_processor().get_sliced_grid(papers.LARGEST) is None
