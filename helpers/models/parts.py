"""Where a model's parts are, whatever its family calls them."""


def parts_of(model):
    """The parts of a model of ``FAMILIES`` that a step calls one by one, under whatever wrappers.

    Returns:
        dict: whole, the model without wrappers; language, its layers with embeddings before and a norm behind them;
        head, the last linear layer; eyes, the modules that make tokens of pictures; blocks, the vision tower's layers.
    """
    whole = next(part for part in model.modules() if {"lm_head", "llm"} & dict(part.named_children()).keys())
    if hasattr(whole, "llm"):  # MiniCPM
        text, language, eyes, blocks = (
            whole.llm,
            whole.llm.model,
            (whole.vpm, whole.resampler),
            whole.vpm.encoder.layers,
        )
    else:
        visual = whole.model.visual
        text, language, eyes, blocks = whole, whole.model.language_model, (visual,), visual.blocks
    return {"whole": whole, "language": language, "head": text.lm_head, "eyes": eyes, "blocks": blocks}
