"""What crosses the rooms: nothing that others wrote is run, opened elsewhere, shown as HTML, or told to others."""

import json
import pickle
import re
import shutil
import sys
from types import SimpleNamespace

import lxml.html
import pytest
from PIL import Image

from helpers import doctor, evaluation, jupyter, llamafactory, show, training
from helpers.data.samples import Sample
from helpers.llamafactory import config as configuration
from helpers.llamafactory.errors import explain
from helpers.paths import ROOT
from helpers.settings import Settings
from helpers.show import widget
from helpers.training import tracking

PLANTED = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    r"$\href{javascript:alert(1)}{x}$ " + "and more " * 20,
    "[x](javascript:alert(1)) **b** `c`",
    "```rdkit\n<svg onload=alert(1)>\n```",
    "</code></td></table><iframe src=//example.org></iframe>",
)
TAGS = set("table caption tbody tr td th div img code u b i p span html body".split())
ATTRIBUTES = {"style", "alt", "src", "title", "class"}


# --- HTML ---------------------------------------------------------------------------------------


@pytest.fixture
def pages(monkeypatch):
    """The HTML of all that is shown."""
    shown = []
    monkeypatch.setattr(jupyter, "display", lambda bundle: shown.append(bundle.get("text/html", "")))
    return shown


def assert_harmless(page):
    """Only elements and attributes of ours; and nothing of an answer where a notebook would set it as a formula."""
    for element in lxml.html.fromstring(f"<div>{page}</div>").iter():
        assert element.tag in TAGS and set(element.attrib) <= ATTRIBUTES, (element.tag, dict(element.attrib))
        assert element.get("src", "data:image/").startswith("data:image/")
    assert not formulas(lxml.html.fromstring(f"<div>{page}</div>"))


def formulas(element):
    """What a notebook would set as formulas: all texts with a dollar but those in code, and where it is told not to."""
    if element.tag == "code" or "mathjax_ignore" in element.get("class", ""):
        return []
    texts = [element.text, *(part.tail for part in element)]
    return [text for text in texts if text and "$" in text] + [text for part in element for text in formulas(part)]


@pytest.mark.parametrize("planted", PLANTED)
def test_what_a_model_or_a_label_says_is_shown_as_text(pages, tmp_path, planted):
    name = re.sub(r"[/\n]", "_", planted)[:80] + ".png"
    Image.new("L", (60, 30), 255).save(tmp_path / name)
    samples = [Sample(tmp_path / name, planted), Sample(tmp_path / name, "x ^ { 2 }")]
    answers = ["y", planted]
    show.grid(samples)
    show.before_after(samples, answers, answers[::-1])
    rows = [
        {"index": i, "cer": 1.0, "exact": False, "normalised": bool(i), "prediction": answer, "truth": sample.text}
        for i, (answer, sample) in enumerate(zip(answers, samples, strict=True))
    ]
    show.worst(rows, samples)
    show.confusions([{"truth": planted, "prediction": planted, "count": 1, "of": 2, "example": 0}])
    comparison = evaluation.compare(planted, answers, answers, [sample.text for sample in samples])
    show.results(comparison)
    assert len(pages) == 5 and all(pages)
    for page in pages:
        assert_harmless(page)


@pytest.mark.parametrize("planted", PLANTED)
def test_the_widget_shows_answers_and_errors_as_text(monkeypatch, tmp_path, planted):
    Image.new("L", (60, 30), 255).save(tmp_path / "a.png")
    monkeypatch.setattr(widget, "predict", lambda *given: [planted])
    page, plain = widget.answer(tmp_path / "a.png", None, None, Settings.tiny())
    assert plain == planted
    assert_harmless(page)
    for source in (planted, f"data:{planted}", planted.encode()):
        assert_harmless(widget.answer(source, None, None, Settings.tiny())[0])


def test_the_check_of_harmless_pages_can_fail():
    for page in ("<script>1</script>", "<img src='http://x'>", "<b onclick='x'>", r"<div>$\href{a}$</div>"):
        with pytest.raises(AssertionError):
            assert_harmless(page)


def test_a_caption_of_swanlab_is_plain_text(monkeypatch, tmp_path):
    logged = []
    swanlab = SimpleNamespace(Image=lambda file, caption: caption, log=logged.append, has_run=lambda: True)
    monkeypatch.setitem(sys.modules, "swanlab", swanlab)
    tracking.log_predictions([Sample(tmp_path / "a.png", PLANTED[0])], [PLANTED[1]])
    assert PLANTED[0] in logged[0]["predictions"][0] and isinstance(logged[0]["predictions"][0], str)


# --- code ---------------------------------------------------------------------------------------


class Planted:
    """Its pickle makes a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory):
    """(folder of a run that was cut off after its third checkpoint, what to give to ``training.train``)."""
    from helpers import data, models

    place = tmp_path_factory.mktemp("run")
    samples = data.render_set(place / "set", 16, seed=1)
    settings = Settings.tiny(train_samples=16, batch_size=4, epochs=1, lora_r=4, tracker="disabled")
    model, processor = models.load("qwen2_vl", settings)
    given = models.add_lora(model, "qwen2_vl", settings), processor, samples, settings
    training.train(*given, place / "run")
    for name in ("finished.json", "adapter", "checkpoint-4"):
        path = place / "run" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return place / "run", given


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"])
def test_training_goes_on_from_no_pickle_with_code_in_it(broken_off, tmp_path, name):
    """A file of the last checkpoint was replaced by a pickle that writes a file when it is read."""
    import torch

    folder, given = shutil.copytree(broken_off[0], tmp_path / "run"), broken_off[1]
    (checkpoint,) = folder.glob("checkpoint-3")
    torch.save(Planted(tmp_path / "ran"), checkpoint / name)
    if name == "training_args.bin":  # nobody reads it
        training.train(*given, folder)
    else:
        with pytest.raises(ValueError, match=r"checkpoint-3: .* could be code.* -> ") as caught:
            training.train(*given, folder)
        assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_llamafactory_is_not_let_run_code_or_write_tokens(tmp_path):
    base = llamafactory.recipe("glm_ocr_lora_sft") | {"model_name_or_path": str(ROOT / "data" / "tiny-glm-ocr")}
    (fault,) = configuration.run_faults(base | {"trust_remote_code": True})
    assert fault.startswith("trust_remote_code: ") and "->" in fault
    assert configuration.run_faults(base | {"trust_remote_code": False}) == []
    for key in (key for keys in configuration.SECRETS.values() for key in keys):
        (fault,) = configuration.safety_faults({key: "hf_planted"})
        assert fault.startswith(key) and "planted" not in fault and "->" in fault
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "adapter_model.bin").write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    (fault,) = configuration.adapter_faults({"adapter_name_or_path": str(tmp_path)})
    assert "adapter_model.bin is a pickle, which can run any code" in fault
    with pytest.raises(llamafactory.ConfigError, match="trust_remote_code(.|\n)*adapter_model.bin"):
        paths = {"adapter_name_or_path": str(tmp_path), "export_dir": str(tmp_path / "out")}
        llamafactory.export(base | paths | {"trust_remote_code": True})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"script_url": "planted.py"}, "has script_url"),
        ({"hf_hub_url": "someone/data"}, "has hf_hub_url"),
        ({"file_name": "../outside.json"}, "no ShareGPT file beside"),
        ({"file_name": "link.json"}, "no ShareGPT file beside"),
        ({"file_name": "\0"}, "no ShareGPT file beside"),
        ({"file_name": 3}, "no ShareGPT file beside"),
    ],
)
def test_a_data_set_lies_in_its_own_folder(tmp_path, entry, said):
    (tmp_path / "data").mkdir()
    for name in ("outside.json", "data/rows.json"):
        (tmp_path / name).write_text("[]", encoding="utf-8")
    (tmp_path / "data" / "link.json").symlink_to(tmp_path / "outside.json")
    info = tmp_path / "data" / "dataset_info.json"
    config = {"dataset": "rows", "dataset_dir": str(tmp_path / "data")}
    good = {"file_name": "rows.json", "formatting": "sharegpt"}
    info.write_text(json.dumps({"rows": good}), encoding="utf-8")
    assert configuration._dataset_faults(config) == []
    info.write_text(json.dumps({"rows": good | entry}), encoding="utf-8")
    (fault,) = configuration._dataset_faults(config)
    assert said in fault and "->" in fault
    info.write_text('{"rows": ', encoding="utf-8")
    assert "is no JSON object" in configuration._dataset_faults(config)[0]


def test_no_code_of_ours_reads_pickles_or_runs_text():
    """safetensors, JSON and yaml.safe_load alone."""
    forbidden = re.compile(r"\b(eval|exec)\(|\bpickle\.loads?\(|torch\.load\(|shell=True|yaml\.load\(|os\.system\(")
    for path in (ROOT / "helpers").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not forbidden.search(line.replace(".eval()", "")), (path.name, line)
            assert "trust_remote_code=True" not in line, (path.name, line)


# --- secrets ------------------------------------------------------------------------------------

NAMES = ("HF_TOKEN", "SWANLAB_API_KEY", "MODELSCOPE_API_TOKEN", "WANDB_API_KEY")


@pytest.fixture
def secrets(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, f"planted-{name.lower()}")
    monkeypatch.setenv("HF_ENDPOINT", "http://planted-user:planted-word@127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def test_no_secret_is_printed(secrets):
    assert "planted" not in doctor.report(doctor.hubs(0.2))
    assert "planted" not in str(Settings.real(device="cpu")) + repr(Settings.real(device="cpu"))


def test_no_secret_is_left_in_a_log_or_in_what_a_failed_run_says(secrets, tmp_path, monkeypatch, capsys):
    """The child prints its environment and the address that failed."""
    from helpers.llamafactory import process

    words = "import os; print(dict(os.environ)); raise SystemExit('GET http://planted-user:planted-word@127.0.0.1:9')"
    started = process.subprocess.Popen
    monkeypatch.setattr(process.subprocess, "Popen", lambda command, **more: started([command[0], "-c", words], **more))
    config = {"model_name_or_path": "someone/model"}
    with pytest.raises(llamafactory.LlamaFactoryError) as caught:
        process.run_child("train", config, tmp_path / "train.yaml", tmp_path / "train.log")
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert "***" in written and "planted" not in written + str(caught.value) + "".join(capsys.readouterr())


def test_a_log_of_a_killed_run_is_quoted_without_secrets(secrets, tmp_path):
    (tmp_path / "log").write_text("Traceback (most recent call last):\n  x\nValueError: planted-hf_token", "utf-8")
    assert "planted" not in str(explain(tmp_path / "log", 1))


def test_a_pickle_in_a_checkpoint_of_llamafactory_has_its_cause(tmp_path):
    said = "Traceback (most recent call last):\n  x\n_pickle.UnpicklingError: Weights only load failed."
    (tmp_path / "log").write_text(said, encoding="utf-8")
    assert "could be code" in str(explain(tmp_path / "log", 1))
