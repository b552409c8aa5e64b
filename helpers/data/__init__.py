"""Data: look at it, draw it, load it, check it, split it, write it in the formats of the model families.

Sample                            one picture, video or sound with its text
formulas, molecules               what the lessons train on and are judged by: (train, test)
render_set, render_videos, render_sounds      data sets drawn by this project
load_jsonl, write_jsonl           samples as a JSONL beside its pictures
write_wav                         a sound as a file
load_latex_ocr, load_parquet      LaTeX_OCR from a hub or a folder; any parquet files of pictures and texts
convert                           LLaVA, ShareGPT, OpenAI, Alpaca, ms-swift, CSV and TSV into this project's forms
check, find_problems, DataError   every broken row, before training does it
split                             training and test sets that share nothing
write_qwen2_vl, read_qwen2_vl, write_minicpm, write_sharegpt, write_conversations, Turn, register
                                  the formats of the families; LLaMA-Factory's dataset_info.json
read_picture, read_size, flatten              a picture as a model gets it; its size; see-through parts on white
MOLECULE_PROMPT, SOUND_PROMPT     the questions that go with drawn molecules and sounds
"""

from helpers.data.convert import convert
from helpers.data.formats import (
    Turn,
    read_qwen2_vl,
    register,
    write_conversations,
    write_minicpm,
    write_qwen2_vl,
    write_sharegpt,
)
from helpers.data.images import flatten, read_picture, read_size
from helpers.data.latex_ocr import load_latex_ocr, load_parquet
from helpers.data.samples import Sample, load_jsonl, write_jsonl
from helpers.data.split import split
from helpers.data.synthetic.render import render_set
from helpers.data.synthetic.sounds import SOUND_PROMPT, render_sounds, write_wav
from helpers.data.synthetic.videos import render_videos
from helpers.data.tasks import MOLECULE_PROMPT, formulas, molecules
from helpers.data.validate import DataError, check, find_problems
