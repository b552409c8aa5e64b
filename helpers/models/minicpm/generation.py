"""Generation for MiniCPM: pictures and sounds go in once, however long the answer and however many the beams."""

import torch
from transformers import GenerationMixin

MEDIA = (
    "pixel_values", "tgt_sizes", "image_bound", "temporal_ids", "audio_features", "audio_feature_lens", "audio_bounds",
)  # fmt: skip


class MediaGenerationMixin(GenerationMixin):
    """transformers' generation for a model with ``embed``, which puts pictures and sounds into a text."""

    @torch.no_grad()
    def generate(self, inputs=None, input_ids=None, data=None, **kwargs):
        """transformers' ``generate``, after the pictures and sounds have been encoded once.

        It takes the embeddings of the question on the first step and tokens after that, always with a cache.

        Args:
            inputs or input_ids: (B, L), padded on the left; pictures and sounds as for ``forward``, or in ``data``.

        Returns:
            (B or more, L + new) the tokens, those of the question first.
        """
        data = data or {}
        kwargs = {name: data[name] for name in ("attention_mask", *MEDIA) if name in data} | kwargs
        tokens = next((ids for ids in (input_ids, inputs, data.get("input_ids")) if ids is not None), None)
        media = {name: kwargs.pop(name, None) for name in MEDIA}
        for unused in ("image_sizes", "spk_bounds"):
            kwargs.pop(unused, None)
        if any(value is not None for value in media.values()):
            kwargs["inputs_embeds"] = self.embed(tokens, **media)
        return super().generate(input_ids=tokens, **kwargs)

    def chat(self, msgs, processor=None, **kwargs):
        """Answer one conversation or several; see ``helpers.models.minicpm.chat``."""
        from helpers.models.minicpm.chat import chat

        return chat(self, msgs, processor=processor, **kwargs)
