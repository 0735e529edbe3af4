"""What an audit was made of: hashes of weights and data."""

import hashlib
from typing import Any

from memometer.data.records import Records

__all__ = ["describe_model", "describe_records"]


def describe_model(encoder: object, spec: str) -> dict[str, Any]:
    """A model's name, identity, weights and preprocessing, with what had to be guessed about it."""
    return {
        "spec": spec,
        "identity": getattr(encoder, "identity", ""),
        "weights_hash": getattr(encoder, "weights_hash", None),
        "preprocess": getattr(encoder, "preprocess_config", None),
        "warnings": list(getattr(encoder, "warnings", ())),
    }


def describe_records(records: Records, role: str | None) -> dict[str, Any]:
    """Where records came from, how many, and a hash of their ids, captions, objects and images."""
    digest = hashlib.blake2b(digest_size=16)
    columns = ["record_id", "image_hash", "image_path", "image_offset", "image_row", "captions", "objects", "scores"]
    for batch in records.table.select(columns).combine_chunks().to_batches(max_chunksize=65_536):
        digest.update(repr(batch.to_pydict()).encode())
    return {"path": str(records.folder), "role": role, "n": len(records), "hash": digest.hexdigest()}
