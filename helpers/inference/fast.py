"""Reading many pictures on a GPU: when it pays, how many at a time, and who prepares them while the GPU works."""

import os
import shutil
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from helpers.data.images import read_size
from helpers.inference.decoder import STEP, Decoder
from helpers.language import message
from helpers.models import cuda_graph, lora
from helpers.models.generate import decode, evaluating
from helpers.models.inputs import conversation, encode_prompts, image_tokens
from helpers.models.parts import parts_of

# Pictures a second and seconds to begin, with Qwen2-VL-2B on an H200 (data/benchmarks/inference.json). Plain batches
# read 6 a second there and 41 in an earlier run: the larger is taken, so that no small set waits for the start.
PLAIN_RATE, RATE, START = 41, 150, 9
ROWS = (256, 128, 64, 32, 16)  # at a time
# What a generation_config may say without changing greedy decoding.
HARMLESS = ("do_sample", "temperature", "top_p", "top_k", "eos_token_id", "pad_token_id", "bos_token_id", "use_cache")
HARMLESS += ("transformers_version", "_from_model_config", "max_new_tokens", "max_length")


def pays(model, count):
    """Whether ``count`` pictures are sooner read this way, start-up included, and ``model`` allows it."""
    return factor(count) > 1 and model.device.type == "cuda" and fits(model)


def factor(count):
    """How many times as fast ``count`` pictures are read as in plain batches, as predicted."""
    return count / PLAIN_RATE / (START + count / RATE)


def fits(model):
    """Whether ``Decoder`` can do with ``model`` what ``generate`` does: Qwen2-VL and GLM-OCR, decoding greedily."""
    parts = [part for part in model.modules() if hasattr(part, "get_rope_index")]
    if not parts or getattr(model, "is_loaded_in_4bit", False):
        return False
    plain = set(getattr(parts[0].config.get_text_config(), "layer_types", None) or ["full_attention"])
    told = {name: value for name, value in model.generation_config.to_diff_dict().items() if name not in HARMLESS}
    return plain == {"full_attention"} and all(value in (None, False, 1) for value in told.values())


def read(model, processor, samples, settings, prompt, rows=None):
    """The answers of ``predict`` by number of sample: dict. If something fails, some are missing, and a line says why.

    Args:
        rows: how many at a time; as many as the GPU's memory allows if not given.
    """
    from tqdm.auto import tqdm

    count, text = image_tokens(processor), processor.tokenizer(conversation(processor, prompt)).input_ids
    sizes = [count(*read_size(sample.file)) for sample in samples]
    order = sorted(
        range(len(samples)), key=sizes.__getitem__, reverse=True
    )  # the largest first: memory is full at once
    rows = rows or room(model, len(text) + max(sizes), max(sizes), settings.max_new_tokens)
    chunks = [order[start : start + rows] for start in range(0, len(order), rows)]
    answers = {}
    try:
        bar = tqdm(total=len(samples), desc=message("predict.reading"), leave=False)
        with bar, _merged(model), evaluating(model):
            decoder = Decoder(model, rows, settings.max_new_tokens)
            for chunk, batch in zip(chunks, _loader(model, processor, samples, prompt, chunks), strict=True):
                answers |= zip(chunk, decode(processor, decoder(batch)), strict=True)
                bar.update(len(chunk))
    except (RuntimeError, ValueError) as error:  # out of memory among them; plainly read, a fault names itself
        cuda_graph.recover()
        print(message("predict.no_graphs", why=cuda_graph.reason(error), count=len(samples) - len(answers)))
    return answers


def room(model, prompt, pictures, answer):
    """How many rows fit into six tenths of the GPU's free memory; ``pictures``: image tokens of the largest one."""
    parts, weight = parts_of(model), next(model.parameters())
    text, layer = parts["language"].config, parts["language"].layers[0].self_attn
    inner = max(weight.shape[0] for weight in parts["blocks"][0].parameters())
    kept = 2 * text.num_hidden_layers * text.num_key_value_heads * layer.head_dim  # numbers a token
    numbers = kept * (2 * prompt + answer + STEP) + 6 * text.intermediate_size * prompt + 6 * inner * 4 * pictures
    row = weight.element_size() * (numbers + 2 * text.vocab_size) + 4 * text.vocab_size
    return next((rows for rows in ROWS if rows * row < 0.6 * _free(weight.device)), ROWS[-1])


def _free(device):
    """Bytes of the GPU's memory that can still be had."""
    import torch

    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def _merged(model):
    """``lora.merged`` where the GPU has room for it; the same answers but for rounding, and fewer kernels a step."""
    needed = lora.merged_bytes(model)
    return lora.merged(model) if model.device.type == "cpu" or needed < 0.2 * _free(model.device) else nullcontext()


def _loader(model, processor, samples, prompt, chunks):
    """The batches of ``chunks`` (lists of numbers of samples), each made in a process of its own on a GPU's machine."""
    from torch.utils.data import DataLoader

    rule = next(part.get_rope_index for part in model.modules() if hasattr(part, "get_rope_index"))
    make = partial(prepare, rule, processor, prompt, next(model.parameters()).dtype)
    groups = [[samples[index] for index in chunk] for chunk in chunks]
    workers, shared = 0, Path("/dev/shm")
    if model.device.type == "cuda" and shared.is_dir():  # through which Linux hands tensors from process to process
        workers = min(8, (os.cpu_count() or 1) - 1, len(chunks), shutil.disk_usage(shared).free // 2**30)
    more = {"prefetch_factor": 1, "multiprocessing_context": "fork"} if workers else {}
    return DataLoader(groups, batch_size=None, collate_fn=make, num_workers=workers, pin_memory=bool(workers), **more)


def prepare(rule, processor, prompt, dtype, samples):
    """``encode_prompts`` for a ``Decoder``: position_ids (3, B, L) by the model's ``rule``, pictures in ``dtype``."""
    batch = dict(encode_prompts(samples, processor, prompt))
    kinds = batch.pop("mm_token_type_ids")
    facts = {"image_grid_thw": batch["image_grid_thw"], "attention_mask": batch["attention_mask"]}
    batch["position_ids"] = rule(batch["input_ids"], mm_token_type_ids=kinds, **facts)[0]
    return batch | {"pixel_values": batch["pixel_values"].to(dtype)}
