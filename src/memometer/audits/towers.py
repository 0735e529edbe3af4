"""What the audits of single towers share."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from memometer.activations import ViewPlan
from memometer.audits.measure import Measure, Opened, Scored
from memometer.audits.options import TowerOptions
from memometer.choices import Tower, TowerChoice
from memometer.data.augmentation import AUGMENTATIONS
from memometer.data.records import IMAGE_COLUMNS

__all__ = ["COLUMNS", "NEEDED", "TowerMeasure", "unread_notes"]


Asked = TypeVar("Asked", bound=TowerOptions)


class TowerMeasure(Measure[Asked, Opened, Scored]):
    """Its options have a tower, and how the views of a record are drawn."""

    @property
    def towers(self) -> tuple[Tower, ...]:
        """The towers that are asked for."""
        choice: TowerChoice = self.options.tower
        return ("image", "text") if choice == "both" else (choice,)

    @property
    def plan(self) -> ViewPlan:
        """How views are drawn and read."""
        options = self.options
        return ViewPlan(
            AUGMENTATIONS[options.augment],
            draws=options.draws,
            seed=options.seed,
            batch_size=options.batch_size,
            workers=options.workers,
        )

    def needs_images(self) -> bool:
        """Whether one of the towers sees images."""
        return "image" in self.towers


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

NEEDED: dict[Tower, tuple[str, ...]] = {"image": IMAGE_COLUMNS, "text": COLUMNS["text"]}
"""What reading those views takes."""
