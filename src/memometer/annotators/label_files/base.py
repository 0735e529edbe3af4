"""The one table that every file of labels becomes."""

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["FileLabels", "LabelRows", "files_below"]


@dataclasses.dataclass(frozen=True)
class FileLabels:
    """What a file says of images, a row per label.

    Attributes:
        images: (k,) record ids or file names, with or without folders, each once.
        owner: (t,) int64 places among ``images``.
        labels: (t,) strings.
        scores: (t,) float32; NaN where there is none.
        boxes: (t, 4) float64, left, top, width and height on an image of the file's size; NaN for the whole image.
        sizes: (t, 2) float64, width and height of that image; 1 by 1 where boxes are shares, NaN where boxes are
            px of the stored image.
        skipped: entries of the file that are no label, by why.
    """

    images: list[str]
    owner: npt.NDArray[np.int64]
    labels: list[str]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    skipped: dict[str, int]

    def above(self, threshold: float) -> "FileLabels":
        """The labels without a score, or with one above ``threshold``; the others are counted."""
        kept = ~(self.scores <= threshold)
        low = len(kept) - int(kept.sum())
        return FileLabels(
            self.images,
            self.owner[kept],
            [label for label, stays in zip(self.labels, kept, strict=True) if stays],
            self.scores[kept],
            self.boxes[kept],
            self.sizes[kept],
            self.skipped | ({"score not above the threshold": low} if low else {}),
        )


class LabelRows:
    """Gathers labels one by one."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._owner: list[int] = []
        self._labels: list[str] = []
        self._scores: list[float] = []
        self._boxes: list[tuple[float, ...]] = []
        self._sizes: list[tuple[float, float]] = []
        self._skipped: dict[str, int] = {}

    def image(self, name: str) -> int:
        """The place of an image, which may have no label."""
        return self._places.setdefault(name, len(self._places))

    def add(
        self,
        image: str,
        label: str,
        *,
        box: list[float] | None = None,
        score: float | None = None,
        size: tuple[float, float] | None = None,
    ) -> None:
        """Takes one label."""
        self._owner.append(self.image(image))
        self._labels.append(label)
        self._scores.append(np.nan if score is None else score)
        self._boxes.append(_NOWHERE if box is None else tuple(box))
        self._sizes.append(_UNKNOWN if size is None else size)

    def skip(self, reason: str) -> None:
        """Counts an entry that is no label."""
        self._skipped[reason] = self._skipped.get(reason, 0) + 1

    def done(self) -> FileLabels:
        """All of them."""
        return FileLabels(
            list(self._places),
            np.array(self._owner, np.int64),
            self._labels,
            np.array(self._scores, np.float32),
            np.array(self._boxes, np.float64).reshape(-1, 4),
            np.array(self._sizes, np.float64).reshape(-1, 2),
            self._skipped,
        )


_NOWHERE = (np.nan,) * 4
_UNKNOWN = (np.nan, np.nan)


def files_below(path: Path, suffix: str) -> list[Path]:
    """The files of a suffix at ``path`` or below it, in the order of their names."""
    return [path] if path.is_file() else sorted(path.rglob(f"*{suffix}"))
