"""Reads reference numbers for MiniCPM: the small set in ``minicpm/``, and cases of a complete one."""

import json
import re
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent / "minicpm"


def table(name):
    """One of the JSON tables."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def unpack(archive, prefix=""):
    """Tensors of an ``.npz`` file by name; byte planes become float32 again."""
    stored = np.load(FOLDER / archive)
    names = [name for name in stored if name.startswith(prefix) and not name.endswith((".shape", ".rows"))]
    tensors = {}
    for name in names:
        value = stored[name]
        if f"{name}.shape" in stored:
            value = value.T.copy().view(np.float32).reshape(stored[f"{name}.shape"])
        elif ".pixel_values." in name:
            value = (value.astype(np.float32) / 255 - np.float32(0.5)) / np.float32(0.5)
        tensors[name.removeprefix(prefix)] = torch.from_numpy(
            value.astype(np.int64) if value.dtype == np.int16 else value
        )
    return tensors


def weights():
    """The tiny model's state dict; rows of tables that no case uses are zero."""
    stored, found = np.load(FOLDER / "weights.npz"), unpack("weights.npz")
    full = {
        "llm.model.embed_tokens.weight": 320,
        "vpm.embeddings.position_embedding.weight": 70 * 70,
        "apm.embed_positions.weight": 1500,
    }
    for name, count in full.items():
        rows = torch.zeros(count, found[name].shape[1])
        rows[stored[f"{name}.rows"].astype(np.int64)] = found[name]
        found[name] = rows
    return found


def forward_inputs(tensors, temporal_ids=None):
    """The arguments of ``forward`` from a case's tensors."""
    rows = range(len(tensors["input_ids"]))
    names = ("input_ids", "attention_mask", "position_ids", "labels", "audio_features")
    inputs = {name: tensors[name] for name in names if name in tensors}
    numbered = re.compile(r"pixel_values\.(\d+)\.(\d+)")
    places = sorted(tuple(map(int, match.groups())) for match in map(numbered.fullmatch, tensors) if match)
    inputs["pixel_values"] = [[tensors[f"pixel_values.{r}.{i}"] for r, i in places if r == row] for row in rows]
    empty = {"tgt_sizes": (0, 2), "image_bound": (0, 2), "audio_feature_lens": (0,), "audio_bounds": (0, 2)}
    for name, shape in list(empty.items())[: 4 if "audio_features" in tensors else 2]:
        inputs[name] = [tensors.get(f"{name}.{row}", torch.zeros(shape, dtype=torch.long)) for row in rows]
    return inputs | ({"temporal_ids": temporal_ids} if temporal_ids else {})
