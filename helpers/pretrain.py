"""Teach a tiny checkpoint to read printed formulas from nothing. This is how the weights in ``data/`` were made.

    python -m helpers.pretrain --steps 24000 --out data/tiny-qwen2-vl      (one H100, 16 CPU cores: 20 minutes)

Worker processes draw pictures all the time; they collect on the GPU in a pool that grows with the steps,
so the result does not depend on how fast the workers are. All pictures lie on one canvas of 252 x 56 pixels,
and patches outside a picture are masked: one shape for every batch, which is what makes it fast.
"""

import argparse
import json
import multiprocessing
import os
import time
from functools import cache
from pathlib import Path

import numpy as np

from helpers import formulas, tiny
from helpers.collate import IGNORE, conversation

PATCH, MERGE = 14, 2
ROWS, COLUMNS = formulas.LARGEST[1] // formulas.GRID, formulas.LARGEST[0] // formulas.GRID  # image tokens of the canvas
LENGTH = 96  # tokens of a training row


# --- rows: drawn and tokenized in worker processes ----------------------------------------------


@cache
def _processor():
    return tiny.qwen2_vl_processor()


def prompt_ids(processor, prompt, image_tokens):
    """Token ids of the conversation up to the answer, with ``image_tokens`` picture places."""
    text = conversation(processor, prompt).replace(processor.image_token, processor.image_token * image_tokens)
    return processor.tokenizer(text).input_ids


def longest_formula(index):
    """Formulas start short, so that the model first learns what single signs look like: 4 tokens, then up to 40."""
    return 4 + int((formulas.LONGEST - 4) * min(1, max(0, index - 20_000) / 180_000))


def make_row(index, seed=1, style="printed"):
    """Row ``index`` of the training set.

    Returns:
        ink on the canvas, uint8 (56, 252); picture width in image tokens; token ids, int16 (96,), padded
        with the pad token; index of the first answer token; number of tokens. ``None`` if the row is too long.
    """
    processor = _processor()
    image, latex = formulas.draw_sample(index, seed, style, longest=longest_formula(index))
    columns = image.width // formulas.GRID
    prompt = prompt_ids(processor, tiny.PROMPTS[index % len(tiny.PROMPTS)], ROWS * columns)
    ids = prompt + processor.tokenizer(latex).input_ids + [processor.tokenizer.eos_token_id]
    if len(ids) > LENGTH:
        return None
    canvas = np.zeros((formulas.LARGEST[1], formulas.LARGEST[0]), np.uint8)
    canvas[: image.height, : image.width] = 255 - np.asarray(image)
    padded = np.full(LENGTH, processor.tokenizer.pad_token_id, np.int16)
    padded[: len(ids)] = ids
    return canvas, columns, padded, len(prompt), len(ids)


def _quiet_worker():
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["OMP_NUM_THREADS"] = "1"


class Pool:
    """Rows on the device, filled in order from the workers' stream."""

    def __init__(self, rows, capacity, device):
        import torch

        self.rows, self.size, self.device = rows, 0, device
        self.ink = torch.empty(capacity, formulas.LARGEST[1], formulas.LARGEST[0], dtype=torch.uint8, device=device)
        self.ids = torch.empty(capacity, LENGTH, dtype=torch.int16, device=device)
        self.info = torch.empty(capacity, 3, dtype=torch.int32, device=device)  # columns, first answer token, length

    def grow(self, size):
        """Wait until the pool holds ``size`` rows."""
        import torch

        while self.size < size:
            fresh = [row for row in (next(self.rows) for _ in range(2048)) if row is not None]
            fresh = fresh[: len(self.ink) - self.size]
            place = slice(self.size, self.size + len(fresh))
            self.ink[place] = torch.from_numpy(np.stack([row[0] for row in fresh])).to(self.device)
            self.ids[place] = torch.from_numpy(np.stack([row[2] for row in fresh])).to(self.device)
            info = [(row[1], row[3], row[4]) for row in fresh]
            self.info[place] = torch.tensor(info, dtype=torch.int32).to(self.device)
            self.size += len(fresh)

    def batch(self, count, generator):
        """``count`` random rows: ink (count, 56, 252) uint8, ids (count, 96) int64, info (count, 3)."""
        import torch

        chosen = torch.randint(self.size, (count,), generator=generator).to(self.device)
        return self.ink[chosen], self.ids[chosen].long(), self.info[chosen].long()


# --- the model's forward pass on a canvas -------------------------------------------------------


def augment(ink):
    """Ink (B, 56, 252) uint8 -> grey values 0..255 float: small shifts, weaker ink, greyer paper, noise."""
    import torch

    count = len(ink)
    dy, dx = torch.randint(-3, 4, (2, count, 1), device=ink.device)
    y = (torch.arange(ink.shape[1], device=ink.device) + dy) % ink.shape[1]
    x = (torch.arange(ink.shape[2], device=ink.device) + dx) % ink.shape[2]
    ink = ink[torch.arange(count, device=ink.device)[:, None, None], y[:, :, None], x[:, None, :]].float()
    paper = 255 - 40 * torch.rand(count, 1, 1, device=ink.device) ** 2
    strength = 1 - 0.4 * torch.rand(count, 1, 1, device=ink.device) ** 2
    noise = 12 * torch.rand(count, 1, 1, device=ink.device) ** 2
    return (paper - ink * strength * paper / 255 + noise * torch.randn_like(ink)).clamp(0, 255).round()


def to_patches(grey):
    """Grey pictures (B, 56, 252) -> normalized patches (B, 72, 1176) in the order of Qwen2-VL's processor."""
    import torch
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    size = len(grey)
    cut = grey.view(size, ROWS, MERGE, PATCH, COLUMNS, MERGE, PATCH).permute(0, 1, 4, 2, 5, 3, 6)
    cut = cut.reshape(size, ROWS * COLUMNS * MERGE * MERGE, 1, 1, PATCH * PATCH) / 255
    mean, std = (torch.tensor(v, device=grey.device).view(1, 1, 3, 1, 1) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return ((cut - mean) / std).expand(-1, -1, 3, 2, -1).flatten(2)


def canvas_turns(visual, device):
    """Cosines and sines of the vision tower's rotary positions on the canvas: two tensors (1, 72, 1, head width)."""
    import torch

    table = visual.rot_pos_emb(torch.tensor([[1, ROWS * MERGE, COLUMNS * MERGE]])).to(device)
    both = torch.cat((table, table), -1)[None, :, None]
    return both.cos(), both.sin()


def see(visual, patches, columns, turns):
    """Vision tower on whole canvases: patches (B, 72, 1176), columns (B,) -> image tokens (B, 18, hidden)."""
    import torch
    import torch.nn.functional as F

    size, count = patches.shape[:2]
    cos, sin = turns
    column = torch.arange(count, device=patches.device) // MERGE**2 % COLUMNS
    inside = (column < columns[:, None])[:, None, None, :]  # (B, 1, 1, 72)
    states = F.linear(patches, visual.patch_embed.proj.weight.flatten(1))

    def turn(x):
        half = x.shape[-1] // 2
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin

    for block in visual.blocks:
        parts = block.attn.qkv(block.norm1(states)).view(size, count, 3, block.attn.num_heads, -1)
        query, key, value = turn(parts[:, :, 0]), turn(parts[:, :, 1]), parts[:, :, 2]
        query, key, value = (x.transpose(1, 2).to(states.dtype) for x in (query, key, value))
        read = F.scaled_dot_product_attention(query, key, value, attn_mask=inside)
        states = states + block.attn.proj(read.transpose(1, 2).flatten(2))
        states = states + block.mlp(block.norm2(states))
    return visual.merger(states).view(size, ROWS * COLUMNS, -1)


def place_tokens(ids, columns, image_token):
    """Where each picture place of ``ids`` (B, L) finds its image token, and M-RoPE positions (3, B, L)."""
    import torch

    is_image = ids == image_token
    order = (is_image.cumsum(1) - 1).clamp(min=0)
    row, column = order // columns[:, None], order % columns[:, None]
    row, column = row.clamp(max=ROWS - 1), torch.where(is_image, column, 0)
    first = is_image.int().argmax(1, keepdim=True)
    after = is_image.flip(1).int().argmax(1, keepdim=True)
    end = ids.shape[1] - after  # index of the first token after the picture
    step = torch.arange(ids.shape[1], device=ids.device)[None]
    text = torch.where(step < first, step, step - end + first + columns[:, None].clamp(min=ROWS))
    positions = torch.stack([torch.where(is_image, p, text) for p in (first + 0 * row, first + row, first + column)])
    return is_image, row * COLUMNS + column, positions


def loss(model, patches, ids, info, turns):
    """Mean cross-entropy of the answer tokens and the end token."""
    import torch
    import torch.nn.functional as F

    columns, start, length = info.unbind(1)
    is_image, source, positions = place_tokens(ids, columns, model.config.image_token_id)
    seen = see(model.model.visual, patches, columns, turns)
    language = model.model.language_model
    states = language.embed_tokens(ids)
    image = seen.gather(1, source[..., None].expand(-1, -1, seen.shape[-1]))
    states = torch.where(is_image[..., None], image.to(states.dtype), states)
    rotary = language.rotary_emb(states, positions)
    for layer in language.layers:
        states = layer(states, attention_mask=None, position_embeddings=rotary)
    logits = model.lm_head(language.norm(states[:, :-1]))
    step = torch.arange(1, ids.shape[1], device=ids.device)
    labels = torch.where((step >= start[:, None]) & (step < length[:, None]), ids[:, 1:], IGNORE)
    return F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORE)


# --- training -----------------------------------------------------------------------------------


def learning_rate(step, steps, peak, warmup=400):
    """Linear warm-up, then a cosine down to zero."""
    return peak * min((step + 1) / warmup, 0.5 + 0.5 * np.cos(np.pi * step / steps))


def read_back(model, processor, style, count, seed=99):
    """Greedy answers on ``count`` test pictures: (share exactly right, answers, truths)."""
    import torch

    model.eval()
    drawn = [formulas.draw_sample(index, seed, style, "test") for index in range(count)]
    answers = []
    for start in range(0, count, 250):
        part = drawn[start : start + 250]
        text = [conversation(processor)] * len(part)
        inputs = processor(text=text, images=[image for image, _ in part], padding=True, return_tensors="pt")
        with torch.inference_mode():
            out = model.generate(**inputs.to(model.device), max_new_tokens=72, do_sample=False)
        answers += processor.batch_decode(out[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)
    truths = [latex for _, latex in drawn]
    model.train()
    return sum(a == t for a, t in zip(answers, truths, strict=True)) / count, answers, truths


def pretrain(steps, out, batch=1024, peak=1.5e-3, capacity=1_500_000, first=20_480, grow=100, workers=15):
    """Train from random weights, write the checkpoint folder ``out`` and its card. Defaults as shipped."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    processor = _processor()
    model = tiny.qwen2_vl_model(processor).to(device).train()
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98), fused=device == "cuda")
    turns = canvas_turns(model.model.visual, device)
    fast_loss = torch.compile(loss) if device == "cuda" else loss
    choose = torch.Generator().manual_seed(0)
    began = time.time()
    with multiprocessing.get_context("spawn").Pool(workers, _quiet_worker) as crew:
        pool = Pool(crew.imap(make_row, range(capacity * 2), chunksize=64), capacity, device)
        for step in range(steps):
            pool.grow(min(first + step * grow, capacity))
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps, peak)
            ink, ids, info = pool.batch(batch, choose)
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                value = fast_loss(model, to_patches(augment(ink)), ids, info, turns)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % 250 == 0 or step + 1 == steps:
                print(
                    f"step {step + 1} loss {value.item():.4f} pool {pool.size} {time.time() - began:.0f} s", flush=True
                )
            if (step + 1) % 4000 == 0:
                print(f"step {step + 1} exact {read_back(model, processor, 'printed', 250)[0]:.3f}", flush=True)
        crew.terminate()
    facts = {"steps": steps, "batch": batch, "drawn pictures": pool.size, "seconds": round(time.time() - began)}
    facts["hardware"] = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    facts["torch"] = torch.__version__
    save(model, processor, Path(out), facts)


def save(model, processor, out, facts, count=1000):
    """Round the weights to bfloat16, score what will be shipped, write the checkpoint and its card."""
    import torch

    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    facts |= {f"exact match, {style}": read_back(model, processor, style, count)[0] for style in formulas.STYLES}
    facts["held-out formulas"] = count
    model.to(torch.bfloat16).save_pretrained(out)
    processor.save_pretrained(out)
    (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", required=True)
    for name, kind in {"batch": int, "peak": float, "workers": int, "first": int, "grow": int}.items():
        parser.add_argument(f"--{name}", type=kind, default=argparse.SUPPRESS)  # the defaults are pretrain's own
    pretrain(**vars(parser.parse_args()))
