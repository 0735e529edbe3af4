"""Names of classes in the metadata that Hugging Face's datasets keep in a table's schema."""

import json
from collections.abc import Mapping

import pyarrow as pa

__all__ = ["class_names_of"]


def class_names_of(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """By column, the names of its ``ClassLabel``, wherever in the column it stands."""
    metadata = (schema.metadata or {}).get(b"huggingface")
    try:
        content = json.loads(metadata) if metadata else {}
        features = content["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(features, Mapping):
        return {}
    found = {column: _names(feature, depth=8) for column, feature in features.items()}
    return {column: names for column, names in found.items() if names}


def _names(feature: object, *, depth: int) -> tuple[str, ...] | None:
    """The names of the first class label within a feature."""
    if depth == 0:
        return None
    if isinstance(feature, Mapping):
        names = feature.get("names")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            return tuple(names)
        return next((found for inner in feature.values() if (found := _names(inner, depth=depth - 1))), None)
    if isinstance(feature, list):
        return next((found for inner in feature if (found := _names(inner, depth=depth - 1))), None)
    return None
