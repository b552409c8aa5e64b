"""helpers.llamafactory.values: what YAML makes of a number or a switch is named before LLaMA-Factory trips over it."""

import pytest

from helpers.llamafactory import recipe
from helpers.llamafactory.run import RECIPES
from helpers.llamafactory.values import text_faults, value_faults


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", "1e-4"),  # YAML wants 1.0e-4
        ("learning_rate", float("nan")),
        ("cutoff_len", 0),
        ("num_train_epochs", True),
        ("val_size", -0.1),
        ("bf16", "true"),
        ("use_cpu", 1),
    ],
)
def test_wrong_value_is_named(key, value):
    (fault,) = value_faults({key: value})
    assert key in fault and "->" in fault


@pytest.mark.parametrize(("key", "value"), [("template", 3), ("dataset", ["a", 3]), ("deepspeed", {"stage": 2})])
def test_name_that_is_no_text_is_named(key, value):
    (fault,) = text_faults({key: value})
    assert key in fault


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_recipes_pass(name):
    assert value_faults(recipe(name)) + text_faults(recipe(name)) == []
