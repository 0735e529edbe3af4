"""The one table that every file of labels becomes."""

import dataclasses
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["FileLabels", "LabelColumns", "LabelRows", "files_below", "named_beside"]


@dataclasses.dataclass(frozen=True)
class LabelColumns:
    """Which columns of a table hold what, or which field of a file, where the user says so; None for the usual ones.

    Attributes:
        record_id: of record ids.
        image: of file names.
        label: of labels; of samples, the field that holds them.
        scores: of scores.
        boxes: one that holds x, y, width and height; or what is in four of them, ``x=left,y=top,width=w,height=h`` or
            ``xmin=…,ymin=…,xmax=…,ymax=…``.
    """

    record_id: str | None = None
    image: str | None = None
    label: str | None = None
    scores: str | None = None
    boxes: str | None = None


@dataclasses.dataclass(frozen=True)
class FileLabels:
    """What a file says of images, a row per label.

    Attributes:
        images: (k,) record ids or file names, with or without folders, each once.
        owner: (t,) int64 places among ``images``.
        names: (v,) distinct labels.
        labels: (t,) int64 places among ``names``.
        scores: (t,) float32; NaN where there is none.
        boxes: (t, 4) float64, left, top, width and height on an image of the file's size; NaN for the whole image.
        sizes: (t, 2) float64, width and height of that image; 1 by 1 where boxes are shares, NaN where boxes are
            px of the stored image.
        skipped: entries of the file that are no label, by why.
        remarks: what else should be known of the file, in sentences.
    """

    images: list[str]
    owner: npt.NDArray[np.int64]
    names: list[str]
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    skipped: dict[str, int]
    remarks: tuple[str, ...] = ()

    def above(self, threshold: float) -> "FileLabels":
        """The labels without a score, or with one above ``threshold``; the others are counted."""
        kept = ~(self.scores <= threshold)
        low = len(kept) - int(kept.sum())
        return dataclasses.replace(
            self,
            owner=self.owner[kept],
            labels=self.labels[kept],
            scores=self.scores[kept],
            boxes=self.boxes[kept],
            sizes=self.sizes[kept],
            skipped=self.skipped | ({"score not above the threshold": low} if low else {}),
        )


class LabelRows:
    """Gathers labels one by one, in columns of numbers: 72 bytes a label."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._owner = array("q")
        self._labels = array("q")
        self._scores = array("d")
        self._boxes = array("d")
        self._sizes = array("d")
        self._skipped: dict[str, int] = {}
        self._remarks: list[str] = []

    def image(self, name: str) -> int:
        """The place of an image, which may have no label."""
        return self._places.setdefault(name, len(self._places))

    def add(
        self,
        image: str,
        label: str,
        *,
        box: Sequence[float] | None = None,
        score: float | None = None,
        size: tuple[float, float] | None = None,
    ) -> None:
        """Takes one label."""
        self._owner.append(self.image(image))
        self._labels.append(self._names.setdefault(label, len(self._names)))
        self._scores.append(np.nan if score is None else score)
        self._boxes.extend(_NOWHERE if box is None else box)
        self._sizes.extend(_UNKNOWN if size is None else size)

    def skip(self, reason: str, count: int = 1) -> None:
        """Counts entries that are no label."""
        self._skipped[reason] = self._skipped.get(reason, 0) + count

    def remark(self, text: str) -> None:
        """Notes what else should be known of the file."""
        self._remarks.append(text)

    def done(self) -> FileLabels:
        """All of them."""
        return FileLabels(
            list(self._places),
            np.array(self._owner, np.int64),
            list(self._names),
            np.array(self._labels, np.int64),
            np.array(self._scores, np.float32),
            np.array(self._boxes, np.float64).reshape(-1, 4),
            np.array(self._sizes, np.float64).reshape(-1, 2),
            self._skipped,
            tuple(self._remarks),
        )


_NOWHERE = (np.nan,) * 4
_UNKNOWN = (np.nan, np.nan)


def files_below(path: Path, suffix: str) -> list[Path]:
    """The files of a suffix at ``path`` or below it, in the order of their names."""
    return [path] if path.is_file() else sorted(path.rglob(f"*{suffix}"))


def named_beside(file: Path, root: Path, beside: Mapping[str, str]) -> str:
    """The image that a file of labels is about: its own path from above ``root``, without suffix.

    Args:
        file: at ``root`` or below it.
        root: what was searched.
        beside: folder of labels → the folder of images that mirrors it.

    >>> named_beside(Path("a/labels/train/1.txt"), Path("a/labels"), {"labels": "images"})
    'images/train/1'
    """
    parts = list(file.relative_to(root.parent).with_suffix("").parts)
    for place in reversed(range(len(parts) - 1)):
        if parts[place] in beside:
            parts[place] = beside[parts[place]]
            break
    return "/".join(parts)
