"""helpers.llamafactory: what it refuses before a run, and real runs of a random tiny GLM-OCR: whole, killed, stopped.

The runs take 15 s each, nearly all of it LLaMA-Factory's imports: they are made once, two at a time.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import torch
from PIL import Image

from helpers import formats, llamafactory, models, pretrain, render, tiny
from helpers.llamafactory import ConfigError, LlamaFactoryError
from helpers.llamafactory.checks import facts
from helpers.llamafactory.errors import explain, last_lines
from helpers.llamafactory.process import environment
from helpers.samples import Sample
from helpers.settings import ROOT, Settings
from helpers.validate import DataError

SETTINGS = Settings.tiny(train_samples=12, batch_size=4, epochs=16, lora_r=4, tracker="disabled")
BASE = llamafactory.recipe("glm_ocr_lora_sft")
STEPS, SAVED = 48, 12
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with model/ (random weights) and data/ (12 rows, data set "rows")."""
    place = tmp_path_factory.mktemp("llamafactory")
    processor = tiny.glm_ocr_processor()
    tiny.glm_ocr_model(processor).save_pretrained(place / "model")
    processor.save_pretrained(place / "model")
    write_rows(render.render_set(place / "data", 12, seed=5, style="printed"), place / "data")
    return place


def write_rows(samples, folder):
    formats.write_sharegpt(samples, folder / "rows.json", "Formula Recognition:")
    formats.register(folder / "dataset_info.json", "rows", "rows.json")


def config_of(place, name="run", data="data", settings=SETTINGS, model="model", base=BASE, **changes):
    said = {"cutoff_len": 256, "val_size": 0.0, "eval_strategy": "no", "save_total_limit": 9} | changes
    paths = {"dataset_dir": place / data, "dataset": "rows", "output_dir": place / name}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "checkpoint_folder", lambda family, settings: place / model)
        return base | llamafactory.overrides(settings, base, **paths, **said)


# --- configurations -----------------------------------------------------------------------------


def test_unknown_recipe_names_those_there_are():
    with pytest.raises(FileNotFoundError, match="glm_ocr_export, .*, minicpm_v_lora_sft"):
        llamafactory.recipe("glm_ocr")


def test_overrides_hold_only_what_differs(place):
    config = config_of(place)
    assert all(key not in BASE or BASE[key] != value for key, value in config.items() if key not in BASE)
    changes = llamafactory.changes(BASE, config)
    assert "learning_rate" in changes and "0.0015" in changes
    assert "template" not in changes and str(place) not in changes


def test_changes_show_numbers_as_a_reader_would_write_them():
    said = llamafactory.changes({"a": 1e-05}, {"a": 1.5e-3 / 10, "b": 3.0})
    assert said.split()[3:] == ["a", "1e-05", "0.00015", "b", "-", "3"]


def test_paths_in_the_project_are_written_from_its_folder_on(place):
    assert config_of(ROOT / "output", model=place)["output_dir"] == "output/run"


def test_tracker_disabled_leaves_swanlab_out_and_offline_needs_no_account(place):
    assert "use_swanlab" not in config_of(place)
    offline = config_of(place, settings=Settings.tiny(tracker="offline", output_dir=place))
    assert (offline["use_swanlab"], offline["swanlab_mode"], offline["report_to"]) == (True, "offline", "none")
    assert offline["swanlab_logdir"] == str(place / "swanlog")


# --- refused before anything starts -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"warmup_ration": 0.1}, "warmup_ration: not a key of LLaMA-Factory -> did you mean warmup_ratio?"),
        ({"enable_high_fps": True}, "enable_high_fps: not a key of LLaMA-Factory -> remove it"),
        ({"dataset": "other"}, "no 'other' in dataset_info.json, which has rows"),
        ({"model_name_or_path": "no/such/folder"}, "no folder no/such/folder"),
        ({"deepspeed": "helpers/recipes/ds_z9.json"}, "no file helpers/recipes/ds_z9.json"),
        ({"bf16": True}, "bf16: false"),
        ({"template": "glm4v"}, "template: 'glm4v'"),
        ({"freeze_vision_tower": False, "freeze_multi_modal_projector": False}, "leave it true"),
        ({"eval_dataset": "rows", "val_size": 0.1}, "takes one of them"),
    ],
)
def test_check_refuses_impossible_choices(place, changes, said):
    with pytest.raises(ConfigError) as caught:
        llamafactory.check(config_of(place) | changes)
    assert said in str(caught.value) and str(place) not in str(caught.value)


def test_all_faults_of_a_configuration_come_at_once(place):
    with pytest.raises(ConfigError, match="3 reasons"):
        llamafactory.check(config_of(place) | {"dataset": "other", "learning_rte": 1, "bf16": True})


def test_rows_that_cutoff_len_would_cut_are_all_named(place):
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, cutoff_len=35))
    rows = [problem.row for problem in caught.value.problems]
    assert 1 < len(rows) < 12
    assert str(caught.value.problems[0]).startswith(f"rows.json:{rows[0]}: ")
    assert "cutoff_len 35 would cut" in str(caught.value) and "raise cutoff_len to" in str(caught.value)


def test_only_the_rows_of_max_samples_are_looked_at(place):
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, cutoff_len=35))
    first = caught.value.problems[0].row
    report = llamafactory.check(config_of(place, cutoff_len=35, max_samples=first)) if first else None
    assert report is None or f"max_samples takes the first {first}" in str(report)


def test_shrunk_pictures_are_told_of_or_refused(place, capsys):
    (place / "large").mkdir(exist_ok=True)
    Image.new("RGB", (1600, 900), "white").save(place / "large" / "1.png")
    write_rows([Sample(place / "large" / "1.png", "x")], place / "large")
    config = config_of(place, data="large", image_max_pixels=589824)
    report = llamafactory.check(config)
    assert report.shrunk == [("1.png", (1600, 900), (1024, 576))]
    assert "shrinks pictures: 1; the largest, 1.png, from 1600 x 900 to 1024 x 576" in capsys.readouterr().out
    with pytest.raises(DataError, match="raise image_max_pixels"):
        llamafactory.check(config, may_shrink=False)


def test_see_through_and_turned_pictures_are_refused(place):
    (place / "odd").mkdir(exist_ok=True)
    Image.new("RGBA", (60, 40), (0, 0, 0, 0)).save(place / "odd" / "1.png")
    turned = Image.new("RGB", (60, 40))
    turned.getexif()[274] = 6
    turned.save(place / "odd" / "2.png", exif=turned.getexif())
    write_rows([Sample(place / "odd" / f"{n}.png", text) for n, text in ((1, "x"), (2, "y"))], place / "odd")
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, data="odd"))
    assert "rows.json:0: 1.png: see-through" in str(caught.value)
    assert "rows.json:1: 2.png: stored turned" in str(caught.value)


def test_report_counts_rows_tokens_and_steps(place, capsys):
    report = llamafactory.check(config_of(place, logging_steps=99))
    said = capsys.readouterr().out
    assert report.steps == STEPS and len(report.lengths) == 12 and max(report.lengths) <= 256
    assert "12 rows to train on, 48 steps" in said and "logging_steps 99 is more than there are steps" in said


# --- real runs ----------------------------------------------------------------------------------

SCRIPT = """
import json, sys
from helpers import llamafactory
if __name__ == "__main__":
    llamafactory.train(json.loads(sys.argv[1]), nproc=int(sys.argv[2]))
"""


def begin(config, nproc=1):
    """A Python process that trains, as a notebook's kernel would."""
    command = [sys.executable, "-c", SCRIPT, json.dumps(config), str(nproc)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(path, process, seconds=120):
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end, process.stdout.read().decode()
        time.sleep(0.05)


def survivors(family, seconds=10):
    """Members of ``family`` that are still there after a while."""
    return psutil.wait_procs(family, timeout=seconds)[1]


def stop(process, number):
    """Send a signal; (output, processes it left behind)."""
    family = psutil.Process(process.pid).children(recursive=True)
    assert family
    process.send_signal(number)
    output = process.communicate(timeout=60)[0].decode()
    return output, survivors(family)


def run_whole(place):
    return llamafactory.train(config_of(place, "whole"))


def run_failing(place):
    with pytest.raises(LlamaFactoryError) as caught:
        llamafactory.train(config_of(place, "failing", max_steps=2, optim="adamw_of_tomorrow"))
    return str(caught.value)


def run_killed(place):
    config = config_of(place, "killed")
    process = begin(config)
    wait_for(place / "killed" / f"checkpoint-{SAVED}" / "trainer_state.json", process)
    left = stop(process, signal.SIGKILL)[1]
    return left, (place / "killed" / "train_results.json").exists()


def run_interrupted(place):
    process = begin(config_of(place, "interrupted", num_train_epochs=500.0), nproc=2)
    wait_for(place / "interrupted" / "trainer_log.jsonl", process)
    return stop(process, signal.SIGINT)


def run_full(place):
    """Every weight, from a base kept in half precision, as the tiny ones in data/ are."""
    processor = tiny.glm_ocr_processor()
    model = tiny.glm_ocr_model(processor).to(torch.bfloat16)
    for folder in (model, processor):
        folder.save_pretrained(place / "half")
    pretrain.ask_for_float32(place / "half" / "config.json")
    frozen = {"freeze_vision_tower": False, "freeze_multi_modal_projector": False}
    base = llamafactory.recipe("glm_ocr_full_sft")
    return llamafactory.train(config_of(place, "full", model="half", base=base, max_steps=6, **frozen))


@pytest.fixture(scope="module")
def runs(place):
    kinds = (run_whole, run_interrupted, run_killed, run_failing, run_full)
    with ThreadPoolExecutor(2) as pool:
        started = {kind.__name__: pool.submit(kind, place) for kind in kinds}
        return {name: future.result() for name, future in started.items()}


@pytest.fixture(scope="module")
def later(place, runs):
    """What the finished and the killed run allow: an export, and going on."""
    export = llamafactory.recipe("glm_ocr_export") | {
        "model_name_or_path": str(place / "model"),
        "adapter_name_or_path": str(place / "whole"),
        "export_dir": str(place / "merged"),
        "infer_dtype": "float32",
    }
    newest = sorted((place / "killed").glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1]))[-1]
    shutil.copytree(newest, place / "killed" / "checkpoint-47")
    (place / "killed" / "checkpoint-47" / "optimizer.pt").write_bytes(b"half")
    with ThreadPoolExecutor(2) as pool:
        merged, resumed = pool.submit(llamafactory.export, export), pool.submit(resume, place)
        return merged.result(), resumed.result(), newest


def resume(place):
    return llamafactory.train(config_of(place, "killed"))


def test_full_run_trains_every_part_in_float32(place, runs):
    from safetensors.torch import load_file

    before, after = (load_file(place / name / "model.safetensors") for name in ("half", "full"))
    assert before.keys() == after.keys() and {str(weight.dtype) for weight in after.values()} == {"torch.float32"}
    changed = {name for name in before if not torch.equal(before[name].float(), after[name])}
    for part in ("visual.blocks", "visual.merger", "visual.downsample", "language_model.layers", "lm_head"):
        assert any(part in name for name in changed), part
    assert runs["run_full"].metrics["train_loss"] > 0 and not (place / "full" / "adapter_config.json").exists()


def test_run_leaves_adapter_processor_and_losses(place, runs):
    run = runs["run_whole"]
    names = {path.name for path in run.folder.iterdir()}
    assert {WEIGHTS, "adapter_config.json", "processor_config.json", "train.yaml", "train.log"} <= names
    assert [step for step, _ in run.history] == list(range(1, STEPS + 1))
    assert run.history[-1][1] < run.history[0][1] - 0.5
    assert run.metrics["train_loss"] > 0 and run.seconds > 0


def test_adapter_names_no_machine_path(place, runs):
    folder = runs["run_whole"].folder
    assert json.loads((folder / "adapter_config.json").read_bytes())["base_model_name_or_path"] == "model"
    assert str(place) not in (folder / "README.md").read_text(encoding="utf-8")


def test_failing_run_says_what_and_why_in_few_lines(place, runs):
    said = runs["run_failing"]
    assert "adamw_of_tomorrow" in said and "Traceback" not in said and "train.log" in said
    assert len(said.splitlines()) < 14 and str(place) not in said


def test_interrupt_ends_every_process_of_a_run_in_two(place, runs):
    output, left = runs["run_interrupted"]
    assert "KeyboardInterrupt" in output and left == []
    assert "world size: 2" in (place / "interrupted" / "train.log").read_text(encoding="utf-8")


def test_killed_parent_takes_its_run_along(runs):
    left, finished = runs["run_killed"]
    assert left == [] and not finished


def test_killed_run_goes_on_from_its_last_whole_checkpoint_to_the_same_weights(place, runs, later):
    _, run, newest = later
    said = (place / "killed" / "train.yaml").read_text(encoding="utf-8")
    assert f"resume_from_checkpoint: {newest}" in said and not (place / "killed" / "checkpoint-47").exists()
    assert (run.folder / WEIGHTS).read_bytes() == (runs["run_whole"].folder / WEIGHTS).read_bytes()
    assert run.history == runs["run_whole"].history  # begun anew, it would hold the first steps twice


def test_finished_run_is_refused_unless_it_may_be_lost(place, runs):
    config = config_of(place, "whole")
    for refuses in (llamafactory.check, llamafactory.train):
        with pytest.raises(ConfigError, match="holds a finished run"):
            refuses(config)
    assert llamafactory.check(config | {"overwrite_output_dir": True}).steps == STEPS
    assert (place / "whole" / WEIGHTS).is_file()


def test_checkpoints_of_another_configuration_are_refused(place):
    config = config_of(place, "other")
    (place / "other" / "checkpoint-3").mkdir(parents=True)
    (place / "other" / "run.json").write_text(facts(config), encoding="utf-8")
    assert "goes on from its last checkpoint" in str(llamafactory.check(config))
    with pytest.raises(ConfigError, match="another configuration"):
        llamafactory.check(config | {"learning_rate": 5e-4})


def test_checkpoints_are_refused_when_a_picture_has_changed(place):
    folder = shutil.copytree(place / "data", place / "changed")
    config = config_of(place, "other2", data="changed")
    (place / "other2" / "checkpoint-3").mkdir(parents=True)
    (place / "other2" / "run.json").write_text(facts(config), encoding="utf-8")
    Image.new("RGB", (90, 30)).save(next(folder.rglob("*.png")))
    with pytest.raises(ConfigError, match="another configuration, data or base"):
        llamafactory.check(config)


def test_export_loads_without_peft_and_says_the_same(place, later):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    folder = later[0]
    assert {"Modelfile", "model.safetensors", "processor_config.json"} <= {path.name for path in folder.iterdir()}
    base = AutoModelForImageTextToText.from_pretrained(place / "model")
    adapted = PeftModel.from_pretrained(base, place / "whole")
    merged = AutoModelForImageTextToText.from_pretrained(folder)
    ids = torch.arange(20, 60)[None]
    with torch.inference_mode():
        assert torch.allclose(adapted(input_ids=ids).logits, merged(input_ids=ids).logits, atol=1e-4)


def test_export_is_refused_into_the_adapter_or_over_something_else(place, runs):
    base = llamafactory.recipe("glm_ocr_export") | {"model_name_or_path": str(place / "model")}
    config = base | {"adapter_name_or_path": str(place / "whole")}
    for folder, said in ((place / "whole" / "merged", "inside the adapter's"), (place / "data", "something else")):
        with pytest.raises(ConfigError, match=said):
            llamafactory.export(config | {"export_dir": str(folder)})
    with pytest.raises(ConfigError, match="no adapter"):
        llamafactory.export(config | {"adapter_name_or_path": str(place / "data"), "export_dir": str(place / "new")})


# --- errors and environment -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "per_device_train_batch_size"),
        ("ValueError: Image features and image tokens do not match, tokens: 3, features: 9", "raise cutoff_len"),
        ("ValueError: Undefined dataset molecules in dataset_info.json.", "formats.register"),
        ("ValueError: Your setup doesn't support bf16/gpu. You need to assign use_cpu", "bf16: false"),
        ("RuntimeError: expected the same dtype, but got: float != c10::BFloat16", '"dtype": "float32"'),
        ("RuntimeError: The server socket has failed to listen: EADDRINUSE", "MASTER_PORT"),
        ("ValueError: Some keys are not used by the HfArgumentParser: ['x']", "check(config)"),
        ("ImportError: transformers>=4.55.0,<=5.6.0 is required for a normal functioning of this module", "lock"),
        ("ImportError: deepspeed is required. To fix: run `pip install deepspeed`.", "pip install deepspeed"),
        ("OSError: [Errno 28] No space left on device", "make room"),
    ],
)
def test_known_errors_come_with_a_cure(tmp_path, line, cure):
    log = tmp_path / "train.log"
    log.write_text(f"[INFO] all well\nTraceback (most recent call last):\n  File x\n{line}\n", encoding="utf-8")
    said = str(explain(log, 1))
    assert line in said and cure in said and "all well" not in said


def test_of_several_processes_the_first_that_failed_is_quoted():
    log = (
        "[rank1]: Traceback (most recent call last):\n[rank1]:   File a\n[rank1]: ValueError: the cause\n"
        "W1121 13:00:00 torch/distributed/elastic Sending process 5 closing signal SIGTERM\n"
        "Traceback (most recent call last):\n  File b\ntorch.distributed.elastic.ChildFailedError:\n"
    )
    assert last_lines(log) == ["ValueError: the cause"]


def test_killed_for_memory_is_told_from_the_exit_status(tmp_path):
    (tmp_path / "train.log").write_text("  3%|# | 1/30\n", encoding="utf-8")
    assert "memory" in str(explain(tmp_path / "train.log", -9))


def test_child_sees_only_the_gpus_it_may_take_and_no_hub_for_a_local_model(place, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3,4")
    config = {"model_name_or_path": str(place / "model")}
    assert environment(config)["CUDA_VISIBLE_DEVICES"] == "2"
    assert environment(config, 2)["CUDA_VISIBLE_DEVICES"] == "2,3"
    assert environment(config | {"use_cpu": True})["CUDA_VISIBLE_DEVICES"] == ""
    assert environment(config)["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in environment({"model_name_or_path": "zai-org/GLM-OCR"})
    assert "DISABLE_VERSION_CHECK" not in environment(config)


def test_processes_share_the_cores(place, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 32)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    config = {"model_name_or_path": str(place / "model")}
    assert environment(config | {"preprocessing_num_workers": 4})["OMP_NUM_THREADS"] == "8"
    assert environment(config, 2)["OMP_NUM_THREADS"] == "16"
    assert "OMP_NUM_THREADS" not in environment(config | {"preprocessing_num_workers": 1})
    assert environment(config | {"preprocessing_num_workers": 4, "use_cpu": True})["OMP_NUM_THREADS"] == "1"
