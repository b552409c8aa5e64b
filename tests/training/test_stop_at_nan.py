"""helpers.training.stop_at_nan: a run that has left the numbers ends, and says at which step."""

import math
from types import SimpleNamespace

import pytest

from helpers.training.stop_at_nan import StopAtNaN


@pytest.mark.parametrize(
    ("logs", "fp16", "stops"),
    [
        ({"loss": 1.0, "grad_norm": 2.0}, False, False),
        ({"loss": math.nan, "grad_norm": 2.0}, False, True),
        ({"loss": 1.0, "grad_norm": math.nan}, False, True),
        ({"loss": 1.0, "grad_norm": math.inf}, False, True),
        ({"loss": 1.0, "grad_norm": math.inf}, True, False),
        ({"loss": math.inf, "grad_norm": math.inf}, True, True),
        ({"eval_loss": 1.0}, False, False),
        (None, False, False),
    ],
)
def test_nan_and_infinity_stop_a_run(logs, fp16, stops):
    state = SimpleNamespace(global_step=7)
    if not stops:
        StopAtNaN().on_log(SimpleNamespace(fp16=fp16), state, None, logs=logs)
        return
    with pytest.raises(FloatingPointError, match="7"):
        StopAtNaN().on_log(SimpleNamespace(fp16=fp16), state, None, logs=logs)
