"""A run whose loss or gradient is no number any more is stopped. The Trainer would go on, and show a loss of 0."""

import math

from transformers import TrainerCallback

from helpers.language import message


class StopAtNaN(TrainerCallback):
    """Looks at what is logged; raises FloatingPointError at NaN or infinity.

    With fp16 only at a loss: the gradients of its first steps are infinite until its scale is found.
    """

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Called by the Trainer before it saves a checkpoint of the same step."""
        names = ("loss",) if args.fp16 else ("loss", "grad_norm")
        if not all(math.isfinite((logs or {}).get(name, 0)) for name in names):
            raise FloatingPointError(message("run.not_finite", step=state.global_step))
