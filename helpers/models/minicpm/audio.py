"""MiniCPM-o's audio encoder (Whisper's, in chunks), its mel features, and how many embeddings a sound becomes.

Source: Whisper (Radford et al. 2022, arXiv:2212.04356). One mel frame is 10 ms, one encoder frame 20 ms.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

RATE = 16000  # samples a second
HOP = 160  # samples a mel frame
LONGEST = 30 * RATE  # samples Whisper takes at once


def embedding_count(mel_frames, pool_step=2):
    """Embeddings the language model gets for ``mel_frames`` frames of 10 ms; 0 for a clip that is too short.

    Takes numbers or tensors.
    """
    frames = (mel_frames - 1) // 2 + 1  # the encoder's second convolution has stride 2
    return (frames - pool_step) // pool_step + 1


def mel_pieces(clip, extractor):
    """Log-mel features of one clip, in pieces of up to 30 s, the last as long as its sound.

    Args:
        clip: (samples,) floats in -1..1 at 16 kHz.
        extractor: a ``WhisperFeatureExtractor``.

    Returns:
        list of float32 tensors (mel bands, frames).
    """
    pieces = [clip[start : start + LONGEST] for start in range(0, len(clip), LONGEST)]
    made = extractor(pieces, sampling_rate=RATE, padding="max_length", return_attention_mask=True, return_tensors="pt")
    lengths = [-(-len(piece) // HOP) for piece in pieces]
    return [features[:, :length] for features, length in zip(made["input_features"], lengths, strict=True)]


class AudioEncoder(nn.Module):
    """Whisper's encoder with a mask: a frame attends to its own chunk of time and all earlier ones."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.conv1 = nn.Conv1d(config.num_mel_bins, config.d_model, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(config.d_model, config.d_model, kernel_size=3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(config.max_source_positions, config.d_model)
        self.embed_positions.requires_grad_(False)
        self.layers = nn.ModuleList([WhisperEncoderLayer(config) for _ in range(config.encoder_layers)])
        self.layer_norm = nn.LayerNorm(config.d_model)

    def mask(self, frames, lengths, chunk):
        """Which frames a frame attends to: (pieces, 1, frames, frames) true or false.

        The published model compares the index of a 20 ms frame with the length in 10 ms frames, so in a batch the
        zeros right behind a short clip stay visible. The weights were trained with that; it is kept.
        """
        index = torch.arange(frames, device=lengths.device)
        valid = index < lengths[:, None]
        if chunk > 0:
            earlier = index[None] // chunk <= index[:, None] // chunk
        else:
            earlier = torch.ones(frames, frames, dtype=torch.bool, device=lengths.device)
        return valid[:, None, None] & earlier

    def forward(self, features, lengths, chunk_seconds):
        """Encode mel features.

        Args:
            features: (pieces, mel bands, mel frames), zeros behind short pieces.
            lengths: (pieces,) long, mel frames of each piece.
            chunk_seconds: length of a chunk in seconds; 0 or less lets every frame see all others.

        Returns:
            (pieces, ceil(mel frames / 2), width).
        """
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(features)))).transpose(1, 2)
        hidden = hidden + self.embed_positions(torch.arange(hidden.shape[1], device=hidden.device))
        hidden = F.dropout(hidden, self.config.dropout, self.training)
        allowed = self.mask(hidden.shape[1], lengths, int(chunk_seconds * 50))
        mask = torch.zeros_like(allowed, dtype=hidden.dtype).masked_fill(~allowed, torch.finfo(hidden.dtype).min)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.layer_norm(hidden)


class AudioProjection(nn.Module):
    """Two linear layers from the encoder's width to the language model's."""

    def __init__(self, width_in, width_out):
        super().__init__()
        self.linear1 = nn.Linear(width_in, width_out)
        self.linear2 = nn.Linear(width_out, width_out)

    def forward(self, hidden):
        """(..., width in) -> (..., width out)."""
        return self.linear2(F.relu(self.linear1(hidden)))
