"""The tiny families: how each model is made, and the tasks that it learns."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType

import numpy as np

from helpers.data.synthetic import formulas, grammar, held_out, molecules, papers, sounds
from helpers.notation import smiles
from helpers.pretraining import forward, forward_minicpm, tiny, tiny_glm_ocr, tiny_minicpm, tiny_qwen2_vl


@dataclass(frozen=True)
class Task:
    """What a tiny model learns to read.

    draw     (index, seed, style, part, longest) -> (picture or sound, text)
    styles   drawing styles of the training pictures, taken in turn
    canvas   width and height of the largest picture in pixels, multiples of 28; of sounds mel frames and bands
    prompts  questions, taken in turn
    length   tokens of a training row
    limits   the longest text, as ``draw`` takes it: it starts at the first number and grows to the second
    ramp     row of the training set from which it grows, and the row where it has grown up
    share    quarters of a batch, and of the rows drawn, that are this task's; those of a family add up to 4
    modality "image" or "audio"
    """

    name: str
    draw: Callable
    styles: tuple[str, ...]
    canvas: tuple[int, int]
    prompts: tuple[str, ...]
    length: int
    limits: tuple[int, int]
    ramp: tuple[int, int]
    share: int
    modality: str = "image"


def fenced_molecule(*args):
    """A molecule as ``molecules.draw_sample`` draws it, its SMILES in the fence that answers have."""
    picture, text = molecules.draw_sample(*args)
    return picture, smiles.fence(text)


def transcribed_sound(index, seed, style, part, longest=None):
    """A sound of one second, (16000,), with what happens in it, one word an event."""
    rng = np.random.default_rng((seed, index, held_out.PARTS.index(part)))
    name = sounds.NAMES[rng.integers(len(sounds.NAMES))]
    return sounds.synthesize(name, rng), sounds.TRANSCRIPTS[name]


FORMULAS = Task(
    name="formulas",
    draw=formulas.draw_sample,
    styles=("printed",),
    canvas=papers.LARGEST,
    prompts=tiny.PROMPTS,
    length=88,
    limits=(6, grammar.SHORT),
    ramp=(10_000, 60_000),
    share=1,
)
QWEN2_VL_FORMULAS = replace(FORMULAS, styles=("printed", "traced"))  # so that it knows strokes of all kinds of pens
# Pictures like LaTeX_OCR's: those of one line on a smaller canvas, and all of them.
LINES = replace(
    FORMULAS,
    name="lines",
    styles=(formulas.SHEET,),
    canvas=(420, 56),
    length=152,
    limits=(50, grammar.FULL),  # shorter ones have taller sheets
    ramp=(100_000, 450_000),
    share=2,
)
SHEETS = replace(LINES, name="sheets", canvas=(504, 112), length=192, limits=(12, grammar.FULL), share=1)
GLM_FORMULAS = replace(FORMULAS, prompts=(tiny_glm_ocr.GLM_OCR_PROMPTS["formula"],), length=72, share=2)
MOLECULES = Task(
    name="molecules",
    draw=fenced_molecule,
    styles=("clean", "colour"),
    canvas=(molecules.SIDE, molecules.SIDE),
    prompts=(tiny_glm_ocr.GLM_OCR_PROMPTS["molecule"],),
    length=42,
    limits=(3, molecules.LARGEST + 2),  # more different molecules than will be asked for
    ramp=(20_000, 110_000),
    share=2,
)
MINICPM_FORMULAS = replace(FORMULAS, length=104, share=4)
MINICPM_O_FORMULAS = replace(MINICPM_FORMULAS, share=3)
SOUNDS = Task(
    name="sounds",
    draw=transcribed_sound,
    styles=("clear",),
    canvas=(100, 80),
    prompts=(sounds.SOUND_PROMPT,),
    length=104,
    limits=(0, 0),
    ramp=(0, 1),
    share=1,
    modality="audio",
)


@dataclass(frozen=True)
class TinyFamily:
    """How a tiny model is made, what it learns, and the module with its fast forward pass."""

    make_processor: Callable
    make_model: Callable
    tasks: tuple[Task, ...]
    forward: ModuleType


TINY_FAMILIES = {
    "qwen2_vl": TinyFamily(
        tiny_qwen2_vl.qwen2_vl_processor, tiny_qwen2_vl.qwen2_vl_model, (QWEN2_VL_FORMULAS, LINES, SHEETS), forward
    ),
    "glm_ocr": TinyFamily(
        tiny_glm_ocr.glm_ocr_processor, tiny_glm_ocr.glm_ocr_model, (GLM_FORMULAS, MOLECULES), forward
    ),
    "minicpm_o": TinyFamily(
        tiny_minicpm.minicpm_o_processor, tiny_minicpm.minicpm_o_model, (MINICPM_O_FORMULAS, SOUNDS), forward_minicpm
    ),
    "minicpm_v": TinyFamily(
        tiny_minicpm.minicpm_v_processor, tiny_minicpm.minicpm_v_model, (MINICPM_FORMULAS,), forward_minicpm
    ),
}


@cache
def processor_of(family):
    """The family's processor, made once in each process."""
    return TINY_FAMILIES[family].make_processor()
