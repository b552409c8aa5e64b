"""MiniCPM-o 2.6 and MiniCPM-V 4.5 on transformers 5: pictures and sound in, text out.

``import helpers`` is enough for ``AutoModelForImageTextToText.from_pretrained`` and the other Auto classes to know both
families, without ``trust_remote_code``. It costs no import of transformers: that library finds its own models in tables
of names and imports a class when it is asked for, and these two families are put into the same tables.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys

CLASSES = {
    "MiniCPMVConfig": "configuration",
    "MiniCPMOConfig": "configuration",
    "MiniCPMV": "modeling",
    "MiniCPMO": "modeling",
    "MiniCPMVProcessor": "processing",
    "MiniCPMOProcessor": "processing",
    "MiniCPMVImageProcessor": "image_processing",
}

IMAGES = {"pil": "MiniCPMVImageProcessor", "torchvision": "MiniCPMVImageProcessor"}

# module of transformers.models.auto -> (its table, what stands in it for the two families)
TABLES = {
    "configuration_auto": ("CONFIG_MAPPING_NAMES", {"minicpmv": "MiniCPMVConfig", "minicpmo": "MiniCPMOConfig"}),
    "modeling_auto": ("MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES", {"minicpmv": "MiniCPMV", "minicpmo": "MiniCPMO"}),
    "processing_auto": ("PROCESSOR_MAPPING_NAMES", {"minicpmv": "MiniCPMVProcessor", "minicpmo": "MiniCPMOProcessor"}),
    "image_processing_auto": ("IMAGE_PROCESSOR_MAPPING_NAMES", {"minicpmv": IMAGES, "minicpmo": IMAGES}),
    "feature_extraction_auto": ("FEATURE_EXTRACTOR_MAPPING_NAMES", {"minicpmo": "WhisperFeatureExtractor"}),
    "tokenization_auto": ("TOKENIZER_MAPPING_NAMES", {"minicpmv": "Qwen2Tokenizer", "minicpmo": "Qwen2Tokenizer"}),
}
PACKAGE = "transformers.models.auto."


def __getattr__(name):
    """The classes of ``CLASSES``, imported when they are asked for."""
    if name not in CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{CLASSES[name]}"), name)


def _enter(module):
    """Put both families into the table of an Auto module, which may have been in use before."""
    name, rows = TABLES[module.__name__.removeprefix(PACKAGE)]
    table = getattr(module, name)
    table.update(rows)
    if hasattr(table, "_model_mapping"):  # the mapping made from the table keeps its own index of config classes
        table._model_mapping._reverse_config_mapping.update({f: t for t, f in TABLES["configuration_auto"][1].items()})


class _AutoTables(importlib.abc.MetaPathFinder):
    """Lets the Auto modules load as ever and fills their tables right behind; all other modules are left alone."""

    def find_spec(self, name, path=None, target=None):
        """The module's own spec, its loading followed by ``_enter``; ``None`` for other modules."""
        if name.removeprefix(PACKAGE) not in TABLES or not name.startswith(PACKAGE):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec:
            load = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (load(module), _enter(module))
        return spec


def register():
    """Make the Auto classes of transformers know both families, whether they have been imported or not."""
    for model_type in TABLES["configuration_auto"][1]:
        sys.modules.setdefault(f"transformers.models.{model_type}", sys.modules[__name__])
    if not any(isinstance(finder, _AutoTables) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoTables())
    for name in TABLES:
        if PACKAGE + name in sys.modules:
            _enter(sys.modules[PACKAGE + name])
