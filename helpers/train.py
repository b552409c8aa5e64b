"""LoRA training with transformers' Trainer: resumable, nothing hidden."""

import json
import os
import random
import shutil
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path

from helpers.checkpoint import last_checkpoint
from helpers.collate import collate
from helpers.files import write_text
from helpers.lossplot import in_notebook
from helpers.models import PROMPT, public_name
from helpers.settings import ROOT, short


def train(model, processor, samples, settings, folder, callbacks=(), prompt=PROMPT):
    """Train the adapter of ``model`` on ``samples`` and save it with the processor in ``folder/adapter``.

    A run that was killed goes on from its last whole checkpoint, if settings and data are the same; else it starts
    clean. A finished run is trained anew.

    Args:
        model: from ``models.add_lora``.
        samples: list of ``Sample``.
        settings: learning rate, batch size, epochs, seed and so on.
        folder: where checkpoints and the adapter go.
        callbacks: for the Trainer, as ``runlog.start`` returns them.

    Returns:
        the ``Trainer``, whose ``state.log_history`` holds the losses.
    """
    from transformers import Trainer

    folder, samples = Path(folder), list(samples)
    settings = replace(settings, train_samples=len(samples))  # the steps follow from what is there
    checkpoint = prepare_folder(folder, recipe(samples, settings, prompt, base=fingerprint(model)))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else the workers warn
    trainer = Trainer(
        model=model,
        args=arguments(settings, folder),
        train_dataset=by_length(samples, settings.batch_size, settings.seed),
        data_collator=partial(collate, processor=processor, prompt=prompt),
        callbacks=list(callbacks),
    )
    _leave_one_bar(trainer, callbacks)
    if checkpoint:
        print(f"resuming from {short(checkpoint)}")
    trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
    save_adapter(model, processor, folder / "adapter")
    return trainer


def _leave_one_bar(trainer, callbacks):
    """A notebook shows the bar and the curve of ``runlog.start``, a terminal the Trainer's own bar."""
    from transformers.trainer import DEFAULT_PROGRESS_CALLBACK
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    if callbacks and in_notebook():
        trainer.remove_callback(DEFAULT_PROGRESS_CALLBACK)


def arguments(settings, folder):
    """``TrainingArguments`` for these settings; the ones that matter are named here, the rest are defaults."""
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},  # else what lies before the first layer learns nothing
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=max(1, settings.steps // 20),
        max_grad_norm=1.0,
        bf16=settings.dtype == "bfloat16",
        use_cpu=settings.device == "cpu",
        logging_steps=max(1, settings.steps // 40),
        logging_first_step=True,
        save_steps=max(1, settings.steps // 4),
        save_total_limit=2,
        seed=settings.seed,
        train_sampling_strategy="sequential",  # by_length has shuffled
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=settings.device == "cuda",
        dataloader_num_workers=4 if settings.device == "cuda" else 0,
        report_to="none",
    )


def by_length(samples, batch_size, seed):
    """The samples shuffled by ``seed`` into batches of like length, so that little of a batch is padding.

    Within every 50 batches the samples are sorted by the length of their text; the order of the batches is random.
    """
    rng = random.Random(seed)
    samples = rng.sample(samples, len(samples))
    window = 50 * batch_size
    batches = []
    for start in range(0, len(samples), window):
        near = sorted(samples[start : start + window], key=lambda sample: len(sample.text))
        batches += [near[i : i + batch_size] for i in range(0, len(near), batch_size)]
    last = batches.pop()  # the one that may be short stays last
    rng.shuffle(batches)
    return [sample for batch in [*batches, last] for sample in batch]


def recipe(samples, settings, prompt, base=0):
    """What a run depends on, as JSON: a checkpoint of another recipe is not resumed."""
    names = "mode dtype four_bit seed batch_size gradient_accumulation epochs learning_rate lora_r lora_alpha".split()
    facts = {name: getattr(settings, name) for name in names} | {"prompt": prompt}
    digest = 0
    for sample in samples:
        digest = zlib.crc32(Path(sample.image).read_bytes(), zlib.crc32(sample.text.encode("utf-8"), digest))
    return json.dumps(facts | {"samples": len(samples), "data": digest, "base": base}, ensure_ascii=False)


def fingerprint(model):
    """A checksum of the frozen weights: names, shapes and the first numbers of each."""
    digest = 0
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            first = weight.detach().flatten()[:8].tolist()
            digest = zlib.crc32(f"{name} {tuple(weight.shape)} {first}".encode(), digest)
    return digest


def prepare_folder(folder, recipe):
    """The newest whole checkpoint of an unfinished run of this recipe, or None.

    Whatever cannot be gone on from is removed: newer checkpoints that were cut off, or all of an older run.
    """
    note = folder / "recipe.json"
    same = note.is_file() and note.read_text(encoding="utf-8") == recipe
    if same and not (folder / "adapter").exists() and (checkpoint := last_checkpoint(folder)):
        return checkpoint
    for old in [*folder.glob("checkpoint-*"), folder / "adapter"]:
        shutil.rmtree(old, ignore_errors=True)
    write_text(note, recipe)
    return None


def save_adapter(model, processor, folder):
    """Write adapter and processor under a temporary name and rename the folder when whole."""
    folder = Path(folder)
    partial_folder = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial_folder, ignore_errors=True)
    model.save_pretrained(partial_folder, save_embedding_layers=False)  # LoRA leaves them as they are
    processor.save_pretrained(partial_folder)
    name_base(partial_folder)
    shutil.rmtree(folder, ignore_errors=True)
    partial_folder.rename(folder)


def name_base(folder):
    """Record the base of the adapter in ``folder`` by the name others know it by, not by a path on this machine."""
    config, card = folder / "adapter_config.json", folder / "README.md"
    facts = json.loads(config.read_bytes())
    path = facts["base_model_name_or_path"]
    name = public_name(ROOT / path)
    facts["base_model_name_or_path"] = name
    write_text(config, json.dumps(facts, indent=2) + "\n")
    write_text(card, card.read_text(encoding="utf-8").replace(path, name))
