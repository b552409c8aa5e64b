"""A training step that a GPU runs without waiting for Python: packed rows, CUDA graphs, compiled layers.

What is learnt is what the plain Trainer learns: LoRA's weights are kept in float32 and a copy in the model's own type
is computed with, as autocast does; the loss is the mean over all labels of the batch.
"""

import gc
import math
from collections import Counter
from contextlib import nullcontext
from functools import partial
from operator import ge, mul, sub

from helpers.language import message
from helpers.models import cuda_graph, packed
from helpers.models.packed import like_a_layers_output, use_varlen
from helpers.models.packed_vision import see_patches, see_slices
from helpers.models.parts import parts_of
from helpers.training.collate import IGNORE
from helpers.training.packing import STEPS, put

LONGEST = 2048  # tokens of a row: a bound for the kernel, no more
CAPTURE = 6  # steps: about as much work as making a graph, 0.4 s of an H200
APART = 0.1  # of its length: as far may a graph's gradient be from the same step's; bfloat16's is 0.03 from float32's


class CapturedStep:
    """Forward and backward over a batch of ``packing.pack``; gradients of all LoRA weights in one vector.

    Args:
        model: of any of our families, with LoRA from ``models.add_lora``; its LoRA weights become views of one vector.
        capture: make CUDA graphs. A batch runs in the smallest that has room for it; for a size that has cost more
            that way than a graph of its own would, one is made, as long as there is memory.
        compiled: compile the layers; their kernels are then fused, for a quarter of a minute at the start.

    Attributes:
        master: all LoRA weights as one float32 parameter: what an optimizer takes. Each call adds to ``master.grad``.
    """

    def __init__(self, model, capture, compiled):
        import torch

        self.capture, self.graphs, self.pool, self.spent, self.pays = capture, {}, None, Counter(), CAPTURE
        self.parts, self.loss = parts_of(model), _loss
        self.see = see_slices if hasattr(self.parts["whole"], "llm") else see_patches
        self.attention = use_varlen(self.parts["whole"])
        self.weights = [weight for weight in model.parameters() if weight.requires_grad]
        frozen = next(weight for weight in model.parameters() if not weight.requires_grad)
        exact = torch.promote_types(torch.float32, frozen.dtype)
        flat = torch.cat([weight.detach().to(exact).flatten() for weight in self.weights])
        self.master = torch.nn.Parameter(flat)
        self.master.grad = torch.zeros_like(flat)
        self.working = flat.to(frozen.dtype, copy=True)
        self.gradient = torch.zeros_like(self.working)  # of one call, in the type in which it is computed
        self.gradients = self._views(self.gradient)
        self.point_to(self.working)
        self.trains_vision = any(weight.requires_grad for part in self.parts["eyes"] for weight in part.parameters())
        self.layers = (*self.parts["blocks"], *self.parts["language"].layers)
        language, blocks, head = (
            sum(weight.numel() for weight in part.parameters())
            for part in (self.parts["language"].layers, self.parts["blocks"], self.parts["head"])
        )
        self.costs = (language, blocks if self.trains_vision else blocks / 2, head)  # of a token, a patch, an answer
        self.constants = nullcontext
        if compiled:  # a layer's own numbers (LoRA's scaling) go into its kernels: with dynamic sizes they would be
            # tensors on the CPU, for which inductor first builds C++ programs to try out, most of a minute
            self.constants = partial(torch._dynamo.config.patch, specialize_float=True)
            for layer in self.layers:
                layer.compile(dynamic=True)
            self.loss = torch.compile(_loss, dynamic=True)

    def _views(self, flat):
        sizes = [weight.numel() for weight in self.weights]
        return [part.view(weight.shape) for part, weight in zip(flat.split(sizes), self.weights, strict=True)]

    def point_to(self, flat):
        """Let the model's LoRA weights be parts of ``flat``: ``working`` to compute, ``master`` to save and load."""
        for weight, part in zip(self.weights, self._views(flat.detach()), strict=True):
            weight.data = part

    def close(self):
        """The model as it was, with what it has learnt: its attention, nothing compiled, LoRA in float32."""
        gc.unfreeze()
        self._plain_layers()
        self.point_to(self.master)
        self.parts["whole"].config._attn_implementation = self.attention

    def refresh(self):
        """After the optimizer's step: its weights are copied to where they are computed with, its gradient is zero."""
        self.working.copy_(self.master.detach())
        self.master.grad.zero_()

    def __call__(self, batch):
        """The loss of a batch (tensors of ``pack``), a scalar; its gradient is added to ``master.grad``."""
        loss = self._run(batch)
        self.master.grad += self.gradient
        return loss

    def _run(self, batch):
        import torch

        if not self.capture:
            device = self.working.device
            return self._both({name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()})
        found, why = self._graph(batch), ""
        if not found:
            try:
                found = self.graphs[_size(batch)] = self._captured(batch)
            except torch.OutOfMemoryError as error:
                why, self.pays = cuda_graph.reason(error), math.inf
            except RuntimeError as error:
                why, self.graphs = cuda_graph.reason(error), {}  # those made before may be no better
            if why:  # outside of the handler: an error keeps alive all that the failed step had in memory
                found = self._graph(batch)
                if not found:
                    return self._without_graphs(batch, why)
                print(message("ways.no_more_graphs", why=why))
                cuda_graph.recover()
        graph, inputs, loss = found
        put(batch, inputs)
        graph.replay()
        return loss.clone()

    def _graph(self, batch):
        """What ``_captured`` has made for batches of this size or a larger one; None if one is to be made."""
        size = _size(batch)
        if size in self.graphs:
            return self.graphs[size]
        fitting = [other for other in self.graphs if _has_room(other, size)]
        if not fitting:
            return None
        best = min(fitting, key=self._work)
        self.spent[size] += self._work(best) / self._work(size) - 1
        return self.graphs[best] if self.spent[size] < self.pays else None

    def _work(self, size):
        """What a batch of this size costs, in multiplications."""
        return sum(map(mul, self.costs, size))

    def _captured(self, batch):
        """(graph, the tensors it reads, the loss it writes) for batches of this size."""
        inputs = {name: tensor.to(self.working.device, copy=True) for name, tensor in batch.items()}
        cuda_graph.run_aside(lambda: self._both(inputs))
        right = self.gradient.clone()
        gc.collect()
        gc.freeze()  # what is there now stays: to look at it again would take longer than the rest of a capture
        graph, loss = cuda_graph.record(lambda: self._both(inputs), self.pool)
        self.pool = self.pool or graph.pool()
        graph.replay()
        if (self.gradient - right).norm() > APART * right.norm():
            raise RuntimeError(message("ways.wrong_graph"))
        return graph, inputs, loss

    def _without_graphs(self, batch, why):
        """From here on one kernel at a time and nothing compiled, which may be what failed; says why."""
        self._plain_layers()
        cuda_graph.recover()
        print(message("ways.no_graphs", why=why))
        return self._run(batch)

    def _plain_layers(self):
        self.capture, self.graphs, self.pool, self.loss = False, {}, None, _loss
        for layer in self.layers:
            layer._compiled_call_impl = None

    def _both(self, batch):
        import torch

        for weight in self.weights:
            weight.grad = None
        with self.constants():
            loss = self._forward(batch)
            loss.backward()
        torch._foreach_copy_(self.gradients, [weight.grad for weight in self.weights])
        for weight in self.weights:
            weight.grad = None
        return loss.detach()

    def _forward(self, batch):
        import torch

        language = self.parts["language"]
        with torch.set_grad_enabled(self.trains_vision):
            pictures = self.see(self.parts["whole"], batch)
        hidden = language.embed_tokens(batch["input_ids"]).index_copy(0, batch["image_places"], pictures)[None]
        hidden = like_a_layers_output(hidden, language.layers[0])
        turned = language.rotary_emb(hidden, batch["position_ids"])
        rows = {"cu_seq_lens_q": batch["starts"], "longest": LONGEST}
        for layer in language.layers:
            hidden = layer(hidden, attention_mask=None, position_embeddings=turned, **rows)
        answers = language.norm(hidden)[0].index_select(0, batch["answer_places"])
        return self.loss(self.parts["head"], answers, batch["labels"]) / batch["count"]


def _size(batch):
    """In what batches of ``pack`` differ: tokens, patches, labels, rows, pictures, the largest picture's patches."""
    names = ("input_ids", "pixel_values", "labels", "starts", "picture_starts", "picture_patches")
    return tuple(batch[name].shape[-1 if name == "picture_patches" else 0] for name in names if name in batch)


def _has_room(other, size):
    """Whether a batch of ``size`` can be put where one of ``other`` was: what is left over is a row, not too long."""
    tokens, patches, *_ = map(sub, other, size)
    short = tokens <= LONGEST - STEPS["tokens"] and patches <= packed.LONGEST - STEPS["patches"]
    return short and all(map(ge, other, size))


def _loss(head, hidden, labels):
    """Sum of the cross entropy over labels; the fillers among them count nothing."""
    import torch
    import torch.nn.functional as F

    logits = head(hidden)
    logits = logits.to(torch.promote_types(torch.float32, logits.dtype))
    return F.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="sum")
