"""Every setting that is printed changes what a lesson runs, or is refused by name: all settings, lessons 03 to 07.

``SEEN`` holds, for each function that a lesson hands its settings to, what that function passes on to transformers,
peft, LLaMA-Factory, SwanLab, the hubs and the drawing of data, which are all replaced here; ``OBEYED`` the settings
that must show in it. The lessons' own cells say which functions they call, and which settings they read themselves.
"""

import ast
import json
from dataclasses import fields, replace
from functools import cache
from importlib import import_module
from types import SimpleNamespace

import pytest
from PIL import Image

from helpers import data, inference, llamafactory, models, show, training
from helpers.data.samples import Sample
from helpers.paths import ROOT
from helpers.settings import Settings

LESSONS = sorted(path.stem for path in (ROOT / "notebooks" / "en").glob("0[3-7]_*.ipynb"))
PRINTED = [field.name for field in fields(Settings) if field.name != "reasons"]
PLACES = ("mode", "hub", "models_dir")
SHARED = (
    *(*PLACES, "device", "dtype", "four_bit", "train_samples", "batch_size", "gradient_accumulation", "epochs"),
    *("gradient_checkpointing", "learning_rate", "seed", "tracker", "output_dir"),
)
OBEYED = {
    "data.formulas": (*PLACES, "train_samples", "test_samples", "seed"),
    "data.molecules": ("mode", "train_samples", "test_samples", "seed"),
    "models.load": (*PLACES, "device", "dtype", "four_bit"),
    "models.load_processor": PLACES,
    "models.checkpoint_folder": PLACES,
    "models.pixel_limits": ("mode",),
    "models.add_lora": ("lora_r", "lora_alpha", "seed"),
    "training.start_tracking": ("mode", "tracker", "output_dir"),
    "training.train": (
        *("device", "dtype", "batch_size", "gradient_accumulation", "gradient_checkpointing"),
        *("epochs", "learning_rate", "seed"),
    ),
    "inference.predict": ("max_new_tokens",),
    "inference.predict_with_confidence": ("max_new_tokens",),
    "inference.sample_answers": ("max_new_tokens", "seed"),
    "inference.start_server": ("device", "dtype"),
    "show.reader": (),  # a widget, which calls what show.recognise calls
    "show.recognise": ("max_new_tokens",),
    "llamafactory.overrides": (*SHARED, "lora_r", "lora_alpha"),  # of each recipe for LoRA
    "llamafactory.predict": ("max_new_tokens",),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two folders for models, and pictures of different sizes."""
    place = tmp_path_factory.mktemp("obeyed")
    for name in ("models", "other"):
        (place / name).mkdir()
    for number in range(12):
        Image.new("RGB", (40 + number, 30), "white").save(place / f"{number}.png")
    return place


# --- what a function passes on: a list of views, and a setting that is obeyed shows in each -----------------------


class Seen(Exception):
    """Raised by a stand-in, with what it was given."""


def stop(*given, **named):
    raise Seen(given, named)


class Model:
    """Stands for a model and knows what it was made with; or for a processor."""

    device, active_adapter = SimpleNamespace(type="cpu"), "default"
    peft_config = {"default": SimpleNamespace(target_modules="q", modules_to_save=None)}
    config, tokenizer = SimpleNamespace(quantization_config=None), ()

    def __init__(self, *made, **options):
        self.made, self.image_processor = [made, options], SimpleNamespace()

    def to(self, device):
        self.made.append(device)
        return self

    def parameters(self):
        return []

    def modules(self):
        return []

    def eval(self):
        return self

    def get_input_embeddings(self):
        return SimpleNamespace(weight=SimpleNamespace(shape=(0, 0)))

    def named_parameters(self):
        return []


def put(patch, module, **stand_ins):
    """Replace names of a module, which may have the name of a function beside it: helpers.models.load."""
    for name, value in stand_ins.items():
        patch.setattr(import_module(module), name, value)


def pictures(place):
    return [Sample(place / f"{number}.png", "x" * number) for number in range(12)]


def replace_hubs(patch):
    """Folders of checkpoints and data are named, not looked into."""
    put(patch, "helpers.hub", download=lambda settings, name, *rest, **more: ROOT / settings.hub / name)
    put(patch, "helpers.models.load", check_folder=lambda folder, *rest: folder, _check_room=lambda *given: None)


def data_of(make):
    def see(settings, place, patch):
        replace_hubs(patch)
        drawn, read = [], []
        put(patch, "helpers.data.synthetic.render", render_set=lambda *given, **more: drawn.append((given, more)) or [])
        put(patch, "helpers.data.cache", finished=lambda folder, made_from: read.append(made_from["limit"]))
        put(patch, "helpers.data.latex_ocr", find=lambda root, *rest: read.append(root) or [])
        put(patch, "helpers.data.latex_ocr", extract=lambda *given: None, load_jsonl=lambda *given: [])
        put(patch, "helpers.data.tasks", split=lambda rows, **more: read.append(more) or ([], []))
        make(settings, place)
        return [(drawn, read)]

    return see


def loaded_whole(*made, output_loading_info, **options):
    """What AutoModel's from_pretrained returns when asked for what it did not find."""
    assert output_loading_info
    return Model(*made, **options), {"missing_keys": [], "mismatched_keys": []}


def see_model(settings, place, patch):
    loaded = []
    replace_hubs(patch)
    put(patch, "helpers.models.load", batch_vision_attention=loaded.append)
    patch.setattr("transformers.AutoModelForImageTextToText.from_pretrained", loaded_whole)
    patch.setattr("transformers.AutoProcessor.from_pretrained", Model)
    models.load("qwen2_vl", settings)
    return [loaded[0].made]


def see_folder(settings, place, patch):
    replace_hubs(patch)
    return [models.checkpoint_folder("qwen2_vl", settings)]


def see_processor(settings, place, patch):
    replace_hubs(patch)
    patch.setattr("transformers.AutoProcessor.from_pretrained", Model)
    return [models.load_processor("qwen2_vl", settings).made]


def see_lora(settings, place, patch):
    seeds = []
    patch.setattr("peft.get_peft_model", lambda model, config: config)
    patch.setattr("torch.manual_seed", seeds.append)
    config = models.add_lora(Model(), "qwen2_vl", settings)
    return [(seeds, config.r, config.lora_alpha)]


def see_tracking(settings, place, patch):
    calls = []
    patch.setattr("swanlab.init", lambda **named: calls.append(named) or SimpleNamespace(dir=place, url=""))
    patch.setattr("swanlab.has_run", lambda: False)
    training.start_tracking(settings, "project", "experiment", {})
    training.finish_tracking()
    return [[(call["mode"], call["log_dir"], call["settings"].probe.monitor) for call in calls]]


def see_training(settings, place, patch):
    put(patch, "helpers.training.trainer", prepare=lambda *given: (None, None))
    patch.setattr("transformers.TrainingArguments", lambda **named: SimpleNamespace(n_gpu=1, **named))
    patch.setattr("transformers.Trainer", stop)
    with pytest.raises(Seen) as seen:
        training.train(Model(), None, pictures(place), settings, place / "run")
    named = seen.value.args[1]
    return [(named["args"], [sample and sample.text for sample in named["train_dataset"].ordered])]


def reading_of(read, module="helpers.inference.predict", encode="encode_prompts"):
    def see(settings, place, patch):
        seeds = []
        patch.setattr("torch.manual_seed", seeds.append)
        put(patch, module, generate=stop, **{encode: lambda *given: None})
        with pytest.raises(Seen) as seen:
            read(Model(), None, pictures(place), settings)
        return [(seen.value.args[0][2:], seeds)]

    return see


def see_server(settings, place, patch):
    put(patch, "helpers.inference.serve", check_folder=lambda folder, *rest: folder)
    patch.setattr("subprocess.Popen", stop)
    with pytest.raises(Seen) as seen:
        inference.start_server(place, settings, port=0)
    command = seen.value.args[0][0]
    return [[command[command.index(name) + 1] for name in ("--device", "--dtype")]]


def recipes_of(kind):
    def see(settings, place, patch):
        replace_hubs(patch)
        names = [f"{family}_{kind}" for family in ("glm_ocr", "minicpm_v", "minicpm_o")]
        recipes = [(name, llamafactory.recipe(name)) for name in names]
        return [recipe | llamafactory.overrides(settings, recipe, name[: -len(kind) - 1]) for name, recipe in recipes]

    return see


SEEN = {
    "data.formulas": data_of(lambda *given: data.formulas(*given, "handwritten")),
    "data.molecules": data_of(data.molecules),
    "models.load": see_model,
    "models.load_processor": see_processor,
    "models.checkpoint_folder": see_folder,
    "models.pixel_limits": lambda settings, place, patch: [models.pixel_limits("qwen2_vl", settings)],
    "models.add_lora": see_lora,
    "training.start_tracking": see_tracking,
    "training.train": see_training,
    "inference.predict": reading_of(inference.predict),
    "inference.predict_with_confidence": reading_of(inference.predict_with_confidence),
    "inference.sample_answers": reading_of(lambda *given: inference.sample_answers(*given[:2], given[2][0], given[3])),
    "inference.start_server": see_server,
    "show.reader": lambda settings, place, patch: [],
    "show.recognise": reading_of(lambda *given: show.recognise(given[2][0].file, *given[:2], given[3])),
    "llamafactory.overrides": recipes_of("lora_sft"),
    "llamafactory.predict": reading_of(
        lambda *given: llamafactory.predict(*given, llamafactory.recipe("minicpm_v_lora_sft"), "Read it."),
        "helpers.llamafactory.predict",
        "encode",
    ),
}


# --- one setting changed after the other --------------------------------------------------------------------------


def usual(place):
    """A reader's settings in real mode, and for each name another value."""
    values = {"mode": "real", "hub": "local", "models_dir": place / "models", "device": "cuda", "dtype": "bfloat16"}
    values |= {"train_samples": 96, "test_samples": 8, "batch_size": 4, "epochs": 1, "learning_rate": 1e-4, "lora_r": 8}
    values |= {"lora_alpha": 16, "max_new_tokens": 32, "output_dir": place / "output"}
    other = {"mode": "tiny", "hub": "modelscope", "models_dir": place / "other", "device": "cpu", "dtype": "float32"}
    other |= {"gradient_checkpointing": True, "four_bit": True, "tracker": "offline", "output_dir": place / "elsewhere"}
    other |= {"learning_rate": 3e-4, "seed": 7}
    counts = ("train_samples", "test_samples", "batch_size", "gradient_accumulation", "epochs", "lora_r", "lora_alpha")
    return Settings(**values), other | {name: 2 * values.get(name, 1) for name in (*counts, "max_new_tokens")}


def look(see, settings, place, setting=""):
    """The views of ``see`` as text; a refusal is one if it names ``setting``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.is_available", lambda: True)  # as far as the settings can see
        try:
            return [str(view) for view in see(settings, place, patch)]
        except (ValueError, ImportError) as error:
            if setting and f"{setting}=" in str(error):
                return [f"refused: {error}"]
            raise


@pytest.fixture(scope="module")
def shown(place):
    """shown(function, setting): whether another value shows in all that the function passes on, or is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.is_available", lambda: True)
        settings, other = usual(place)
        changed = {name: replace(settings, **{name: value}) for name, value in other.items()}
    before = cache(lambda see: look(see, settings, place))

    @cache
    def shown_by(see, setting):
        after = look(see, changed[setting], place, setting)
        if len(after) != len(before(see)):
            return after[0].startswith("refused: ")
        return bool(after) and all(one != two for one, two in zip(before(see), after, strict=True))

    return lambda function, setting: shown_by(SEEN.get(function, function), setting)


def test_every_printed_setting_has_another_value(place, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    settings, other = usual(place)
    assert sorted(other) == sorted(PRINTED) and all(getattr(settings, name) != other[name] for name in other)


@pytest.mark.parametrize("function", OBEYED)
def test_function_obeys_these_settings_and_no_others(shown, function):
    assert {setting for setting in PRINTED if shown(function, setting)} == set(OBEYED[function])


@pytest.mark.parametrize(
    "kind, obeyed", [("full_sft", SHARED), ("export", (*PLACES, "dtype", "four_bit"))], ids=["full_sft", "export"]
)
def test_recipes_without_lora_obey_the_rest(shown, kind, obeyed):
    assert {setting for setting in PRINTED if shown(recipes_of(kind), setting)} == set(obeyed)


# --- the lessons --------------------------------------------------------------------------------------------------


def changes_settings(node):
    return isinstance(node, ast.Call) and ast.unparse(node).startswith("replace(settings, ")


@cache
def handed_on(lesson):
    """(functions that get ``settings``, settings that the cells read themselves), without exercises and labels.

    What ``replace(settings, …)`` makes is taken for the settings too.
    """
    functions, read, names = set(), set(), {"settings"}
    notebook = json.loads((ROOT / "notebooks" / "en" / f"{lesson}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code" or "solution" in cell["metadata"].get("tags", []):
            continue
        tree = ast.parse("".join(cell["source"]))
        labels = {inner for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for inner in ast.walk(node)}
        copies = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and changes_settings(node.value)]
        names |= {target.id for node in copies for target in node.targets}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and not changes_settings(node):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                if any(isinstance(value, ast.Name) and value.id in names for value in given):
                    functions.add(ast.unparse(node.func))
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "settings" and node not in labels:
                read.add(node.attr)
    return functions - {"replace"}, read  # other settings for a part of a lesson


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_function_that_gets_the_settings_is_looked_at(lesson):
    functions, _ = handed_on(lesson)
    assert functions and functions <= set(OBEYED), f"{lesson}: put into OBEYED and SEEN: {functions - set(OBEYED)}"


@pytest.mark.parametrize("setting", PRINTED)
@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_obeys(shown, lesson, setting):
    functions, read = handed_on(lesson)
    meant = [function for function in functions if setting in OBEYED.get(function, ())]
    assert meant or setting in read, f"{lesson}: nothing obeys {setting}"
    deaf = [function for function in meant if not shown(function, setting)]
    assert not deaf, f"{lesson}: {setting} is printed, and changes nothing in {', '.join(deaf)}"
