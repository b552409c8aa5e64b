"""From conversations with pictures and sounds to the tensors MiniCPM takes."""

from itertools import accumulate

import numpy as np
import torch
from transformers import BatchFeature
from transformers.processing_utils import ProcessorMixin

from helpers.language import message
from helpers.models.minicpm.audio import HOP, RATE, embedding_count, mel_pieces
from helpers.models.minicpm.image_processing import as_rows
from helpers.models.minicpm.placeholders import (
    ANY_AUDIO,
    ANY_IMAGE,
    MARKS,
    audio_placeholder,
    find_spans,
    flatten_messages,
    insert_placeholders,
)


class MiniCPMVProcessor(ProcessorMixin):
    """Pictures and text for MiniCPM-V. ``MiniCPMOProcessor`` takes sounds too."""

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None):
        super().__init__(image_processor, tokenizer, chat_template=chat_template)

    def __setattr__(self, name, value):
        """A tokenizer gets the ids of the family's marks as attributes, whichever way it comes in."""
        if name == "tokenizer":
            known = value.get_vocab()
            for mark, token in MARKS.items():
                if token in known:
                    setattr(value, f"{mark}_id", known[token])
        super().__setattr__(name, value)

    def __call__(
        self,
        text=None,
        images=None,
        audios=None,
        max_slice_nums=None,
        use_image_id=None,
        max_length=None,
        padding_side="left",
        chunk_input=True,
        **unused,
    ):
        """Tensors for texts with their pictures and sounds.

        Args:
            text: a text or a list of them, one for each row. A picture's place is ``(<image>./</image>)`` or
                ``<image>``, a sound's ``(<audio>./</audio>)`` or ``<audio>``.
            images: for each row a list of pictures; or one list for all, dealt out by the marks; or one picture.
            audios: likewise, each sound (samples,) floats at 16 kHz.
            max_slice_nums: tiles of a picture at most, instead of the image processor's.
            use_image_id: whether pictures are numbered, instead of the image processor's.
            max_length: tokens of a row at most.
            padding_side: "left" for generation.
            chunk_input: sounds get marks around each second, as the published model was trained.

        Returns:
            dict of input_ids and attention_mask (B, L); pixel_values, tgt_sizes, image_bound, and for sounds
            audio_features, audio_feature_lens, audio_bounds, as ``MiniCPMO.forward`` takes them.

        Raises:
            ValueError: marks and pictures (or sounds) do not match, a picture or sound has nothing to tell, or a row
                is too long; the row is named, and nothing is cut off.
        """
        texts = [text] if isinstance(text, str) else list(text)
        pictures = self.image_processor(_rows(images, texts, ANY_IMAGE), max_slice_nums=max_slice_nums)
        sounds = self.process_audio(_rows(audios, texts, ANY_AUDIO), chunk_input)
        ids = []
        for row, words in enumerate(texts):
            placeholder = self.image_processor.get_slice_image_placeholder
            sizes = pictures["image_sizes"][row]
            images = [placeholder(size, index, max_slice_nums, use_image_id) for index, size in enumerate(sizes)]
            words = insert_placeholders(words, ANY_IMAGE, images, row, "minicpm.pictures_given")
            words = insert_placeholders(words, ANY_AUDIO, sounds["placeholders"][row], row, "minicpm.sounds_given")
            ids.append(self.tokenizer(words, add_special_tokens=False)["input_ids"])
        limit = self.tokenizer.model_max_length if max_length is None else max_length
        for row, tokens in enumerate(ids):
            if len(tokens) > limit:
                raise ValueError(message("minicpm.too_long", row=row, count=len(tokens), limit=limit))
        batch = self.tokenizer.pad({"input_ids": ids}, padding_side=padding_side, return_tensors="pt")
        batch = {name: batch[name] for name in ("input_ids", "attention_mask")}
        batch |= {"pixel_values": pictures["pixel_values"], "tgt_sizes": pictures["tgt_sizes"]}
        return BatchFeature(batch | sounds["tensors"] | self.bounds(batch["input_ids"]))

    def process_audio(self, rows, chunk_input):
        """MiniCPM-V takes no sounds: tensors and placeholders of none."""
        if any(rows):
            raise ValueError(message("minicpm.no_sound"))
        return {"placeholders": [[] for _ in rows], "tensors": {}}

    def bounds(self, input_ids):
        """Where pictures lie in the tokens: ``image_bound``, a tensor (spans, 2) for each row."""
        marks = self.tokenizer
        starts, ends = (marks.im_start_id, marks.slice_start_id), (marks.im_end_id, marks.slice_end_id)
        return {"image_bound": [find_spans(ids, starts, ends) for ids in input_ids]}

    def apply_chat_template(
        self, conversation, chat_template=None, tokenize=False, add_generation_prompt=False, **kwargs
    ):
        """The text of a conversation, or of several; with ``tokenize=True`` what ``__call__`` makes of it.

        Args:
            conversation: list of {"role", "content"}. Content is a text, or a list of texts, pictures (``PIL.Image``)
                and sounds (arrays), also as {"type": "text" | "image" | "audio", ...}; the parts are put on lines of
                their own.
            kwargs: for the template. MiniCPM-V 4.5 answers at once unless told ``enable_thinking=True``.
        """
        kwargs.setdefault("enable_thinking", False)
        several = bool(conversation) and not isinstance(conversation[0], dict)
        flat = [flatten_messages(messages) for messages in (conversation if several else [conversation])]
        template = chat_template or self.chat_template or self.tokenizer.chat_template
        settings = {"chat_template": template, "tokenize": False, "add_generation_prompt": add_generation_prompt}
        inputs = {name: kwargs.pop(name) for name in ("max_slice_nums", "max_length", "padding_side") if name in kwargs}
        for name in ("return_tensors", "return_dict", "padding"):
            kwargs.pop(name, None)
        texts = [self.tokenizer.apply_chat_template(messages, **settings, **kwargs) for messages, _, _ in flat]
        if tokenize:
            return self(texts, [images for _, images, _ in flat], [audios for _, _, audios in flat], **inputs)
        return texts if several else texts[0]


class MiniCPMOProcessor(MiniCPMVProcessor):
    """Pictures, sounds and text for MiniCPM-o 2.6."""

    def __init__(self, image_processor=None, feature_extractor=None, tokenizer=None, chat_template=None):
        ProcessorMixin.__init__(self, image_processor, feature_extractor, tokenizer, chat_template=chat_template)

    def audio_feature_extract(
        self, audios, audio_parts=None, chunk_input=True, sampling_rate=RATE, chunk_length=1, **unused
    ):
        """Features of sounds, as LLaMA-Factory asks for them.

        Args:
            audios: for each row a list of sounds, (samples,) floats at ``sampling_rate``, which must be 16000.
            chunk_input: marks around each ``chunk_length`` seconds instead of around the whole sound.

        Returns:
            features, float32 (pieces of up to 30 s, mel bands, frames), an empty list if there is no sound;
            for each row the pieces' frames, (pieces,) long; for each row a list of placeholders.

        Raises:
            ValueError: another sampling rate, or a sound too short for one embedding; row and number are named.
        """
        if sampling_rate not in (None, RATE):
            raise ValueError(message("minicpm.wrong_rate", given=sampling_rate, rate=RATE))
        pieces, lengths, placeholders = [], [], []
        for row, sounds in enumerate(as_rows(audios)):
            made = [self._features(sound, row, index) for index, sound in enumerate(sounds)]
            pieces += sum(made, [])
            lengths.append(torch.tensor([part.shape[1] for parts in made for part in parts], dtype=torch.long))
            counts = [embedding_count(sum(part.shape[1] for part in parts)) for parts in made]
            placeholders.append([audio_placeholder(count, chunk_input, chunk_length) for count in counts])
        if not pieces:
            return [], lengths, placeholders
        features = torch.nn.utils.rnn.pad_sequence([part.T for part in pieces], batch_first=True).transpose(1, 2)
        return features.contiguous(), lengths, placeholders

    def _features(self, sound, row, index):
        sound = np.asarray(sound, dtype=np.float32)
        if sound.ndim != 1 or not embedding_count(-(-len(sound) // HOP)):
            shape, least = " x ".join(map(str, sound.shape)), 2 * HOP + 1
            given = {"shape": shape, "least": least, "ms": f"{1000 * least / RATE:.0f}"}
            raise ValueError(message("minicpm.short_sound", row=row, index=index, **given))
        return mel_pieces(sound, self.feature_extractor)

    def process_audio(self, rows, chunk_input):
        """Tensors and placeholders of the sounds of a batch."""
        if not any(rows):
            return {"placeholders": [[] for _ in rows], "tensors": {}}
        features, lengths, placeholders = self.audio_feature_extract(rows, chunk_input=chunk_input)
        tensors = {"audio_features": features, "audio_feature_lens": lengths}
        return {"placeholders": placeholders, "tensors": tensors}

    def bounds(self, input_ids):
        """Where pictures and sounds lie in the tokens: ``image_bound`` and, if there is a sound, ``audio_bounds``."""
        starts, ends = (self.tokenizer.audio_start_id,), (self.tokenizer.audio_end_id,)
        sounds = [find_spans(ids, starts, ends) for ids in input_ids]
        audio = {"audio_bounds": sounds} if any(len(found) for found in sounds) else {}
        return super().bounds(input_ids) | audio


def _rows(media, texts, mark):
    """Pictures or sounds as one list for each text; a flat list is dealt out by the marks in the texts."""
    if media is None:
        return [[] for _ in texts]
    rows = as_rows(media)
    if len(texts) > 1 and len(rows) == 1:
        ends = list(accumulate(len(mark.findall(words)) for words in texts))
        if ends[-1] != len(rows[0]):
            raise ValueError(message("minicpm.all_given", count=ends[-1], texts=len(texts), given=len(rows[0])))
        rows = [rows[0][start:end] for start, end in zip([0, *ends], ends, strict=False)]
    if len(rows) != len(texts):
        raise ValueError(message("minicpm.lists", texts=len(texts), rows=len(rows)))
    return rows
