"""Folders of models of another family than the one that was named: what they are, and how they are named."""

from pathlib import Path

from memometer.errors import ModelError
from memometer.files import read_json

__all__ = ["explain_transformers"]


def explain_transformers(folder: Path) -> None:
    """Passes where a folder is no model of transformers.

    Raises:
        ModelError: it is one.
    """
    try:
        config = read_json(folder / "config.json")
    except (OSError, ValueError):
        return
    kind = config.get("model_type") if isinstance(config, dict) else None
    if not isinstance(kind, str):
        return
    raise ModelError(f"{folder} holds a model of transformers ('{kind}'), not one of open_clip; name it hf:{folder}")
