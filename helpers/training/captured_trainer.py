"""transformers' Trainer around a ``CapturedStep``: its schedule, bars, checkpoints and resuming stay what they are."""

from contextlib import contextmanager
from functools import partial

import torch
from transformers import Trainer

from helpers.training.captured import CapturedStep
from helpers.training.collate import fill
from helpers.training.packing import pack


class CapturedTrainer(Trainer):
    """A Trainer whose step is a ``CapturedStep`` and whose optimizer sees one parameter, in float32."""

    def __init__(self, step, **options):
        super().__init__(**options)
        self.step = step
        self.model_accepts_loss_kwargs = True  # the loss is the mean over all labels of a step, for GLM-OCR too
        if self.args.world_size > 1:
            torch.distributed.broadcast(step.master.data, 0)
            step.refresh()

    def create_optimizer(self, model=None):
        kind, options = self.get_optimizer_cls_and_kwargs(self.args)
        self.optimizer = kind([self.step.master], **options)
        self.optimizer.register_step_post_hook(lambda *_: self.step.refresh())
        return self.optimizer

    def _wrap_model(self, model, training=True, dataloader=None):
        if self.args.world_size == 1:
            return super()._wrap_model(model, training, dataloader)
        return torch.nn.Sequential(model)  # what is wrapped, accelerate leaves alone: no DistributedDataParallel

    def training_step(self, model, inputs, num_items_in_batch=None):
        if not self.step.layers[-1].training:  # as it is loaded; gradient checkpointing would not be heeded
            self.model.train()
        loss = self.step(inputs if num_items_in_batch is None else inputs | {"count": num_items_in_batch})
        if self.args.world_size > 1 and self.accelerator.sync_gradients:  # after the last part of a step
            torch.distributed.all_reduce(self.step.master.grad)
        return loss * self.args.world_size  # the mean over the processes is logged

    def _clip_grad_norm(self, model):
        gradient = self.step.master.grad
        norm = torch.linalg.vector_norm(gradient)
        gradient.mul_((self.args.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        return norm

    def _get_grad_norm(self, model, grad_norm=None):
        return grad_norm  # still on the GPU: nothing waits for it before it is logged

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
    """The Trainer for packed batches of ``dataset``; see ``CapturedStep``.

    Args:
        arguments: ``TrainingArguments`` of the plain way; a step packs ``per_device_train_batch_size`` samples.
    """
    arguments.dataloader_num_workers *= 2
    # random numbers are not looked at in a capture; no layer of ours draws any
    arguments.gradient_checkpointing_kwargs |= {"preserve_rng_state": False}
    make = partial(pack, model=model, processor=processor, prompt=prompt)
    return CapturedTrainer(
        CapturedStep(model, capture, compiled),
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=partial(fill, make=make, filler=next(filter(None, dataset))),
        callbacks=list(callbacks),
    )
