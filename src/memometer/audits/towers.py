"""What the audits of single towers share: which towers and layers a user asks for, and which views."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from memometer.data.augmentation import AUGMENTATIONS
from memometer.encoders import Tower
from memometer.errors import InputError

__all__ = ["TowerChoice", "check_views", "chosen_towers", "unread_notes"]

TowerChoice = Literal["image", "text", "both"]


def chosen_towers(tower: str, layers: Sequence[str] | None) -> tuple[Tower, ...]:
    """The towers that a choice names.

    Raises:
        InputError: another word; or layers are named for both towers at once.
    """
    known: dict[str, tuple[Tower, ...]] = {"image": ("image",), "text": ("text",), "both": ("image", "text")}
    if tower not in known:
        raise InputError(f"tower = '{tower}'; expected image, text or both")
    if layers is not None and not layers:
        raise InputError("layers names no layer; leave it out to read the layers that are recognised")
    if layers is not None and tower == "both":
        raise InputError("layers are those of one tower; pass --tower image or --tower text with them")
    return known[tower]


def check_views(*, draws: int, augment: str, batch_size: int, least: int) -> None:
    """Passes where views can be drawn as asked.

    Args:
        draws: views of each record.
        augment: how they are drawn.
        batch_size: views per forward pass.
        least: the fewest draws that the measure is defined for.

    Raises:
        InputError: they cannot.
    """
    if draws < least:
        raise InputError(f"draws = {draws}; expected {least} or more")
    if batch_size < 1:
        raise InputError(f"batch_size = {batch_size}; expected 1 or more")
    if augment not in AUGMENTATIONS:
        raise InputError(f"augment = '{augment}'; expected one of {', '.join(AUGMENTATIONS)}")


def unread_notes(scores: Mapping[Tower, Sequence[Any]]) -> list[str]:
    """Sentences on records that a tower could not read.

    Args:
        scores: tower → its parts, each with ``rejects``.
    """
    counts = {tower: sum(len(part.rejects) for part in parts) for tower, parts in scores.items()}
    return [
        f"{n:,} records have nothing that the {tower} tower could read; see rejects.parquet"
        for tower, n in counts.items()
        if n
    ]
