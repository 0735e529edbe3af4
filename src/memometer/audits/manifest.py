"""What an audit was made of: hashes of weights and data."""

from typing import Any

from memometer.data.records import Records, hash_records
from memometer.data.summary import boxes_of_import

__all__ = ["describe_model", "describe_records"]


def describe_model(encoder: object, spec: str) -> dict[str, Any]:
    """A model's name, identity, weights and preprocessing, with what had to be guessed about it."""
    return {
        "spec": spec,
        "identity": getattr(encoder, "identity", ""),
        "weights_hash": getattr(encoder, "weights_hash", None),
        "preprocess": getattr(encoder, "preprocess_config", None),
        "features": getattr(encoder, "features", None),
        "prompt": getattr(encoder, "prompt", None),
        "dropped": list(getattr(encoder, "dropped", ())),
        "warnings": list(getattr(encoder, "warnings", ())),
    }


def describe_records(records: Records, role: str | None, *, with_boxes: bool = False) -> dict[str, Any]:
    """Where records came from, how many, and a hash of their ids, captions, objects and images.

    Args:
        records: all of one role.
        role: its name.
        with_boxes: for measures that use labels and boxes: the hash is of these as well, and what the import did to
            boxes is said where it did anything.
    """
    columns = ["record_id", "image_hash", "image_path", "image_offset", "image_row", "captions", "objects", "scores"]
    columns += ["label", "boxes"] if with_boxes else []
    described = {"path": str(records.folder), "role": role, "n": len(records), "hash": hash_records(records, columns)}
    treated = boxes_of_import(records.folder) if with_boxes else {}
    return described | ({"boxes": treated} if treated else {})
