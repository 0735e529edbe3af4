"""What an audit was made of: hashes of weights and data."""

from collections.abc import Iterable
from typing import Any

from memometer.data.bundles import near_distance
from memometer.data.records import Records, hash_records
from memometer.data.summary import boxes_of_import
from memometer.embeddings import StoredVectors
from memometer.encoders import has_tower
from memometer.files import hash_json
from memometer.software import describe_software, timestamp

__all__ = ["describe_model", "describe_records", "made_of", "reads_images"]

IMAGE = ("image_hash", "image_path", "image_offset", "image_row")


def made_of(content: dict[str, Any], *, started: str, key: str) -> dict[str, Any]:
    """A manifest: what a run was made of, with which software, when, and the key of it all."""
    return {**describe_software(), "started": started, "finished": timestamp(), **content, "key": key}


def describe_model(encoder: object, spec: str) -> dict[str, Any]:
    """A model's name, identity, weights and preprocessing, with what had to be guessed about it."""
    renamed, code = getattr(encoder, "renamed", None), getattr(encoder, "code", None)
    return {
        "spec": spec,
        "identity": getattr(encoder, "identity", ""),
        "weights_hash": getattr(encoder, "weights_hash", None),
        "preprocess": getattr(encoder, "preprocess_config", None),
        "features": getattr(encoder, "features", None),
        "prompt": getattr(encoder, "prompt", None),
        "dropped": list(getattr(encoder, "dropped", ())),
        "warnings": list(getattr(encoder, "warnings", ())),
        **({"renamed": dict(renamed)} if renamed else {}),
        **({"code": code} if code else {}),
    }


def reads_images(models: Iterable[object]) -> bool:
    """Whether one of the models looks at images; vectors that exist already, and towers of texts, do not."""
    return any(has_tower(model, "image") and not isinstance(model, StoredVectors) for model in models)


def describe_records(
    records: Records, role: str | None, *, images: bool = True, with_boxes: bool = False
) -> dict[str, Any]:
    """Where records came from, how many, a hash of their ids, captions, objects and images, and what decides groups.

    Args:
        records: all of one role.
        role: its name.
        images: whether the images are read, and so are known to be those of the hash; others are left out of it.
        with_boxes: for measures that use labels and boxes: the hash is of these as well, and what the import did to
            boxes is said where it did anything.
    """
    columns = ["record_id", *(IMAGE if images else ()), "captions", "objects", "scores"]
    columns += ["label", "boxes"] if with_boxes else []
    described = {"path": str(records.folder), "role": role, "n": len(records), "hash": hash_records(records, columns)}
    grouping = ["group", "image_hash", "image_phash"]
    described["groups"] = hash_json([hash_records(records, grouping), near_distance(records.folder)])
    treated = boxes_of_import(records.folder) if with_boxes else {}
    described |= {} if images else {"images": "read by no model"}
    return described | ({"boxes": treated} if treated else {})
