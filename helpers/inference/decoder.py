"""Greedy decoding of large batches on a GPU: a cache of fixed size, and each step as one CUDA graph.

A step of decoding is some thousand small kernels, and a GPU waits for Python between them; a graph starts them all at
once. Graphs want the same tensors each time: keys and values stand in tensors of fixed size, in which all rows write at
the same place, since prompts are padded on the left. Only as much of them is looked at as is filled, rounded up.
"""

from contextlib import contextmanager

from helpers.models import cuda_graph
from helpers.models.parts import parts_of

STEP = 128  # of the filled length: one graph for each
PAUSE = 8  # steps between two looks at whether all rows have ended: a look waits for the GPU
GROUPED = "grouped_queries"


class Decoder:
    """Answers to batches of ``fast.prepare``, each token the likeliest, as ``generate`` decodes greedily.

    Args:
        model: Qwen2-VL or GLM-OCR, with or without an adapter; in evaluation mode, without gradients.
        rows: no batch has more. One with fewer leaves rows empty; no row sees another.
        max_new_tokens: no answer is longer.
    """

    def __init__(self, model, rows, max_new_tokens):
        import torch

        self.parts, self.limit, self.rows = parts_of(model), max_new_tokens, rows
        self.capture, self.pool, self.length = model.device.type == "cuda", None, 0
        told, self.weight = model.generation_config, self.parts["head"].weight
        ends = told.eos_token_id if isinstance(told.eos_token_id, list) else [told.eos_token_id]
        ends = [end for end in ends if end is not None]
        self.pad = told.pad_token_id if told.pad_token_id is not None else (ends or [0])[0]
        fresh = {"device": model.device, "dtype": torch.long}
        self.ends = torch.tensor(ends, **fresh)
        self.token, self.position = torch.zeros(rows, 1, **fresh), torch.zeros(rows, 1, **fresh)
        self.place, self.count = torch.zeros(1, **fresh), torch.zeros(1, **fresh)
        self.written = torch.zeros(rows, max_new_tokens, **fresh)
        self.ended = torch.zeros(rows, dtype=torch.bool, device=model.device)

    def __call__(self, batch):
        """The new tokens, (B, max_new_tokens), on the CPU; after an answer's end come padding tokens."""
        rows, width = batch["input_ids"].shape
        if width + self.limit > self.length:
            self._allocate(width + self.limit)
        self._begin(batch)
        with _attention(self.parts["whole"], GROUPED):
            for step in range(1, self.limit):
                if step % PAUSE == 0 and self.ended.all():
                    break
                self._advance(width + step)
        return self.written[:rows].cpu()

    def _allocate(self, length):
        import torch

        self.length, self.graphs = -(-length // STEP) * STEP, {}
        language, fresh = self.parts["language"], {"device": self.weight.device, "dtype": self.weight.dtype}
        shape = (self.rows, language.config.num_key_value_heads, self.length, language.layers[0].self_attn.head_dim)
        self.keys = self.values = self.mask = None  # before the larger ones are made
        self.keys = [torch.zeros(shape, **fresh) for _ in language.layers]
        self.values = [torch.zeros(shape, **fresh) for _ in language.layers]
        self.mask = torch.zeros(self.rows, 1, 1, self.length, **fresh)

    def _begin(self, batch):
        """Read pictures and prompts, and choose the first token of each row."""
        import torch.nn.functional as F
        from transformers import DynamicCache

        rows, width = batch["input_ids"].shape
        there = {name: x.to(self.weight.device, non_blocking=True) for name, x in batch.items()}
        there["image_grid_thw"] = batch["image_grid_thw"]  # it is counted with on the CPU
        cache = DynamicCache(config=self.parts["language"].config)
        out = self.parts["whole"](**there, past_key_values=cache, use_cache=True, logits_to_keep=1)
        for keys, values, layer in zip(self.keys, self.values, cache.layers, strict=True):
            keys[:rows, :, :width], values[:rows, :, :width] = layer.keys, layer.values
        self.mask.fill_(float("-inf"))
        self.mask[:rows, 0, 0, :width].masked_fill_(there["attention_mask"].bool(), 0)
        self.position[:rows] = there["position_ids"].amax((0, 2))[:, None]
        self.place.fill_(width - 1)
        self.count.zero_()
        self.written.fill_(self.pad)
        self.ended.fill_(False)
        self.ended[rows:] = True
        self._write(F.pad(out.logits[:, -1], (0, 0, 0, self.rows - rows)))

    def _advance(self, filled):
        """One token more for each row; ``filled``: so many places are filled with this one."""
        seen = -(-filled // STEP) * STEP
        if not self.capture:
            self._step(seen)
        elif seen in self.graphs:
            self.graphs[seen].replay()
        else:
            cuda_graph.run_aside(lambda: self._step(seen))  # this step itself; the graph is for those that come
            self.graphs[seen], _ = cuda_graph.record(lambda: self._step(seen), self.pool)
            self.pool = self.pool or self.graphs[seen].pool()

    def _step(self, seen):
        language = self.parts["language"]
        self.seen = seen
        self.mask.index_fill_(3, self.place, 0)
        hidden = language.embed_tokens(self.token)
        turned = language.rotary_emb(hidden, self.position[None].expand(3, -1, -1))
        mask = self.mask[..., :seen]
        for layer in language.layers:
            hidden = layer(hidden, attention_mask=mask, position_embeddings=turned, past_key_values=self)
        self._write(self.parts["head"](language.norm(hidden))[:, 0])

    def update(self, key, value, layer, *_):
        """What attention asks of a cache: keys and values of one token a row are added; returns those so far."""
        self.keys[layer].index_copy_(2, self.place, key)
        self.values[layer].index_copy_(2, self.place, value)
        return self.keys[layer][:, :, : self.seen], self.values[layer][:, :, : self.seen]

    def _write(self, scores):
        """Take the likeliest tokens of ``scores`` (rows, vocabulary) where an answer has not ended."""
        chosen = self.choose(scores).masked_fill(self.ended, self.pad)
        self.written.index_copy_(1, self.count, chosen[:, None])
        self.ended |= (chosen[:, None] == self.ends).any(1)
        self.token.copy_(chosen[:, None])
        for number in (self.place, self.position, self.count):
            number += 1

    def choose(self, scores):
        """(rows,): a token for each."""
        return scores.argmax(-1)


@contextmanager
def _attention(model, name):
    """The language model attends by ``name`` within; afterwards as before."""
    from transformers import AttentionInterface

    AttentionInterface.register(GROUPED, grouped_attention)
    before = model.config.get_text_config()._attn_implementation
    model.set_attn_implementation({"text_config": name})
    try:
        yield
    finally:
        model.set_attn_implementation({"text_config": before})


def grouped_attention(module, query, key, value, attention_mask, scaling=None, **kwargs):
    """Attention of one new token a row; query heads with the same keys are taken together, so no key is repeated.

    Args:
        query: (B, heads, 1, width). key, value: (B, fewer heads, L, width). attention_mask: (B, 1, 1, L), added.
    """
    import torch.nn.functional as F

    rows, heads, _, width = query.shape
    grouped = query.reshape(rows, key.shape[1], -1, width)
    mixed = F.scaled_dot_product_attention(grouped, key, value, attn_mask=attention_mask, scale=scaling)
    return mixed.reshape(rows, 1, heads, width), None
