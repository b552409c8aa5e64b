"""MiniCPM-o 2.6 and MiniCPM-V 4.5: pictures and sound become embeddings in the text of a language model.

The parameters have the published names: ``llm``, ``vpm``, ``resampler``, ``apm``, ``audio_projection_layer``.
Sources: MiniCPM-V (Yao et al. 2024, arXiv:2408.01800), MiniCPM-V 4.5 (Yu et al. 2025, arXiv:2509.18154).
"""

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel, Qwen2ForCausalLM, Qwen3ForCausalLM
from transformers import initialization as init
from transformers.models.whisper.modeling_whisper import sinusoids
from transformers.utils import logging

from helpers.language import message
from helpers.models.minicpm.audio import AudioEncoder, AudioProjection, embedding_count
from helpers.models.minicpm.configuration import MiniCPMOConfig, MiniCPMVConfig
from helpers.models.minicpm.generation import MediaGenerationMixin
from helpers.models.minicpm.media_embeddings import check_pictures, check_sounds, insert_embeddings, takes_data
from helpers.models.minicpm.vision import QueryAttention, Resampler, VisionEncoder, valid_mask

logger = logging.get_logger(__name__)


class MiniCPMV(PreTrainedModel, MediaGenerationMixin):
    """MiniCPM-V 4.5 (or 2.6): pictures and video frames."""

    config_class = MiniCPMVConfig
    main_input_name = "input_ids"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["SiglipEncoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer", "Resampler"]
    _keys_to_ignore_on_load_unexpected = [r"^tts\."]

    def __init__(self, config):
        super().__init__(config)
        for part in config.sub_configs:  # they are not models of their own, which would choose sdpa or eager themselves
            if getattr(config, part)._attn_implementation is None:
                getattr(config, part)._attn_implementation = config._attn_implementation
        vision = config.vision_config
        language_model = Qwen3ForCausalLM if config.version == "4.5" else Qwen2ForCausalLM
        self.llm = language_model(config)
        self.vpm = VisionEncoder(vision, config.drop_vision_last_layer)
        self.resampler = Resampler(config.query_num, config.hidden_size, vision.hidden_size)
        self._add_audio(config)
        self.post_init()

    def _add_audio(self, config):
        """MiniCPM-V has no audio encoder."""

    def get_input_embeddings(self):
        """The embedding table of the language model."""
        return self.llm.get_input_embeddings()

    def set_input_embeddings(self, value):
        """Put another embedding table into the language model."""
        self.llm.set_input_embeddings(value)

    def get_output_embeddings(self):
        """The language model's last linear layer."""
        return self.llm.get_output_embeddings()

    def set_output_embeddings(self, value):
        """Put another last linear layer into the language model."""
        self.llm.set_output_embeddings(value)

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, Resampler):
            init.normal_(module.query, std=0.02)
            init.normal_(module.proj, std=module.ln_q.normalized_shape[0] ** -0.5)  # DeepSpeed hides a weight's shape
        elif isinstance(module, QueryAttention):
            init.xavier_uniform_(module.in_proj_weight)
            init.zeros_(module.in_proj_bias)
        elif isinstance(module, AudioEncoder):
            table = module.embed_positions
            init.copy_(table.weight, sinusoids(table.num_embeddings, table.embedding_dim))

    def _adjust_missing_and_unexpected_keys(self, loading_info):
        """Says in one line what of a checkpoint is left out by design, before transformers drops those names."""
        speech = [name for name in loading_info.unexpected_keys if name.startswith("tts.")]
        if speech:
            logger.warning(f"{len(speech)} tensors of speech output (tts.*) are skipped: this model answers in text.")
        super()._adjust_missing_and_unexpected_keys(loading_info)

    def encode_images(self, pixel_values, tgt_sizes, temporal_ids=None):
        """Embeddings of pictures, ``vision_batch_size`` of them at a time through the vision encoder.

        Args:
            pixel_values: for each row of the batch a list of pictures, 3 x 14 x (14 * patches).
            tgt_sizes: for each row (pictures, 2) rows and columns of patches.
            temporal_ids: for each row a list of groups of frames; see ``Resampler``.

        Returns:
            (groups of all rows, queries, width), or ``None`` if there is no picture.
        """
        pictures = [picture for row in pixel_values for picture in row]
        sizes = [tuple(size) for row in tgt_sizes for size in row.reshape(-1, 2).tolist()]
        if len(pictures) != len(sizes):
            raise ValueError(message("minicpm.sizes", pictures=len(pictures), sizes=len(sizes)))
        for index, (picture, (high, wide)) in enumerate(zip(pictures, sizes, strict=True)):
            if picture.shape[-1] != high * wide * picture.shape[-2]:
                raise ValueError(message("minicpm.columns", index=index, count=picture.shape[-1], high=high, wide=wide))
        if not pictures:
            return None
        weight = self.vpm.embeddings.patch_embedding.weight
        longest, step = max(picture.shape[-1] for picture in pictures), self.config.vision_batch_size
        padded = torch.stack([F.pad(picture, (0, longest - picture.shape[-1])) for picture in pictures]).to(weight)
        batches = range(0, len(pictures), step)
        hidden = torch.cat([self.vpm(padded[at : at + step], sizes[at : at + step]) for at in batches])
        groups = None if temporal_ids is None else [list(map(int, group)) for row in temporal_ids for group in row]
        return self.resampler(hidden, torch.tensor(sizes, device=hidden.device), groups)

    def embed(self, input_ids, pixel_values=None, tgt_sizes=None, image_bound=None, temporal_ids=None, **sounds):
        """Embeddings of a batch: the text's, with those of pictures (and sounds) inserted.

        Args:
            see ``forward``.

        Returns:
            (B, L, width); a new tensor, so that gradients reach text, pictures and sounds alike.

        Raises:
            ValueError: pictures or sounds do not match the places for them in the text; the row is named.
        """
        if any(sound is not None and len(sound) for sound in sounds.values()):
            raise ValueError(message("minicpm.deaf"))
        text = self.get_input_embeddings()(input_ids)
        images = None if pixel_values is None else self.encode_images(pixel_values, tgt_sizes, temporal_ids)
        groups = [] if images is None else pixel_values if temporal_ids is None else temporal_ids
        counts = [len(row) for row in groups] or [0] * len(text)
        check_pictures(counts, image_bound, self.config.query_num)
        return text if images is None else insert_embeddings(text, image_bound, images.flatten(0, 1))

    @takes_data
    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        use_cache=None,
        logits_to_keep=0,
        pixel_values=None,
        tgt_sizes=None,
        image_bound=None,
        temporal_ids=None,
        audio_features=None,
        audio_feature_lens=None,
        audio_bounds=None,
        image_sizes=None,
        spk_bounds=None,
        **kwargs,
    ):
        """One step of the language model over text, pictures and sounds.

        Args:
            input_ids, attention_mask, position_ids, labels: (B, L); label -100 is not trained.
            pixel_values: for each row a list of pictures, float 3 x 14 x (14 * patches).
            tgt_sizes: for each row (pictures, 2) rows and columns of patches.
            image_bound: for each row (pictures, 2): where a picture's embeddings begin, and the end behind them.
            temporal_ids: MiniCPM-V 4.5: for each row groups of frames, with each frame's time or -1.
            audio_features: (pieces of all rows, mel bands, frames), a frame is 10 ms.
            audio_feature_lens: for each row (pieces,) frames; audio_bounds: for each row (spans, 2).
            logits_to_keep: only that many last positions; 0 for all. ``labels`` may be as short.
            image_sizes, spk_bounds: not used; LLaMA-Factory passes them.
            data: any of these in one dict, as LLaMA-Factory passes them. What is given beside it counts more.

        Returns:
            ``CausalLMOutputWithPast`` with loss, logits (B, L or logits_to_keep, vocabulary) and past_key_values.

        Raises:
            ValueError: pictures or sounds do not fit the places in the text.
        """
        if inputs_embeds is None:
            inputs_embeds = self.embed(
                input_ids,
                pixel_values=pixel_values,
                tgt_sizes=tgt_sizes,
                image_bound=image_bound,
                temporal_ids=temporal_ids,
                audio_features=audio_features,
                audio_feature_lens=audio_feature_lens,
                audio_bounds=audio_bounds,
            )
        if labels is not None and isinstance(logits_to_keep, int) and logits_to_keep:
            labels = labels[:, -logits_to_keep:]
        return self.llm(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            labels=labels,
            use_cache=use_cache,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )


class MiniCPMO(MiniCPMV):
    """MiniCPM-o 2.6: pictures and sounds. ``init_audio=False`` leaves the audio encoder out, and says so."""

    config_class = MiniCPMOConfig
    input_modalities = ("image", "audio", "text")
    _no_split_modules = [*MiniCPMV._no_split_modules, "WhisperEncoderLayer"]

    def _add_audio(self, config):
        if config.init_audio:
            self.apm = AudioEncoder(config.audio_config)
            self.audio_projection_layer = AudioProjection(config.audio_config.d_model, config.hidden_size)
        else:
            logger.warning("init_audio=False: no sound; a checkpoint saved from this model has lost its audio part.")
            self._keys_to_ignore_on_load_unexpected = [r"^tts\.", r"^apm\.", r"^audio_projection_layer\."]

    def encode_audio(self, audio_features, audio_feature_lens):
        """Embeddings of sounds.

        Args:
            audio_features: (pieces, mel bands, frames); audio_feature_lens: for each row (pieces,) mel frames.

        Returns:
            (embeddings of all pieces one after the other, width), and how many of them each row has.
        """
        rows = [torch.as_tensor(row).reshape(-1).long() for row in audio_feature_lens]
        counts = [int(embedding_count(row, self.config.audio_pool_step).sum()) for row in rows]
        if not sum(counts):
            return None, counts
        weight, step = self.audio_projection_layer.linear1.weight, self.config.audio_pool_step
        lengths = torch.cat(rows).to(weight.device)
        features = audio_features.to(weight.device, self.apm.conv1.weight.dtype)
        hidden = self.apm(features, lengths, self.config.audio_chunk_length)
        pooled = F.avg_pool1d(self.audio_projection_layer(hidden).transpose(1, 2), step).transpose(1, 2)
        return pooled[valid_mask(embedding_count(lengths, step), pooled.shape[1])], counts

    def embed(self, input_ids, audio_features=None, audio_feature_lens=None, audio_bounds=None, **pictures):
        """As of ``MiniCPMV``, with sounds too."""
        if not self.config.init_audio:
            return super().embed(input_ids, audio_features=audio_features, **pictures)
        mixed, audio, counts = super().embed(input_ids, **pictures), None, [0] * len(input_ids)
        if audio_feature_lens is not None:
            audio, counts = self.encode_audio(audio_features, audio_feature_lens)
        check_sounds(counts, audio_bounds)
        return mixed if audio is None else insert_embeddings(mixed, audio_bounds, audio)
