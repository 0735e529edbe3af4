"""What every audit does with its input: opens it and names it."""

from typing import cast

from memometer.data.records import Records, load_records
from memometer.embeddings import AnyEncoder, StoredVectors, load_encoder
from memometer.encoders import Encoder, Tower, has_tower
from memometer.errors import InputError
from memometer.runs.options import spec_of
from memometer.storage.paths import AnyPath

__all__ = [
    "Model",
    "TwoTowers",
    "open_model",
    "open_records",
    "open_two_towers",
]

Model = AnyEncoder
"""What an audit takes as a model; each says what towers it needs."""

TwoTowers = Encoder | StoredVectors
"""A model of images and texts."""


def open_records(source: str | AnyPath | Records) -> Records:
    """The records in a folder, or those given."""
    return source if isinstance(source, Records) else load_records(source)


def open_model(model: str | Model, *, device: str) -> Model:
    """The model that a specification names, or the one given."""
    return load_encoder(model, device=device) if isinstance(model, str) else model


def open_two_towers(model: str | Model, *, device: str) -> TwoTowers:
    """`open_model` for measures that need images and texts in one space.

    Raises:
        InputError: the model lacks a tower.
    """
    opened = open_model(model, device=device)
    towers: tuple[Tower, ...] = ("image", "text")
    for tower in towers:
        if not has_tower(opened, tower):
            raise InputError(
                f"'{spec_of(model)}' has no {tower} tower, but this measure compares images with their captions; give "
                "a CLIP-like model, or vectors of both"
            )
    return cast("TwoTowers", opened)
