"""The records of an image-only audit: their classes, their crops, and why some of them have none."""

import dataclasses
from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.data.records import Records
from memometer.measures.image_dejavu.crops import REASONS, Crops, background_crops, corner_crops
from memometer.measures.image_dejavu.options import CropKind, LabelKind
from memometer.objects.boxes import Boxes, boxes_of
from memometer.objects.classes import image_classes, largest_box_classes

__all__ = ["Cropped", "crop_records", "labels_of", "with_label"]


@dataclasses.dataclass(frozen=True)
class Cropped:
    """The records of one role that have a class and a crop.

    Attributes:
        records: m of the n records of the role, in their order.
        rows: (m,) their rows among the n.
        n_all: n.
        classes: (m,) strings.
        crops: (m, 4) px, x, y, width, height.
        boxes: the boxes of the objects of their class, which the crop keeps out.
        skipped: why the others have no crop, with counts.
        found: crops and reasons of all n records.
        clipped_ids: of the records whose boxes leave the image.
    """

    records: Records
    rows: npt.NDArray[np.int64]
    n_all: int
    classes: pa.Array
    crops: npt.NDArray[np.int64]
    boxes: Boxes
    skipped: dict[str, int]
    found: Crops
    clipped_ids: pa.Array

    def where(self, chosen: npt.NDArray[np.bool_], *, reason: str = "") -> "Cropped":
        """Those that are ``chosen`` (m,); the others count under ``reason``."""
        places = np.flatnonzero(chosen)
        left = int(len(chosen) - len(places))
        skipped = Counter(self.skipped) + Counter({reason: left} if left else {})
        return dataclasses.replace(
            self,
            records=self.records.take(places),
            rows=self.rows[places],
            classes=self.classes.take(pa.array(places)),
            crops=self.crops[places],
            boxes=self.boxes.take(places),
            skipped=dict(skipped),
        )

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """(m, 2) widths and heights of the images in px."""
        return _sizes(self.records)


def labels_of(records: Records) -> pa.Array:
    """(n,) the class of each record: its label, else its only distinct object; null for none."""
    return image_classes(records.column("label"), records.column("objects"))


def with_label(records: Records, kind: LabelKind) -> Records:
    """The records with the label that ``kind`` asks for: their own, or that of their largest box."""
    if kind == "given":
        return records
    return records.with_column("label", largest_box_classes(records.column("objects"), records.column("boxes")))


def crop_records(records: Records, *, kind: CropKind, min_side: float, fraction: float) -> Cropped:
    """Finds the crop of every record; nothing is read but the table.

    Args:
        records: n records, with boxes of their class where the crop is to keep out of them.
        kind: ``background``, which needs such a box, or ``corner``, which needs none: without one, the upper left.
        min_side: of a background crop, see `memometer.measures.image_dejavu.crops.background_crops`.
        fraction: of a corner crop.
    """
    classes = labels_of(records)
    everything = boxes_of(records.column("objects"), records.column("boxes"), records.column("scores"))
    foreground = everything.where(everything.of_class(classes))
    found = (
        background_crops(
            sizes=_sizes(records), indptr=foreground.indptr, xywh=foreground.xywh, min_side=min_side, needs_box=True
        )
        if kind == "background"
        else corner_crops(sizes=_sizes(records), indptr=foreground.indptr, xywh=foreground.xywh, fraction=fraction)
    )
    known = np.asarray(classes.is_valid().to_numpy(zero_copy_only=False))
    kept = np.flatnonzero(known & found.kept)
    counts = np.bincount(found.reason[known], minlength=len(REASONS))
    skipped = {"no label": int((~known).sum()), **dict(zip(REASONS[1:], counts[1:].tolist(), strict=True))}
    return Cropped(
        records=records.take(kept),
        rows=kept,
        n_all=len(records),
        classes=classes.take(pa.array(kept)),
        crops=found.rectangles[kept],
        boxes=foreground.take(kept),
        skipped={reason: count for reason, count in skipped.items() if count},
        found=found,
        clipped_ids=records.record_ids.filter(pa.array(found.n_clipped > 0)),
    )


def _sizes(records: Records) -> npt.NDArray[np.int64]:
    columns = [records.column(name).fill_null(0).to_numpy(zero_copy_only=False) for name in ("width", "height")]
    return np.stack(columns, axis=1).astype(np.int64)
