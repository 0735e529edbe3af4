"""Folders of models that memometer does not load yet: named for what they are, with what to do."""

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
    raise ModelError(
        f"{folder} holds a model of transformers ('{kind}'), which memometer does not load yet; convert it to "
        "open_clip's layout, or embed the records with transformers and give the vectors, embeddings:DIR"
    )
