"""LoRA training with transformers' Trainer: resumable, nothing hidden."""

import os
import pickle
import time
import zlib
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from helpers import processes
from helpers.disk import require
from helpers.files import changed_recipe, locked
from helpers.jupyter import in_notebook
from helpers.language import message
from helpers.models.inputs import PROMPT
from helpers.models.lora import save_adapter
from helpers.paths import short
from helpers.training.batches import arranged
from helpers.training.collate import collate, fill
from helpers.training.resume import Run, prepare, save_run
from helpers.training.ways import PLAIN, choose_way

# The settings that the trained weights depend on.
SETTINGS = "mode dtype four_bit seed batch_size gradient_accumulation epochs learning_rate lora_r lora_alpha".split()


def train(model, processor, samples, settings, folder, callbacks=(), prompt=PROMPT, overwrite=False):
    """Train the adapter of ``model`` on ``samples`` and save it with the processor in ``folder/adapter``.

    A run that was killed goes on from its last whole checkpoint. A finished one is taken as it is, its weights put into
    ``model``. Both only if settings, prompt, data and base are the same.

    A script that torchrun starts several times trains on several GPUs (``helpers.processes`` has the commands): the
    batch of ``settings`` is shared out among them, and what is learnt is what one GPU would learn.

    Args:
        model: from ``models.add_lora``.
        samples: list of ``Sample``.
        settings: learning rate, batch size, epochs, seed and so on.
        folder: where checkpoints and the adapter go.
        callbacks: for the Trainer, as ``training.start_tracking`` returns them.
        overwrite: train from the start, whatever the folder holds; what is removed is named.

    Returns:
        ``Run``.

    Raises:
        FileExistsError: the folder holds a run of other settings or data; says what differs.
        ValueError: its last checkpoint holds a pickle with more than numbers in it, which is not read; or the processes
            of torchrun cannot share the batch, have not the same data, or do not see the same folder.
        MemoryError: the GPU's memory is full.
        FloatingPointError: the loss or the gradient is NaN or infinite.
        BlockingIOError: another process trains in this folder.
        DiskError: the folder cannot be written, or has no room for three checkpoints and the adapter.
    """
    began, folder, samples = time.monotonic(), Path(folder), list(samples)
    settings = replace(settings, train_samples=len(samples))  # the steps follow from what is there
    processes.share(settings.batch_size, settings.gradient_accumulation)
    with processes.together(settings.device), ExitStack() as held:
        facts = run_facts(model, samples, settings, prompt)
        processes.require_same(facts)
        finished, checkpoint = processes.from_first(lambda: _begin(held, model, folder, facts, overwrite))
        processes.agree(_not_shared(folder, facts))
        if finished:
            model.load_adapter(folder / "adapter", model.active_adapter, is_trainable=True)
            return finished
        return _train(model, processor, samples, settings, folder, callbacks, prompt, checkpoint, began)


def _begin(held, model, folder, facts, overwrite):
    """Hold ``folder`` until ``held`` is closed, and see what is in it: what ``prepare`` returns."""
    held.enter_context(locked(folder))
    finished, checkpoint = prepare(folder, facts, overwrite)
    if not finished:
        require(folder, _bytes_to_write(model, folder))
    return finished, checkpoint


def _not_shared(folder, facts, seconds=30):
    """The fault that this process does not see what the first has noted in ``folder``; "" if it does."""
    late = time.monotonic() + seconds  # a network drive shows a new file only after a while
    while processes.number() and changed_recipe(folder, facts) != {}:
        if time.monotonic() > late:
            return message("processes.not_shared", number=processes.number(), folder=short(folder))
        time.sleep(0.5)
    return ""


def _train(model, processor, samples, settings, folder, callbacks, prompt, checkpoint, began):
    import torch
    from transformers import Trainer

    from helpers.training.stop_at_nan import StopAtNaN

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else the workers warn
    way, args = processes.from_first(lambda: choose_way(model, settings)), arguments(settings, folder)
    args.per_device_train_batch_size //= way.parts
    args.gradient_accumulation_steps *= way.parts
    watching, part = [*callbacks, StopAtNaN()], args.per_device_train_batch_size
    parts = settings.batch_size // part * settings.gradient_accumulation
    if way == PLAIN:
        batches = arranged(samples, settings, part)
        collator = partial(fill, make=partial(collate, processor=processor, prompt=prompt), filler=samples[0])
        options = {"args": args, "train_dataset": batches, "data_collator": collator, "callbacks": watching}
        trainer = Trainer(model=model, **options, compute_loss_func=mean_over_labels if parts > 1 else None)
    else:
        from helpers.training.captured_trainer import captured_trainer

        batches = arranged(samples, settings, part, processor.tokenizer)
        trainer = captured_trainer(model, processor, batches, args, prompt, watching, way.capture, way.compiled)
    leave_one_bar(trainer, callbacks)
    try:
        metrics = trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint)).metrics
    except torch.OutOfMemoryError as error:
        raise MemoryError(message("run.gpu_full", batch=settings.batch_size)) from error
    except pickle.UnpicklingError as error:  # the Trainer reads optimizer and random numbers with weights_only
        raise ValueError(message("resume.code", checkpoint=short(checkpoint))) from error
    finally:
        if way != PLAIN:
            trainer.step.close()
    history = [(row["step"], row["loss"]) for row in trainer.state.log_history if "loss" in row]
    return processes.from_first(lambda: _finish(model, processor, history, metrics, folder, began))


def _finish(model, processor, history, metrics, folder, began):
    save_adapter(model, processor, folder / "adapter")
    run = Run(history, [], metrics, folder, time.monotonic() - began)
    save_run(run)
    return run


def mean_over_labels(outputs, labels, num_items_in_batch):
    """The part that some rows have in the mean loss over all ``num_items_in_batch`` labels of a step.

    Models that do not know of steps made of several parts (GLM-OCR) would take the mean of the parts' means.
    """
    from transformers.loss.loss_utils import ForCausalLMLoss

    vocabulary = outputs.logits.shape[-1]
    return ForCausalLMLoss(outputs.logits, labels, vocabulary, num_items_in_batch=num_items_in_batch)


def _bytes_to_write(model, folder):
    """What three checkpoints (two are kept while a third is written) and the adapter take, less those there already."""
    trained = sum(weight.nbytes for weight in model.parameters() if weight.requires_grad)
    there = sum(path.stat().st_size for path in folder.glob("checkpoint-*/*"))
    return max(0, 3 * 3 * trained + trained - there)  # the optimizer keeps two numbers for each weight


def leave_one_bar(trainer, callbacks):
    """A notebook shows the bar and the curve of ``start_tracking``, a terminal the Trainer's own bar."""
    from transformers.trainer import DEFAULT_PROGRESS_CALLBACK
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    if callbacks and in_notebook():
        trainer.remove_callback(DEFAULT_PROGRESS_CALLBACK)


def arguments(settings, folder):
    """``TrainingArguments`` for these settings; the ones that matter are named here, the rest are defaults."""
    from transformers import TrainingArguments

    batch_size, accumulation = processes.share(settings.batch_size, settings.gradient_accumulation)
    chosen = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},  # else what lies before the first layer learns nothing
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, settings.steps // 20),
        max_grad_norm=1.0,
        bf16=settings.dtype == "bfloat16",
        logging_nan_inf_filter=False,  # it would show another number, and wait for each loss
        use_cpu=settings.device == "cpu",
        logging_steps=max(1, settings.steps // 40),
        logging_first_step=True,
        save_steps=max(1, settings.steps // 4),
        save_total_limit=2,
        seed=settings.seed,
        train_sampling_strategy="sequential",  # Batches has shuffled
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=settings.device == "cuda",
        dataloader_num_workers=4 if settings.device == "cuda" else 0,
        ddp_find_unused_parameters=False,  # every weight that is trained is used
        ddp_broadcast_buffers=False,
        report_to="none",
    )
    chosen._n_gpu = min(chosen.n_gpu, 1)  # else one process takes all GPUs, each with a batch of this size
    return chosen


# --- what a run depends on ----------------------------------------------------------------------


def run_facts(model, samples, settings, prompt):
    """What the trained weights depend on, by name: settings, prompt, LoRA's layers, data and frozen weights."""
    facts = {name: getattr(settings, name) for name in SETTINGS} | {"prompt": prompt, "samples": len(samples)}
    lora = model.peft_config[model.active_adapter]
    for name in ("target_modules", "modules_to_save"):
        layers = getattr(lora, name) or []
        facts[name] = layers if isinstance(layers, str) else sorted(layers)
    return facts | {"data": _data_checksum(samples), "base": _weights_checksum(model)}


def _data_checksum(samples):
    digest = 0
    for sample in samples:
        digest = zlib.crc32(Path(sample.file).read_bytes(), zlib.crc32(sample.text.encode("utf-8"), digest))
    return digest


def _weights_checksum(model):
    """A checksum of the frozen weights: names, shapes and the first numbers of each."""
    digest = 0
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            first = weight.detach().flatten()[:8].tolist()
            digest = zlib.crc32(f"{name} {tuple(weight.shape)} {first}".encode(), digest)
    return digest
