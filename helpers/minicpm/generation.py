"""Generation for MiniCPM: pictures and sounds go in once, however long the answer and however many the beams."""

import torch
from transformers import GenerationMixin

MEDIA = ("pixel_values", "tgt_sizes", "image_bound", "temporal_ids")
MEDIA += ("audio_features", "audio_feature_lens", "audio_bounds")


class MediaGenerationMixin(GenerationMixin):
    """transformers' generation for a model with ``embed``, which puts pictures and sounds into a text."""

    @torch.no_grad()
    def generate(self, inputs=None, input_ids=None, data=None, **kwargs):
        """transformers' ``generate``, after the pictures and sounds have been looked at and listened to once.

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

    def prepare_inputs_for_generation(
        self, input_ids, past_key_values=None, inputs_embeds=None, is_first_iteration=False, **kwargs
    ):
        """Embeddings of the question go in on the first step; without a cache on each, the new tokens' behind them."""
        if inputs_embeds is not None and past_key_values is None:
            new = self.get_input_embeddings()(input_ids[:, inputs_embeds.shape[1] :])
            inputs_embeds, is_first_iteration = torch.cat([inputs_embeds, new], dim=1), True
        return super().prepare_inputs_for_generation(
            input_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            is_first_iteration=is_first_iteration,
            **kwargs,
        )

    def chat(self, msgs, processor=None, **kwargs):
        """Answer one conversation or several; see ``helpers.minicpm.chat``."""
        from helpers.minicpm.chat import chat

        return chat(self, msgs, processor=processor, **kwargs)
