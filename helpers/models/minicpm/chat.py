"""Ask MiniCPM a question as one would a person: ``model.chat(msgs=[{"role": "user", "content": [picture, "…?"]}])``."""

from functools import lru_cache
from pathlib import Path

from helpers.models.generate import GREEDY, decode, generate


def processor_beside(folder):
    """The processor that lies beside a model's weights; kept until one of its files changes."""
    files = sorted(path for path in Path(folder).glob("*") if path.suffix in (".json", ".txt", ".jinja", ".model"))
    facts = [path.stat() for path in files]
    state = tuple((path.name, fact.st_mtime_ns, fact.st_size) for path, fact in zip(files, facts, strict=True))
    return _processor(folder, state)


@lru_cache(maxsize=2)
def _processor(folder, state):
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(folder)


def chat(
    model,
    msgs,
    processor=None,
    tokenizer=None,
    image=None,
    max_new_tokens=512,
    sampling=False,
    max_slice_nums=None,
    **kwargs,
):
    """Answer a conversation, or a batch of them.

    Args:
        model: a ``MiniCPMV`` or ``MiniCPMO``, also one inside a peft model.
        msgs: list of {"role", "content"}; content as in ``MiniCPMVProcessor.apply_chat_template``, so a picture is a
            ``PIL.Image``, a sound an array of floats at 16 kHz. A list of such lists is a batch.
        processor: made from the folder the model came from if not given. tokenizer: taken for the published
            signature's sake; the processor has its own.
        image: a picture to put before the first message's text.
        max_new_tokens: longest answer in tokens.
        sampling: draw tokens at random instead of taking the likeliest.
        kwargs: for ``generate``, e.g. ``num_beams``.

    Returns:
        the answer, or a list of answers for a batch.

    Raises:
        ValueError: see ``MiniCPMVProcessor.__call__``.
    """
    processor = processor or processor_beside(model.config._name_or_path)
    several = not isinstance(msgs[0], dict)
    conversations = [list(messages) for messages in (msgs if several else [msgs])]
    if image is not None:
        first = conversations[0][0]
        content = first["content"] if isinstance(first["content"], list) else [first["content"]]
        conversations[0][0] = {**first, "content": [image, *content]}
    text = processor.tokenizer
    inputs = processor.apply_chat_template(
        conversations,
        tokenize=True,
        add_generation_prompt=True,
        max_slice_nums=max_slice_nums,
        max_length=min(text.model_max_length, model.config.max_position_embeddings - max_new_tokens),
    )
    ends = [token for token in text.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"]) if token is not None]
    options = {"eos_token_id": ends, "pad_token_id": text.pad_token_id}
    if sampling:
        options |= {name: getattr(model.generation_config, name) for name in GREEDY} | {"do_sample": True}
    answers = decode(processor, generate(model, inputs, max_new_tokens, **(options | kwargs)))
    return answers if several else answers[0]
