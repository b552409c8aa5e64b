"""MiniCPM-o 2.6 and MiniCPM-V 4.5 on transformers 5: pictures and sound in, text out.

After one call of ``register()`` the Auto classes of transformers know both families, without ``trust_remote_code``.
"""


def register():
    """Make AutoConfig, AutoModelForImageTextToText, AutoProcessor and the like know both families; again does nothing.

    It imports torch and transformers. ``models.load`` and LLaMA-Factory's child process call it.
    """
    import transformers as hf

    from helpers.models.minicpm.configuration import MiniCPMOConfig, MiniCPMVConfig
    from helpers.models.minicpm.image_processing import MiniCPMVImageProcessor
    from helpers.models.minicpm.modeling import MiniCPMO, MiniCPMV
    from helpers.models.minicpm.processing import MiniCPMOProcessor, MiniCPMVProcessor

    pictures = {"pil": MiniCPMVImageProcessor, "torchvision": MiniCPMVImageProcessor}
    families = ((MiniCPMVConfig, MiniCPMV, MiniCPMVProcessor), (MiniCPMOConfig, MiniCPMO, MiniCPMOProcessor))
    for config, model, processor in families:
        hf.AutoConfig.register(config.model_type, config, exist_ok=True)
        hf.AutoModelForImageTextToText.register(config, model, exist_ok=True)
        hf.AutoProcessor.register(config, processor, exist_ok=True)
        hf.AutoImageProcessor.register(config, image_processor_classes=pictures, exist_ok=True)
        hf.AutoTokenizer.register(config, tokenizer_class=hf.Qwen2Tokenizer, exist_ok=True)
    hf.AutoFeatureExtractor.register(MiniCPMOConfig, hf.WhisperFeatureExtractor, exist_ok=True)
