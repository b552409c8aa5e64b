"""Configuration of MiniCPM-o 2.6 and MiniCPM-V 4.5, as published: the language model's keys lie at the top level."""

from transformers import Qwen2Config, Qwen3Config, SiglipVisionConfig, WhisperConfig

from helpers.language import message


def _sub_config(config_class, given):
    """A part of the model as a config object; ``given`` is what the file holds: a dict, nothing, or such an object."""
    return given if isinstance(given, config_class) else config_class(**(given or {}))


def _known_version(config):
    version = config.versions[0] if config.version is None else str(config.version)
    if version not in config.versions:
        known = ", ".join(config.versions)
        raise ValueError(message("minicpm.version", model=config.model_type, version=version, known=known))
    return version


class MiniCPMVConfig(Qwen3Config):
    """MiniCPM-V 4.5 (Qwen3) and 2.6 (Qwen2): pictures and text.

    Beside the keys of ``Qwen3Config``:
        vision_config           SigLIP's sizes
        query_num               embeddings one picture (or tile, or group of frames) becomes
        drop_vision_last_layer  the vision encoder's last layer is left out
        vision_batch_size       pictures that go through the vision encoder at once
        version                 "4.5" or "2.6"; others are other models and are refused

    Raises:
        ValueError: a version this implementation does not know.
    """

    model_type = "minicpmv"
    sub_configs = {"vision_config": SiglipVisionConfig}
    versions = ("4.5", "2.6")

    vision_config: dict | SiglipVisionConfig | None = None
    query_num: int = 64
    drop_vision_last_layer: bool = False
    vision_batch_size: int = 16
    version: str | float | None = None

    def __post_init__(self, **kwargs):
        self.vision_config = _sub_config(SiglipVisionConfig, self.vision_config)
        self.version = _known_version(self)
        super().__post_init__(**kwargs)


class MiniCPMOConfig(Qwen2Config):
    """MiniCPM-o 2.6: pictures, sound and text (Qwen2); no speech output.

    Beside the keys of ``Qwen2Config`` and those of ``MiniCPMVConfig``:
        audio_config        the sizes of Whisper's encoder
        init_audio          whether the model has its audio part; without it a saved model has lost it
        audio_pool_step     frames of 20 ms averaged into one embedding
        audio_chunk_length  seconds: a frame of sound sees its own chunk and all earlier ones, not later ones

    Raises:
        ValueError: a version this implementation does not know.
    """

    model_type = "minicpmo"
    sub_configs = {"vision_config": SiglipVisionConfig, "audio_config": WhisperConfig}
    versions = ("2.6",)

    vision_config: dict | SiglipVisionConfig | None = None
    audio_config: dict | WhisperConfig | None = None
    query_num: int = 64
    drop_vision_last_layer: bool = False
    vision_batch_size: int = 16
    version: str | float | None = None
    init_audio: bool = True
    audio_pool_step: int = 2
    audio_chunk_length: float | int = 1.0

    def __post_init__(self, **kwargs):
        self.vision_config = _sub_config(SiglipVisionConfig, self.vision_config)
        self.audio_config = _sub_config(WhisperConfig, self.audio_config)
        self.version = _known_version(self)
        super().__post_init__(**kwargs)
