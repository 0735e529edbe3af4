"""The models that can be trained: presets, open_clip's own, or a model config in JSON."""

import dataclasses
from pathlib import Path
from typing import Any

from open_clip.transform import PreprocessCfg

from memometer.encoders.architectures import Architecture, architecture_from_file, architecture_named
from memometer.encoders.preprocessing import as_json
from memometer.errors import ModelError, shown

__all__ = ["find_architecture", "preprocess_config"]

PRESETS = Path(__file__).parent / "presets"


def find_architecture(model: str) -> Architecture:
    """The architecture named by ``model``: a preset (``tiny``, ``small``), one of open_clip's names, or a JSON file.

    Raises:
        ModelError: there is none of this name, or it is not trained with CLIP's loss.
    """
    path = Path(model)
    presets = sorted(preset.stem for preset in PRESETS.glob("*.json"))
    if model in presets:
        architecture = architecture_from_file(PRESETS / f"{model}.json")
    elif path.suffix == ".json":
        architecture = architecture_from_file(path)
    else:
        try:
            architecture = architecture_named(model)
        except ModelError as error:
            raise ModelError(
                f"there is no model {shown(model)} to train: it is no preset ({', '.join(presets)}), no JSON file, "
                f"and {error}"
            ) from error
    if "multimodal_cfg" in architecture.config:
        raise ModelError(f"'{architecture.name}' is a CoCa model, which has a loss of its own; choose a CLIP model")
    return architecture


def preprocess_config(image_size: int | tuple[int, int]) -> dict[str, Any]:
    """open_clip's ``preprocess_cfg`` of a model trained here: a bicubic filter, and OpenAI's channel statistics."""
    return as_json(dataclasses.asdict(PreprocessCfg(size=image_size)))
