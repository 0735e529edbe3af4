"""What the audits of single towers share."""

from collections.abc import Mapping, Sequence
from typing import Any

from memometer.choices import Tower, TowerChoice

__all__ = ["chosen_towers", "unread_notes"]


def chosen_towers(tower: TowerChoice) -> tuple[Tower, ...]:
    """The towers that a choice names."""
    return ("image", "text") if tower == "both" else (tower,)


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


COLUMNS: dict[Tower, tuple[str, ...]] = {
    "image": ("record_id", "image_hash", "image_path", "image_offset", "image_row"),
    "text": ("record_id", "captions"),
}
"""What the views of a tower depend on."""
