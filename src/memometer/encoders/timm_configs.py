"""The config of a timm folder, checked before timm reads it."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from memometer.encoders.bounded import first_line
from memometer.encoders.untrusted import PLAIN_NAME, check_additions, read_config
from memometer.errors import ModelError
from memometer.validation import problems

__all__ = ["check_timm_config"]

Plain = str | int | float | bool | None
"""A value that no library imports or opens: what stands for a layer is looked up by its plain name."""


class _TimmConfig(BaseModel):
    """The parts that decide what is built; what stands besides is not read."""

    model_config = ConfigDict(extra="allow", strict=True)

    architecture: str
    model_args: dict[str, Plain | list[Plain | list[Plain]] | dict[str, Plain]] = {}
    pretrained_cfg: dict[str, object] = {}


def check_timm_config(folder: Path) -> None:
    """Passes where a folder's ``config.json`` names one of timm's models, by its plain name, with options for it.

    Raises:
        ModelError: it is no such config.
    """
    path = folder / "config.json"
    try:
        read = read_config(path)
        content = json.dumps(read, allow_nan=False)
        config = _TimmConfig.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise ModelError(f"{path} is no config of timm's: {problems(error, of=_TimmConfig)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no config of timm's: {first_line(error)}") from None
    check_additions(path, read)
    if not PLAIN_NAME.fullmatch(config.architecture):
        raise ModelError(
            f"{path} names the architecture {config.architecture[:60]!r}; expected one of timm's models, by its plain "
            "name"
        )
