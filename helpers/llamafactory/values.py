"""Which values the keys of a LLaMA-Factory configuration may have, and which they have where nothing is said."""

from pathlib import Path

from helpers.language import message

DEFAULTS = {  # of LLaMA-Factory 0.9.5, where the configuration says nothing
    "cutoff_len": 2048, "image_max_pixels": 768 * 768, "image_min_pixels": 32 * 32, "max_samples": None,
    "val_size": 0.0, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "num_train_epochs": 3.0,
    "max_steps": -1, "logging_steps": 500, "save_steps": 500, "dataset_dir": "data",
    "video_fps": 2.0, "video_maxlen": 128, "video_max_pixels": 256 * 256, "video_min_pixels": 16 * 16,
    "audio_sampling_rate": 16000,
}  # fmt: skip
NUMBERS = {  # keys that must be numbers: above 0, or above what is said here
    name: {"val_size": -0.001, "max_steps": -1.001}.get(name, 0)
    for name in (*DEFAULTS, "learning_rate", "lora_rank", "lora_alpha")
    if name not in ("dataset_dir", "max_samples")
}
SWITCHES = (
    *("bf16", "fp16", "use_cpu", "do_train", "freeze_vision_tower", "freeze_multi_modal_projector"),
    *("disable_gradient_checkpointing", "overwrite_cache", "overwrite_output_dir"),
)
TEXTS = (
    "model_name_or_path",
    "dataset_dir",
    "output_dir",
    "template",
    "deepspeed",
    "adapter_name_or_path",
    "export_dir",
)


def value_faults(config):
    """Numbers that are texts (YAML reads 1e-4 as one) or too small, and switches that are no booleans."""
    faults = []
    for key in NUMBERS.keys() & config.keys():
        value, least = config[key], NUMBERS[key]
        if value is not None and (type(value) not in (int, float) or not value > least):
            faults.append(message("config.no_number", key=key, value=value, least=round(least)))
    for key in SWITCHES:
        if config.get(key) is not None and type(config[key]) is not bool:
            faults.append(message("config.no_switch", key=key, value=config[key]))
    return sorted(faults)


def text_faults(config):
    """Names and paths that are no texts; data sets may be a list of them."""
    wrong = [(key, config[key]) for key in TEXTS if not isinstance(config.get(key, ""), str | Path | None)]
    for key in ("dataset", "eval_dataset"):
        value = config.get(key) or []
        names = value if isinstance(value, list) else [value]
        wrong += [(key, value)] if not all(isinstance(name, str) for name in names) else []
    return [message("config.no_text", key=key, value=value) for key, value in wrong]
