"""Find, check and load a model and its processor."""

from contextlib import contextmanager
from pathlib import Path

from helpers import hub, processes
from helpers.files import settle
from helpers.language import message
from helpers.models import lora, minicpm
from helpers.models.attention import batch_vision_attention, leave_out_cudnn
from helpers.models.checkpoint import check_folder, count_weights
from helpers.models.families import FAMILIES, get_family, public_name
from helpers.paths import ROOT, short

TEXT = ["*.json", "*.txt", "*.jinja"]


def load(family, settings, folder=None):
    """Load weights and the base's processor: the base, base + adapter, or a model that was saved whole.

    Args:
        family: a key of ``FAMILIES``.
        settings: ``Settings``; mode, hub, models_dir, device, dtype and four_bit are used.
        folder: an adapter (it is put on the base), or a merged or fully fine-tuned model; the base alone if not given.
            The processor is the base's in any case, so that pictures and prompts are the same for all.

    Returns:
        (model in evaluation mode on ``settings.device``, processor); with an adapter a ``peft.PeftModel``.

    Raises:
        KeyError, ConnectionError, FileNotFoundError: unknown family, hub out of reach, incomplete checkpoint folder.
        ValueError: the adapter is of another base or a pickle; the folder wants code to be run, is of another family,
            or its weights, texts and tokenizer do not belong together; torchrun started more processes than there are
            GPUs. ImportError: four_bit without bitsandbytes.
        MemoryError: the weights are larger than the GPU's free memory.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    minicpm.register()
    leave_out_cudnn()
    if folder is not None:
        settle(folder)
    smaller = {"quantization_config": four_bit_config(get_family(family).language)} if settings.four_bit else {}
    adapter = folder if lora.is_adapter(folder) else None
    whole = None if adapter else folder
    base = checkpoint_folder(family, settings, weights=whole is None)
    if adapter:
        _check_base(lora.base_of(adapter), base, adapter)
    weights = base
    if whole is not None:
        weights = check_folder(Path(whole), message("checkpoint.train_again"), True, get_family(family).model_type)
    processor = _processor_in(base, family, settings)
    if settings.device == "cuda":
        processes.take_card()
    if settings.device == "cuda" and not settings.four_bit:
        _check_room(weights, settings.dtype)
    with _said(weights):
        model, loading = AutoModelForImageTextToText.from_pretrained(
            weights,
            dtype=getattr(torch, settings.dtype),
            trust_remote_code=False,
            use_safetensors=True,
            ignore_mismatched_sizes=True,  # not loaded, but listed: _check_loaded names them
            output_loading_info=True,
            **smaller,
        )
    _check_loaded(model, processor, loading, weights)
    batch_vision_attention(model)
    model = lora.load_adapter(model, adapter) if adapter else model
    return model.to(settings.device).eval(), processor


@contextmanager
def _said(folder):
    """An error of transformers on its way to load ``folder`` as one line that names it; no free memory stays as it is.

    Raises:
        ValueError: the folder's files do not make a model, a processor or a tokenizer.
    """
    from huggingface_hub.errors import StrictDataclassError

    try:
        yield
    except (StrictDataclassError, ValueError, TypeError, KeyError, AttributeError, ImportError, OSError) as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(message("models.not_loaded", folder=short(folder), why=why)) from error


def _check_room(folder, dtype):
    """MemoryError if the GPU's free memory cannot hold the weights in ``folder``."""
    import torch

    needed, (free, _) = count_weights(folder) * getattr(torch, dtype).itemsize, torch.cuda.mem_get_info()
    if free < needed:
        facts = {"folder": short(folder), "needed": f"{needed / 1e9:.1f}", "free": f"{free / 1e9:.1f}"}
        raise MemoryError(message("models.no_room", **facts))


def _check_loaded(model, processor, loading, folder):
    """ValueError if weights were missing or of another shape, which leaves them random, or the tokenizer is another's.

    ``loading`` is what ``from_pretrained`` tells of it.
    """
    lost = sorted(map(str, loading["missing_keys"])) + sorted(str(name) for name, *_ in loading["mismatched_keys"])
    if lost:
        facts = {"folder": short(folder), "count": len(lost), "model": type(model).__name__, "name": lost[0]}
        raise ValueError(message("models.weights_lost", **facts))
    marks = [getattr(place, "image_token_id", None) for place in (model.config, processor)]
    if None not in marks and marks[0] != marks[1]:
        facts = {"folder": short(folder), "config": marks[0], "tokenizer": marks[1]}
        raise ValueError(message("models.other_tokenizer", **facts))


def _check_base(named, base, adapter):
    """ValueError if the adapter names a base that we know, and it is not the one in the folder ``base``."""
    known = {row.huggingface for row in FAMILIES.values()} | {f"data/{row.tiny}" for row in FAMILIES.values()}
    named, here = public_name(ROOT / (named or "")), public_name(base)
    if named in known and named != here:
        raise ValueError(message("models.other_base", folder=short(adapter), named=named, here=here))


def load_processor(family, settings):
    """The processor alone: tokenizer, chat template and picture sizes. No weights are downloaded for it.

    Raises:
        the same errors as ``load``.
    """
    minicpm.register()
    return _processor_in(checkpoint_folder(family, settings, weights=False), family, settings)


def _processor_in(folder, family, settings):
    from transformers import AutoProcessor

    with _said(folder):
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    limits = pixel_limits(family, settings)
    if limits:
        processor.image_processor.size = {"shortest_edge": limits["min_pixels"], "longest_edge": limits["max_pixels"]}
    return processor


def pixel_limits(family, settings):
    """How small and how large a picture may be for the real model: dict of min_pixels and max_pixels.

    Empty in tiny mode, whose processors know their limits, and for families with a rule of their own.
    ``AutoProcessor.from_pretrained`` of Qwen2-VL takes both by these names.
    """
    row = get_family(family)
    if settings.mode == "tiny" or not row.max_pixels:
        return {}
    return {"min_pixels": row.frames * row.min_pixels, "max_pixels": row.frames * row.max_pixels}


def four_bit_config(language):
    """QLoRA's way to load a model: 4 bits a weight in the language model's layers, all else as it is.

    NF4 with double quantization, Dettmers et al. 2023, arXiv:2305.14314. Sums are still done in bfloat16.

    Raises:
        ImportError: bitsandbytes is not installed.
    """
    import importlib.util

    from transformers import BitsAndBytesConfig

    if importlib.util.find_spec("bitsandbytes") is None:
        raise ImportError(message("models.no_bitsandbytes"))
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype="bfloat16",
        llm_int8_skip_modules=[rf"(?!{language}\.)"],  # all names that do not begin so
    )


def checkpoint_folder(family, settings, weights=True):
    """The complete local folder of a family's checkpoint, downloaded first if the hub is a remote one.

    ``weights=False`` leaves the weights out: for the processor, a few MB do.
    """
    row = get_family(family)
    if settings.mode == "tiny":
        return check_folder(ROOT / "data" / row.tiny, message("checkpoint.git"), weights, row.model_type)
    if settings.hub == "local":
        folder = settings.models_dir / row.folder
        return check_folder(folder, message("checkpoint.download_again"), weights, row.model_type)
    name = row.modelscope if settings.hub == "modelscope" else row.huggingface
    folder = hub.download(settings, name, [*TEXT, "*.safetensors"] if weights else TEXT)
    return check_folder(folder, message("checkpoint.run_again"), weights, row.model_type)
