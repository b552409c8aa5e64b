"""A batch of questions with pictures and sounds for MiniCPM, and a tiny model whose answers depend on all of it."""

import numpy as np
import torch
from PIL import Image

from helpers.pretraining import tiny_minicpm

RNG = np.random.default_rng(5)


def noise(width, height):
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


SMALL, WIDE, LARGE = noise(60, 40), noise(250, 30), noise(300, 200)
SOUND, CLIP = (RNG.standard_normal(size).astype(np.float32) * 0.1 for size in (20_000, 3_000))
QUESTIONS = ["<image> what?", "both <image> and <image> with <audio> please", "no picture", "<audio> and <image>"]
PICTURES, SOUNDS = [[SMALL], [LARGE, WIDE], [], [WIDE]], [[], [SOUND], [], [CLIP]]


def make_model(processor):
    """Weights large enough that every part changes the logits."""
    model = tiny_minicpm.minicpm_o_model(processor).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def logits(model, **inputs):
    with torch.no_grad():
        return model(**inputs).logits


def close(first, second, bound=1e-4):
    return bool((first - second).abs().max() < bound)
