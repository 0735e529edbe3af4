"""What the values of an open_clip config are, checked before any of them is used."""

import json
from collections.abc import Mapping
from typing import Any

from open_clip import CLIPTextCfg, CLIPVisionCfg
from open_clip.coca_model import MultimodalCfg
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from memometer.encoders.untrusted import PLAIN_NAME
from memometer.errors import ModelError
from memometer.validation import problems

__all__ = ["check_model_config"]

MAX_TOKENS = 2**17
"""Of one text; the longest that is known is 2**13."""


class _ModelConfig(BaseModel):
    """The parts of a config and their types; what stands besides, open_clip refuses itself."""

    model_config = ConfigDict(extra="allow", strict=True)

    embed_dim: PositiveInt
    vision_cfg: CLIPVisionCfg
    text_cfg: CLIPTextCfg
    multimodal_cfg: MultimodalCfg | None = None
    quick_gelu: bool = False
    custom_text: bool = False
    init_logit_scale: float = 0.0
    init_logit_bias: float | None = None
    nonscalar_logit_scale: bool = False


def check_model_config(config: Mapping[str, Any], *, name: str) -> None:
    """Passes where an open_clip config has values of the right types, and names architectures alone.

    Raises:
        ModelError: a value is of another type, or names a timm model by a folder or a repository.
    """
    try:
        # As JSON, strictly: a list may stand for a tuple, a text never for a number.
        checked = _ModelConfig.model_validate_json(json.dumps(_stated(config), allow_nan=False), strict=True)
    except (ValidationError, RecursionError, ValueError) as error:
        raise ModelError(f"{name} is no open_clip model config: {_problems(error)}") from None
    timm_name = checked.vision_cfg.timm_model_name
    if timm_name and not PLAIN_NAME.fullmatch(timm_name):
        raise ModelError(
            f"{name} names the image tower {timm_name!r}; expected one of timm's own models, by its plain name"
        )
    if not 1 <= checked.text_cfg.context_length <= MAX_TOKENS:
        raise ModelError(
            f"{name} has context_length = {checked.text_cfg.context_length:,}; expected 1 to {MAX_TOKENS:,}"
        )


def _stated(value: object) -> object:
    """Without what is null, which stands for a default."""
    if isinstance(value, Mapping):
        return {key: _stated(inner) for key, inner in value.items() if inner is not None}
    return value


def _problems(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return problems(error, of=_ModelConfig)
    return "it is nested too deeply" if isinstance(error, RecursionError) else "a number in it is not finite"
