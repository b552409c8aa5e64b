"""Settings and configurations: any value is taken or refused in words of ours; what is written as YAML is read back."""

import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from properties import JSON, examples

from helpers import llamafactory
from helpers.llamafactory.config import find_faults
from helpers.settings import CHOICES, COUNTS, Settings

NAMES = [*CHOICES, *COUNTS, "learning_rate", "seed", "models_dir", "output_dir", "four_bit", "gradient_checkpointing"]
VALUES = JSON | st.sampled_from(["cpu", "cuda", "local", 2**40, 1e-4, "1e-4", "~", "\0"])
BASE = llamafactory.recipe("glm_ocr_lora_sft")


@examples(100)
@given(st.dictionaries(st.sampled_from([name for name in NAMES if name != "mode"]), VALUES, max_size=3))
@example({"output_dir": "\0"})
@example({"models_dir": "\ud800"})
def test_a_setting_is_taken_or_refused(wrong):
    try:
        settings = Settings.tiny(**wrong)
    except ValueError as error:
        assert any(name in str(error) for name in wrong)
    else:
        assert str(settings) and settings.steps > 0


@examples(100)
@given(st.dictionaries(st.sampled_from(sorted(BASE)), VALUES, min_size=1, max_size=3))
def test_whatever_a_configuration_says_its_faults_are_named(wrong):
    assert all(" -> " in fault for fault in find_faults(BASE | wrong))


PLAIN = st.characters(exclude_categories=["Cs"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(PLAIN, max_size=20)


@examples(100)
@given(st.dictionaries(st.sampled_from(sorted(BASE)), SCALARS, max_size=6))
@example({"learning_rate": 1e-4, "dataset": "no", "output_dir": "1_000", "deepspeed": "a: b # c"})
def test_a_configuration_is_read_as_it_was_written(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    config = BASE | changes | {"template": "glm_ocr"}
    llamafactory.write(config, path)
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == config
