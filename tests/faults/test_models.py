"""Broken checkpoints and adapters, training and answering with what does not fit: what is said of each."""

import json
from functools import cache

import pytest
from faults import hold, made, rows, write

from helpers import data, inference, models, training
from helpers.models import lora
from helpers.models.lora import CONFIG, WEIGHTS
from helpers.paths import ROOT
from helpers.settings import Settings
from helpers.training import resume

TINY = ROOT / "data" / "tiny-qwen2-vl"
NAME = "Qwen2-VL-2B-Instruct"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 8828872\n"
INDEX = "model.safetensors.index.json"
SMALL = Settings.tiny(lora_r=2, max_new_tokens=4, train_samples=4, batch_size=2)


def checkpoint(folder, **changed):
    """A copy of the tiny Qwen2-VL as the official folder; ``changed``: {file: bytes, values, or None: left out}."""
    target = folder / NAME
    target.mkdir()
    for path in TINY.iterdir():
        if path.name not in changed:
            (target / path.name).symlink_to(path)
    for name, content in changed.items():
        if content is not None:
            write(target, name, content)
    return target


def loading(**changed):
    """``models.load`` of such a folder."""

    def maker(folder):
        checkpoint(folder, **changed)
        return models.load("qwen2_vl", Settings.real(models_dir=folder, device="cpu", dtype="float32"))

    return maker


def config(**changes):
    return {"config.json": json.loads((TINY / "config.json").read_bytes()) | changes}


def sized(**changes):
    """A configuration with other sizes of the language model."""
    values = json.loads((TINY / "config.json").read_bytes())
    return {"config.json": values | {"text_config": values["text_config"] | changes}}


def weights(change):
    """Weights after ``change`` of {name: tensor}, as bytes of a safetensors file."""

    def maker(folder):
        from safetensors.torch import load_file, save

        tensors = load_file(TINY / "model.safetensors")
        return loading(**{"model.safetensors": save(change(tensors))})(folder)

    return maker


def without(part):
    return weights(lambda tensors: {name: tensor for name, tensor in tensors.items() if part not in name})


def sharded(*there):
    """A checkpoint of two shards, of which only these are there."""
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    files = {"model.safetensors": None, INDEX: index}
    return loading(**files | {name: (TINY / "model.safetensors").read_bytes()[:-9] for name in there})


def longer_tokenizer():
    """A tokenizer with more words than the model has embeddings."""
    values = json.loads((TINY / "tokenizer.json").read_bytes())
    last = max(token["id"] for token in values["added_tokens"])
    more = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    values["added_tokens"] += [more | {"id": last + 1 + n, "content": f"<more{n}>"} for n in range(5000)]
    return {"tokenizer.json": values}


@cache
def adapter_files():
    """{name: bytes} of an adapter of the tiny Qwen2-VL."""
    import tempfile
    from pathlib import Path

    model, processor = models.load("qwen2_vl", SMALL)
    with tempfile.TemporaryDirectory() as folder:
        lora.save_adapter(models.add_lora(model, "qwen2_vl", SMALL), processor, Path(folder) / "adapter")
        return {path.name: path.read_bytes() for path in (Path(folder) / "adapter").iterdir()}


def adapter(changes=None, **files):
    """``models.load`` with an adapter whose configuration has ``changes`` and whose ``files`` are others."""

    def maker(folder):
        whole = adapter_files() | files
        if changes is not None:
            whole[CONFIG] = json.dumps(json.loads(whole[CONFIG]) | changes).encode()
        for name, content in whole.items():
            if content is not None:
                write(folder, f"adapter/{name}", content)
        return models.load("qwen2_vl", SMALL, folder=folder / "adapter")

    return maker


def samples(folder, text="x", content=None):
    write(folder, "1.png", made("L") if content is None else content)
    return [data.Sample(folder / "1.png", text)]


def processor():
    return models.load_processor("qwen2_vl", SMALL)


def collated(text="x", content=None, **options):
    return lambda folder: training.collate(samples(folder, text, content), processor(), **options)


def earlier_run(facts, *names):
    """A folder of a run of other facts (None: of nobody knows which) that holds these files."""

    def maker(folder):
        for name in names:
            write(folder, name, {"run": {}, "weights": {}})
        if facts is not None:
            write(folder, "made_from.json", facts)
        return resume.find_run(folder, {"learning_rate": 0.001, "data": "0"})

    return maker


def out_of_memory(call):
    """A model whose GPU is full."""

    def maker(folder):
        import torch

        def full(*arguments, **options):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        model, found = models.load("qwen2_vl", SMALL)
        model = models.add_lora(model, "qwen2_vl", SMALL)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(model), "forward", full)
            patch.setattr(type(model), "generate", full)
            return call(model, found, folder)

    return maker


def not_a_number(folder):
    """A run whose weights are NaN from the start."""
    model, found = models.load("qwen2_vl", SMALL)
    model = models.add_lora(model, "qwen2_vl", SMALL)
    next(weight for weight in model.parameters() if weight.requires_grad).data.fill_(float("nan"))
    return training.train(model, found, samples(folder) * 4, SMALL, folder / "run")


MAKERS = {
    "no such family": lambda folder: models.load("qwen3_vl", SMALL),
    "no folder of the model": lambda folder: models.load("qwen2_vl", Settings.real(models_dir=folder, device="cpu")),
    "an empty folder": lambda folder: (
        (folder / NAME).mkdir(), models.load("qwen2_vl", Settings.real(models_dir=folder, device="cpu")),
    ),
    "no weights": loading(**{"model.safetensors": None}),
    "weights that were cut off": loading(**{"model.safetensors": (TINY / "model.safetensors").read_bytes()[:-9]}),
    "weights that are a Git LFS pointer": loading(**{"model.safetensors": LFS}),
    "weights as a pickle only": loading(**{"model.safetensors": None, "pytorch_model.bin": b"PK"}),
    "no shard of two": sharded(),
    "a shard that was cut off": sharded("model-00001-of-00002.safetensors"),
    "an index that was cut off": loading(**{"model.safetensors": None, INDEX: '{"weight_map": {'}),
    "an index without a map": loading(**{"model.safetensors": None, INDEX: {"metadata": {}}}),
    "no tokenizer": loading(**{"tokenizer.json": None}),
    "no processor": loading(**{"processor_config.json": None}),
    "a configuration that was cut off": loading(**{"config.json": '{"model_type": '}),
    "a configuration that is a list": loading(**{"config.json": []}),
    "a model of no known kind": loading(**config(model_type="qwen9_vl")),
    "a model of another kind": loading(**config(model_type="bert")),
    "a dtype that is none": loading(**config(dtype="float7", torch_dtype="float7")),
    "layers of other sizes": loading(**sized(intermediate_size=64)),
    "another vocabulary": loading(**sized(vocab_size=100)),
    "a tokenizer with more words than the model": loading(**longer_tokenizer()),
    "weights that lack a layer": without("layers.1."),
    "weights of another model": weights(lambda tensors: {f"other.{name}": value for name, value in tensors.items()}),
    "weights as whole numbers": weights(lambda tensors: {name: value.char() for name, value in tensors.items()}),
    # adapters
    "an adapter without its weights": adapter(**{WEIGHTS: None}),
    "an adapter without its configuration": adapter(**{CONFIG: None}),
    "an adapter that was cut off": lambda folder: adapter(**{WEIGHTS: adapter_files()[WEIGHTS][:-9]})(folder),
    "an adapter as a pickle": adapter(**{WEIGHTS: None, "adapter_model.bin": b"PK"}),
    "an adapter's configuration that was cut off": adapter(**{CONFIG: b'{"base_model'}),
    "an adapter's configuration that is a list": adapter(**{CONFIG: b"[]"}),
    "an adapter of another base": adapter({"base_model_name_or_path": "zai-org/GLM-OCR"}),
    "an adapter of another rank": adapter({"r": 8}),
    "an adapter of other layers": adapter({"target_modules": ["nowhere"]}),
    "an adapter of a method that is none": adapter({"peft_type": "LORRA"}),
    "an empty folder for an adapter": lambda folder: models.load("qwen2_vl", SMALL, folder=folder),
    "merge: no adapter": lambda folder: models.merge(*models.load("qwen2_vl", SMALL), folder / "merged"),
    # training and answering
    "train: a special token in an answer": collated("a <|im_end|> b"),
    "train: a row too long": collated("x" * 99, max_length=50),
    "train: a broken picture": collated(content=b"hello"),
    "train: no samples": lambda folder: training.train(None, None, [], SMALL, folder),
    "train: another recipe in the folder": earlier_run(
        {"learning_rate": 0.002, "data": "0"}, "adapter/a", "finished.json"
    ),
    "train: other data in the folder": earlier_run({"learning_rate": 0.001, "data": "1"}, "config.json"),
    "train: weights of nobody knows what": earlier_run(None, "model.safetensors"),
    "train: a torn note in the folder": earlier_run("{", "model.safetensors"),
    "train: the GPU is full": out_of_memory(
        lambda model, found, folder: training.train(model, found, samples(folder) * 4, SMALL, folder / "run")
    ),
    "train: NaN": not_a_number,
    "predict: the GPU is full": out_of_memory(
        lambda model, found, folder: inference.predict(model, found, samples(folder), SMALL)
    ),
    "predict: no such picture": lambda folder: inference.predict(
        None, None, [data.Sample(folder / "1.png", "")], SMALL
    ),
    "predict: a broken picture": lambda folder: inference.predict(None, None, samples(folder, "", b"hello"), SMALL),
    "predict: a prompt with a picture's token": lambda folder: inference.predict(
        *models.load("qwen2_vl", SMALL), samples(folder), SMALL, "Read <|image_pad|> this"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("maker", "row", "language"), rows("models", MAKERS))
def test_what_is_said_of(maker, row, language, tmp_path, monkeypatch):
    hold(maker, row, language, tmp_path, monkeypatch)
