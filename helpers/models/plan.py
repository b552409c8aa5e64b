"""How much GPU memory a training run takes at most, by arithmetic: no GPU, no weights and no PyTorch are needed.

What is counted follows from mixed precision as the Trainer does it: frozen weights in bfloat16 (2 bytes), trained ones,
their gradients and AdamW's two moments in float32 (4 bytes each). What a layer keeps for its backward pass was counted
in bytes a token on the models themselves. ``AGAIN``, ``CONTEXT`` and ``SPARE`` were fitted to 22 runs on an H100
(tests/benchmarks/memory.py); the plan is within 10 % of each of them.
"""

from dataclasses import dataclass, fields
from importlib.util import find_spec

from helpers.language import columns_of, message, padded
from helpers.models.families import get_family

METHODS = ("lora", "qlora", "full")
LARGEST = 10**6  # of each count that is given
FOUR_BIT = 0.5 + 1 / 64 + 4 / 64 / 256  # bytes a weight: NF4, one byte for 64 of them, four for 256 such bytes
LOGITS = 14  # bytes an entry: in bfloat16, in float32, their logarithms and their gradient
AGAIN = 1.4  # a layer that is computed again, with the gradients of what it makes, against what it keeps
CONTEXT = 0.81e9  # bytes: CUDA itself and its libraries
SPARE = {"logits": 0.35, "activations": 0.02, "gradients": 0.4}  # PyTorch's cache beyond what is in use, of each;
# "gradients" counts for full fine-tuning alone: those of LoRA are small
STEPS = ((16, False), (8, False), (16, True), (4, True), (1, True))  # samples at once, checkpointing: fastest first
GRAPHS = (2.7e9, 0.55)  # bytes, and a part of activations and logits: what CUDA graphs took besides, in four runs
LARGEST_FIRST = ("minicpm_o", "qwen2_vl", "glm_ocr")  # models of the lessons, by the memory that they take
USABLE = 0.95  # of a card's memory: its screen and PyTorch's gaps take the rest
FORMULA = {"minicpm_o": 64, "minicpm_v": 64}  # tokens of a formula's picture, one slice; of others' at most 256


@dataclass(frozen=True)
class Tower:
    """Layers of one kind. Of a token a layer keeps ``per_width`` x width + ``per_inner`` x inner bytes.

    width is that of the stream between the layers, inner that inside the feed-forward part.
    """

    layers: int
    width: int
    inner: int
    per_width: float
    per_inner: float

    @property
    def kept(self):
        """Bytes that one layer keeps of one token."""
        return self.per_width * self.width + self.per_inner * self.inner


@dataclass(frozen=True)
class Shape:
    """An official model in numbers.

    weights     all parameters that are loaded
    language    those of the language model with its vocabulary: what full fine-tuning trains here
    four_bit    those of its linear layers, which QLoRA holds in 4 bits
    rank        parameters of LoRA for each unit of its rank, on the family's ``lora_targets``
    patches     patches of the picture that make one token
    """

    weights: int
    language: int
    four_bit: int
    rank: int
    vocabulary: int
    patches: int
    text: Tower
    vision: Tower


# Counted on the official config.json of each family; tests/models/test_plan.py counts again.
SHAPES = {
    "qwen2_vl": Shape(
        *(2_208_985_600, 1_543_714_304, 1_310_195_712, 1_826_304, 151_936, 4),
        text=Tower(28, 1536, 8960, per_width=25, per_inner=8),
        vision=Tower(32, 1280, 5120, per_width=26, per_inner=6),
    ),
    "glm_ocr": Shape(
        *(1_107_405_824, 673_285_632, 490_733_568, 983_040, 59_392, 4),
        text=Tower(16, 1536, 4608, per_width=35, per_inner=8),
        vision=Tower(24, 1024, 4096, per_width=36, per_inner=8),
    ),
    "minicpm_o": Shape(
        *(8_423_157_488, 7_613_007_360, 6_525_288_448, 3_078_496, 151_700, 16),
        text=Tower(28, 3584, 18944, per_width=25, per_inner=8),
        vision=Tower(27, 1152, 4304, per_width=26, per_inner=4),
    ),
    "minicpm_v": Shape(
        *(8_695_895_280, 8_189_195_264, 6_945_767_424, 3_284_832, 151_748, 16),
        text=Tower(36, 4096, 12288, per_width=30, per_inner=8),
        vision=Tower(27, 1152, 4304, per_width=26, per_inner=4),
    ),
}


@dataclass(frozen=True)
class Plan:
    """The most memory that a training run takes at once, in GB (10^9 bytes); print it for a table.

    gradients is what they take beyond the place of the activations, which the backward pass frees as it makes them.
    """

    weights: float
    optimizer: float
    activations: float
    logits: float
    gradients: float
    graphs: float
    rest: float

    @property
    def total(self):
        return sum(getattr(self, field.name) for field in fields(self))

    def __str__(self):
        names = {
            "weights": message("plan.weights"),
            "optimizer": message("plan.optimizer"),
            "activations": message("plan.activations"),
            "logits": message("plan.logits"),
            "gradients": message("plan.gradients"),
            "graphs": message("plan.graphs"),
            "rest": message("plan.rest"),
            "total": message("plan.total"),
        }
        if not self.graphs:
            del names["graphs"]
        width = max(map(columns_of, names.values()))
        return "\n".join(f"{padded(text, width)}  {getattr(self, name):6.1f} GB" for name, text in names.items())

    def _repr_pretty_(self, printer, cycle):
        printer.text(str(self))


def plan(
    family,
    method,
    batch_size,
    gradient_checkpointing=False,
    image_tokens=256,
    text_tokens=128,
    answer_tokens=None,
    lora_r=64,
    graphs=False,
):
    """The memory of one GPU that trains an official model: a ``Plan``.

    Args:
        family: a key of ``FAMILIES``.
        method: "lora"; "qlora", the frozen layers of the language model in 4 bits; "full", the whole language model,
            with the vision tower frozen.
        image_tokens: tokens of a sample's picture in the language model (``models.image_tokens``).
        text_tokens: its other tokens: question, template and answer.
        answer_tokens: those of the longest answer, for which logits are computed; all of the text if not given.
        lora_r: rank of LoRA; it does not matter for "full".
        graphs: with packed rows and CUDA graphs, as ``training.train`` makes LoRA fast. Without gradient checkpointing
            Qwen2-VL and GLM-OCR save as much by packing as the graphs take.

    Raises:
        KeyError: unknown family. ValueError: unknown method, or a number that cannot be.
    """
    answer_tokens = text_tokens if answer_tokens is None else answer_tokens
    get_family(family)
    if method not in METHODS:
        raise ValueError(message("plan.no_method", method=method, known=", ".join(METHODS)))
    for name, value in (("batch_size", batch_size), ("image_tokens", image_tokens), ("text_tokens", text_tokens)):
        _check(name, value)
    _check("answer_tokens", answer_tokens, text_tokens)
    _check("lora_r", lora_r)
    shape, full = SHAPES[family], method == "full"
    trained = shape.language if full else shape.rank * lora_r
    frozen = shape.weights - shape.language if full else shape.weights
    smaller = shape.four_bit if method == "qlora" else 0
    weights = 2 * (frozen - smaller) + FOUR_BIT * smaller + 4 * trained
    towers = [(shape.text, batch_size * (image_tokens + text_tokens))]
    if not full:  # a frozen tower keeps nothing
        towers.append((shape.vision, batch_size * image_tokens * shape.patches))
    logits = LOGITS * shape.vocabulary * batch_size * (answer_tokens + 1)
    activations = 2 * trained  # the trained weights in bfloat16, as products take them
    for tower, tokens in towers:
        kept = 2 * tower.width * (1 + full) if gradient_checkpointing else tower.kept + 6 * tower.width * full
        activations += tower.layers * kept * tokens
    if gradient_checkpointing:  # one layer at a time is computed again, in the place that the logits had
        activations += max(0, *(AGAIN * tower.kept * tokens - logits for tower, tokens in towers))
    gradients = max(0, 4 * trained - activations - logits)
    saved = family in ("qwen2_vl", "glm_ocr") and not gradient_checkpointing
    captured = GRAPHS[0] + GRAPHS[1] * (activations + logits) if graphs and not saved else 0
    rest = CONTEXT + SPARE["logits"] * logits + SPARE["activations"] * activations
    rest += SPARE["gradients"] * 4 * trained * full
    return Plan(*(part / 1e9 for part in (weights, 8 * trained, activations, logits, gradients, captured, rest)))


@dataclass(frozen=True)
class Step:
    """How to take a step on a card: the model, "lora" or "qlora" or "full", samples at once, gradient checkpointing,
    GB needed, and does it fit?"""

    family: str
    method: str
    batch_size: int
    gradient_checkpointing: bool
    needed: float
    fits: bool


def fastest_step(
    memory_gb, family=None, method=None, batch_size=None, gradient_checkpointing=None, lora_r=64, graphs=False
):
    """The fastest ``Step`` with which formulas like those of LaTeX_OCR can be trained on a card of ``memory_gb``; if
    there is none, the one that takes the least.

    Args:
        family: None: the largest of ``LARGEST_FIRST`` that can be trained on the card at all.
        method: None: "lora"; "qlora" if the given family has no room for it and bitsandbytes is installed.
        batch_size, gradient_checkpointing: given ones stay as they are.
        others: see ``plan``.
    """
    if method is None:
        own = {"batch_size": batch_size, "gradient_checkpointing": gradient_checkpointing, "lora_r": lora_r}
        step = fastest_step(memory_gb, family, "lora", **own)
        if step.fits or family is None or find_spec("bitsandbytes") is None:
            return step
        smaller = fastest_step(memory_gb, family, "qlora", **own)
        return smaller if smaller.fits else step
    for name in [family] if family else LARGEST_FIRST:
        for size, again in STEPS:
            size = size if batch_size is None else batch_size
            again = again if gradient_checkpointing is None else gradient_checkpointing
            sizes = {"image_tokens": FORMULA.get(name, 256), "lora_r": lora_r, "graphs": graphs}
            needed = plan(name, method, size, gradient_checkpointing=again, **sizes).total
            step = Step(name, method, size, again, needed, fits=needed <= USABLE * memory_gb)
            if step.fits:
                return step
    return step


def _check(name, value, largest=LARGEST):
    """ValueError for a number of samples, tokens or ranks that cannot be."""
    if type(value) is not int or not 1 <= value <= largest:
        raise ValueError(message("settings.no_count", name=name, value=value, minimum=1, maximum=largest))
