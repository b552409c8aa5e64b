"""helpers.llamafactory.checks: what a run will do, told before it starts."""

import pytest
from llamafactory_places import config_of, write_rows
from PIL import Image

from helpers import llamafactory
from helpers.data.samples import Sample
from helpers.data.validate import DataError
from helpers.files import note_recipe
from helpers.llamafactory.resume import run_facts
from helpers.training.resume import Run, save_run

STEPS = 48


def test_only_the_rows_of_max_samples_are_looked_at(place):
    with pytest.raises(DataError) as caught:
        llamafactory.check(config_of(place, cutoff_len=35))
    first = caught.value.problems[0].row
    report = llamafactory.check(config_of(place, cutoff_len=35, max_samples=first)) if first else None
    assert report is None or f"max_samples takes the first {first}" in str(report)


def test_shrunk_pictures_are_told_of_or_refused(place, capsys):
    (place / "large").mkdir(exist_ok=True)
    for number, size in enumerate([(1600, 900), (300, 200), (100, 100)]):
        Image.linear_gradient("L").rotate(90 * number).resize(size).save(place / "large" / f"{number}.png")
    write_rows([Sample(place / "large" / f"{number}.png", f"{number}") for number in range(3)], place / "large")
    config = config_of(place, data="large", image_max_pixels=589824)
    report = llamafactory.check(config)
    assert report.shrunk == [("0.png", (1600, 900), (1024, 576))]
    (large, before, after), (small, *_) = report.shrunk_by_processor  # 14,112 pixels are let through
    assert (large, before, small) == ("0.png", (1600, 900), "1.png") and after[0] * after[1] <= 14_112
    processor, own = [line for line in capsys.readouterr().out.splitlines() if "shrinks pictures" in line]
    assert processor.startswith(
        "the model's processor shrinks pictures: 2; the largest, 0.png, from 1600 x 900 to about"
    )
    assert own.endswith("shrinks pictures: 1; the largest, 0.png, from 1600 x 900 to 1024 x 576")
    tight = llamafactory.check(config | {"image_max_pixels": 10_000})
    assert len(tight.shrunk) == 2 and tight.shrunk_by_processor == []
    with pytest.raises(DataError, match="raise image_max_pixels") as refused:
        llamafactory.check(config, may_shrink=False)
    assert [problem.row for problem in refused.value.problems] == [0, 0, 1]
    assert "1.png: 300 x 200 would be shrunk to" in str(refused.value) and "crop it to what matters" in str(
        refused.value
    )


def test_report_counts_rows_tokens_and_steps(place, capsys):
    report = llamafactory.check(config_of(place, logging_steps=99))
    said = capsys.readouterr().out
    assert report.steps == STEPS and len(report.lengths) == 12 and max(report.lengths) <= 256
    assert "12 rows to train on, 48 steps" in said and "logging_steps 99 is more than there are steps" in said


def test_what_output_dir_holds_is_a_line_of_the_report_or_an_error(place):
    config = config_of(place, "checked")
    assert "checked" not in str(llamafactory.check(config))
    (place / "checked" / "checkpoint-3").mkdir(parents=True)
    note_recipe(place / "checked", run_facts(config))
    assert "goes on from its last whole checkpoint" in str(llamafactory.check(config))
    (place / "checked" / "adapter_config.json").touch()
    save_run(Run([], [], {}, place / "checked", 1.0))
    assert "checked holds a finished run of the same recipe and data: it is taken" in str(llamafactory.check(config))
    other = config | {"learning_rate": 5e-4}
    with pytest.raises(FileExistsError, match="a finished run of another recipe: learning_rate 0.0015, now 0.0005"):
        llamafactory.check(other)
    for report in (
        llamafactory.check(other, overwrite=True),
        llamafactory.check(other | {"overwrite_output_dir": True}),
    ):
        assert "removed are adapter_config.json, checkpoint-3, finished.json" in str(report)
    assert (place / "checked" / "checkpoint-3").is_dir()
