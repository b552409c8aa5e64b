"""transformers' Trainer around a ``CapturedStep``: its schedule, bars, checkpoints and resuming stay what they are."""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from transformers import Trainer

from helpers.training.captured import CapturedStep
from helpers.training.packing import pack


class CapturedTrainer(Trainer):
    """A Trainer whose step is a ``CapturedStep`` and whose optimizer sees one parameter, in float32."""

    def __init__(self, step, max_norm, **options):
        self.step, self.max_norm = step, max_norm
        super().__init__(**options)

    def create_optimizer(self, model=None):
        rate = self.args.learning_rate
        fused = self.step.master.is_cuda
        self.optimizer = torch.optim.AdamW([self.step.master], lr=rate, weight_decay=0.0, fused=fused)
        self.optimizer.register_step_post_hook(lambda *_: self.step.refresh())
        return self.optimizer

    def training_step(self, model, inputs, num_items_in_batch=None):
        loss = self.step(inputs)
        gradient = self.step.master.grad
        norm = torch.linalg.vector_norm(gradient)
        gradient.mul_((self.max_norm / (norm + 1e-6)).clamp(max=1.0))
        return loss

    def _save(self, output_dir=None, state_dict=None):
        with self._in_float32():
            super()._save(output_dir, state_dict)

    def _load_from_checkpoint(self, checkpoint, model=None):
        with self._in_float32():
            super()._load_from_checkpoint(checkpoint, model)
        self.step.refresh()

    @contextmanager
    def _in_float32(self):
        """The model's LoRA weights are the optimizer's own, to be saved or loaded without rounding."""
        self.step.point_to(self.step.master)
        try:
            yield
        finally:
            self.step.point_to(self.step.working)


def captured_trainer(model, processor, dataset, arguments, prompt, callbacks, capture, compiled):
    """The Trainer for a run of packed batches.

    Args:
        dataset: as the Trainer reads it, in order; a step takes ``per_device_train_batch_size`` x
            ``gradient_accumulation_steps`` of its samples, packed into one row.
        arguments: ``TrainingArguments`` of the plain way.
        capture, compiled: of ``CapturedStep``.
    """
    batch = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps
    arguments = replace(
        arguments,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=1,
        max_grad_norm=0.0,  # the step clips
        logging_nan_inf_filter=False,  # it would wait for each loss
        dataloader_num_workers=8 if arguments.dataloader_num_workers else 0,
    )
    return CapturedTrainer(
        CapturedStep(model, capture, compiled),
        1.0,
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=partial(pack, model=model, processor=processor, prompt=prompt),
        callbacks=list(callbacks),
    )
