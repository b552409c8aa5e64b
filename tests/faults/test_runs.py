"""LLaMA-Factory's configurations, rows and logs, and evaluation: what is said of each, before anything is started."""

import signal

import numpy as np
import pytest
from faults import encoded, hold, made, rows, said_by, write
from PIL import Image

from helpers import data, evaluation, llamafactory, show
from helpers.data.synthetic.sounds import write_wav
from helpers.data.synthetic.videos import write_video
from helpers.evaluation import bootstrap, error_analysis, molecules, tables
from helpers.llamafactory import errors
from helpers.paths import ROOT
from helpers.settings import Settings

SETTINGS = Settings.tiny(train_samples=2, batch_size=2, tracker="disabled")
BASE = llamafactory.recipe("glm_ocr_lora_sft")
MARK = "<image>"


def talk(question=MARK, answer="a", **files):
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns} | (files or {"images": ["1.png"]})


def set_up(folder, row=None, picture=None, info=None):
    """The configuration of a run on one row, in ``folder``."""
    write(folder, "data/1.png", made("L") if picture is None else picture)
    write(folder, "data/rows.json", [row or talk()])
    if info is None:
        data.register(folder / "data" / "dataset_info.json", "rows", "rows.json")
    else:
        write(folder, "data/dataset_info.json", info)
    paths = {"dataset_dir": folder / "data", "output_dir": folder / "run"}
    said = {"cutoff_len": 256, "val_size": 0.0, "eval_strategy": "no"}
    return BASE | llamafactory.overrides(SETTINGS, BASE, dataset="rows", **paths, **said)


def checked(changes=None, without=(), may_shrink=True, **place):
    """``llamafactory.check`` of such a run with other keys, or on another row, picture or dataset_info.json."""

    def maker(folder):
        config = set_up(folder, **place) | (changes or {})
        config = {key: value for key, value in config.items() if key not in without}
        return str(llamafactory.check(config, may_shrink=may_shrink))

    return maker


def checked_media(files, template="minicpm_v", **changes):
    """The same for MiniCPM: ``files`` are (list, name, write)."""

    def maker(folder):
        row, marks = {"images": []}, ""
        for kind, name, make in files:
            (folder / "data").mkdir(exist_ok=True)
            make(folder / "data" / name)
            row.setdefault(kind, []).append(name)
            marks += f"<{kind[:-1]}>"
        config = set_up(folder, row=talk(marks, **row))
        model = str(ROOT / "data" / f"tiny-{template.replace('_', '-')}")
        return str(llamafactory.check(config | {"template": template, "model_name_or_path": model} | changes))

    return maker


def frames(count):
    return lambda path: write_video(np.zeros((count, 32, 64), np.uint8), path)


def tone(path):
    write_wav(np.sin(np.arange(16000) / 9) / 2, path)


def exported(folder, **paths):
    base = llamafactory.recipe("glm_ocr_export")
    config = base | {"model_name_or_path": "data/tiny-glm-ocr"} | {name: str(path) for name, path in paths.items()}
    return llamafactory.export(config)


def turned():
    exif = Image.Exif()
    exif[274] = 6
    return encoded(Image.linear_gradient("L").resize((60, 20)), "PNG", exif=exif)


def see_through():
    image = Image.new("RGBA", (60, 20), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (5, 5, 40, 9))
    return encoded(image)


def deep():
    values = np.full((20, 60), 60000, np.uint16)
    values[5:9, 5:40] = 15000
    return encoded(Image.fromarray(values))


def stopped(log, code=1):
    """What is made of a run of LLaMA-Factory that left this log."""
    return lambda folder: str(errors.explain(write(folder, "train.log", log), code))


def error(text):
    return stopped(f'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n{text}\n')


def rows_of(*texts):
    return lambda folder: evaluation.score(*texts)


MAKERS = {
    # configurations
    "a key of another release": checked({"enable_high_fps": True}),
    "a key misspelt": checked({"warmup_ration": 0.1}),
    "no model": checked(without=["model_name_or_path"]),
    "no such folder of a model": checked({"model_name_or_path": "no/such/folder"}),
    "a model's folder that is not whole": lambda folder: checked(
        {"model_name_or_path": str(write(folder, "model/config.json", {}).parent)}
    )(folder),
    "no data set": checked(without=["dataset"]),
    "a data set that is a number": checked({"dataset": 5}),
    "a data set that is not registered": checked({"dataset": "other"}),
    "no output_dir": checked(without=["output_dir"]),
    "no template": checked(without=["template"]),
    "a template nobody can count": checked({"template": "glm4v"}),
    "no dataset_info.json": checked({"dataset_dir": "no/such/folder"}),
    "a torn dataset_info.json": checked(info='{"rows": {'),
    "a dataset_info.json that is a list": checked(info=[]),
    "an entry that is a text": checked(info={"rows": "rows.json"}),
    "an entry of another format": checked(info={"rows": {"file_name": "rows.json", "formatting": "alpaca"}}),
    "an entry whose file is gone": checked(info={"rows": {"file_name": "gone.json", "formatting": "sharegpt"}}),
    "no DeepSpeed plan": checked({"deepspeed": "ds_z9.json"}),
    "bf16 on a CPU": checked({"bf16": True}),
    "LoRA on a LayerNorm": checked({"freeze_vision_tower": False, "freeze_multi_modal_projector": False}),
    "4 bits on a CPU": checked({"quantization_bit": 4}),
    "two ways to hold out rows": checked({"eval_dataset": "rows", "val_size": 0.1}),
    "a number in words": checked({"cutoff_len": "2k"}),
    "a number in quotes": checked({"num_train_epochs": "3"}),
    "a learning rate that YAML takes for a text": checked({"learning_rate": "1e-4"}),
    "a batch of none": checked({"per_device_train_batch_size": 0}),
    "a switch in quotes": checked({"bf16": "false"}),
    "float32 on a GPU": lambda folder: llamafactory.overrides(
        type("Asked", (), {"device": "cuda", "dtype": "float32", "mode": "tiny"})(), BASE
    ),
    "no such recipe": lambda folder: llamafactory.recipe("glm_ocr_lora"),
    "another rate of sound": checked_media([("audios", "1.wav", tone)], "minicpm_o", audio_sampling_rate=44100),
    # rows
    "a row that would be cut": checked({"cutoff_len": 10}),
    "a picture that would be shrunk": checked({"image_max_pixels": 1024}, may_shrink=False),
    "a turned picture": checked(picture=turned()),
    "a see-through picture": checked(picture=see_through()),
    "a broken picture": checked(picture=b"hello"),
    "a picture of 16 bits": checked(picture=deep()),
    "a sound for GLM-OCR": lambda folder: (
        (folder / "data").mkdir(), tone(folder / "data" / "1.wav"),
        checked(row=talk("<audio>", audios=["1.wav"], images=[]))(folder),
    )[-1],
    "a sound for MiniCPM-V": checked_media([("audios", "1.wav", tone)]),
    "two videos in a row": checked_media([("videos", "1.mp4", frames(8)), ("videos", "2.mp4", frames(8))]),
    "a video of one frame at that rate": checked_media([("videos", "1.mp4", frames(8))], video_fps=0.5),
    # a second run, a merge
    "train: another run in the folder": lambda folder: (
        write(folder, "run/model.safetensors", ""), llamafactory.train(set_up(folder)),
    ),
    "train: a key misspelt": lambda folder: llamafactory.train(set_up(folder) | {"warmup_ration": 0.1}),
    "export: no adapter": lambda folder: exported(
        folder, adapter_name_or_path=folder / "run", export_dir=folder / "merged"
    ),
    "export: into the adapter": lambda folder: exported(
        folder, adapter_name_or_path=write(folder, "run/adapter_config.json", {}).parent, export_dir=folder / "run/in"
    ),
    "export: into a folder of something else": lambda folder: exported(
        folder, adapter_name_or_path=write(folder, "run/adapter_config.json", {}).parent,
        export_dir=write(folder, "merged/photo.jpg", "").parent,
    ),
    # what a stopped run leaves
    "stopped: the disk is full": error("OSError: [Errno 28] No space left on device"),
    "stopped: the GPU is full": error("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."),
    "stopped: NaN": error("FloatingPointError: step 3: loss or gradient is NaN or infinite"),
    "stopped: tokens of a picture were cut": error("ValueError: Image features and image tokens do not match"),
    "stopped: a key unknown": error("ValueError: Some keys are not used by the HfArgumentParser: ['x']"),
    "stopped: no data set": error("ValueError: Undefined dataset rows in dataset_info.json."),
    "stopped: bf16": error("ValueError: Your setup doesn't support bf16/gpu."),
    "stopped: the port is taken": error("RuntimeError: EADDRINUSE: address already in use"),
    "stopped: no DeepSpeed": error("ModuleNotFoundError: No module named 'deepspeed'"),
    "stopped: a package of another release": error(
        "ImportError: peft>=0.14.0 is required for a normal functioning of this module"
    ),
    "stopped: a LayerNorm": error("ValueError: Target module LayerNorm((64,)) is not supported."),
    "stopped: no processor": error("ValueError: Processor was not found, please check."),
    "stopped: no hub": error("OSError: We couldn't connect to 'https://example.org'"),
    "stopped: an old driver": error("RuntimeError: The NVIDIA driver on your system is too old"),
    "stopped: killed by the system": stopped("", -signal.SIGKILL),
    "stopped: nobody knows why": error("RuntimeError: strange"),
    # evaluation
    "score: a prediction too few": rows_of(["a"], ["a", "b"]),
    "score: nothing": rows_of([], []),
    "score: an empty truth": rows_of(["a", "b"], ["a", " "]),
    "score: an answer that is None": lambda folder: said_by(evaluation.score, [None], ["x"]),
    "score: a truth that is a number": rows_of(["7"], [7]),
    "compare: a prediction too few": lambda folder: evaluation.compare("x", ["a"], ["a", "b"], ["a", "b"]),
    "mcnemar: of unequal length": lambda folder: bootstrap.mcnemar([True], [True, False]),
    "confusions: of unequal length": lambda folder: error_analysis.confusions(["a"], ["a", "b"]),
    "accuracy_by: of unequal length": lambda folder: error_analysis.accuracy_by([1.0], [True, False]),
    "reliability: of unequal length": lambda folder: error_analysis.reliability([0.5], [True, False]),
    "reliability: in per cent": lambda folder: error_analysis.reliability([50.0], [True]),
    "score_molecules: a truth that is none": lambda folder: molecules.score_molecules(["C"], ["not a molecule"]),
    "score_tables: a truth without a table": lambda folder: tables.score_tables(["<table>"], ["<p>x</p>"]),
    "before_after: of unequal length": lambda folder: show.before_after(
        [data.Sample(folder / "1.png", "a")], [], ["a"]
    ),
    "histograms: nothing": lambda folder: show.histograms({"answer (tokens)": []}),
}  # fmt: skip


@pytest.mark.parametrize(("maker", "row", "language"), rows("runs", MAKERS))
def test_what_is_said_of(maker, row, language, tmp_path, monkeypatch):
    hold(maker, row, language, tmp_path, monkeypatch)
