"""Labels of images that a file names → labels of records."""

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.annotators.boxes import CLIPPED, OUTSIDE, clip_boxes
from memometer.annotators.label_files.base import FileLabels
from memometer.annotators.label_files.matching import match_images
from memometer.annotators.labelling import Labels
from memometer.data.images import UnreadableImageError, open_image
from memometer.data.placing import SAME_ASPECT, SCALED, TURNED, orientation_of, turned_back
from memometer.data.records import Records

__all__ = ["UNSIZED", "Joined", "joined"]

CHUNK = 65_536

UNSIZED = "left out: a share of an image whose size the records do not have"

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Joined:
    """Labels by record.

    Attributes:
        labels: in the order of the records.
        boxes: those that are not as the file gave them, by what was done to them.
        n_unknown_images: images of the file that are no record's.
        n_unclear_images: of them, those whose names fit several records, or a record that others fit as well.
        n_unknown_labels: their labels.
        n_unnamed: records that the file does not name.
    """

    labels: list[Labels]
    boxes: dict[str, int]
    n_unknown_images: int
    n_unclear_images: int
    n_unknown_labels: int
    n_unnamed: int


def joined(found: FileLabels, records: Records) -> Joined:
    """The labels of records, by descending score; see `match_images`."""
    of_image, n_unclear = match_images(found.images, records)
    counts = np.array([len(rows) for rows in of_image], np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    matched = np.array([row for rows in of_image for row in rows], np.int64)
    repeats = counts[found.owner]
    places = np.repeat(np.arange(len(found.owner)), repeats)
    nth = np.arange(len(places)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    rows = matched[starts[found.owner[places]] + nth]
    boxes, kept, treated = _placed(found, rows, places, records)
    rows, places, boxes = rows[kept], places[kept], boxes[kept]
    order = np.lexsort((places, np.nan_to_num(-found.scores[places], nan=0.0), rows))
    rows, places, boxes = rows[order], places[order], boxes[order]
    labels = pa.DictionaryArray.from_arrays(pa.array(found.labels[places]), pa.array(found.names, pa.string()))
    return Joined(
        list(_chunks(rows, labels, found.scores[places], boxes.astype(np.float32), n=len(records))),
        dict(+treated),
        int((counts == 0).sum()),
        n_unclear,
        int((repeats == 0).sum()),
        len(records) - len(np.unique(matched)),
    )


def _placed(
    found: FileLabels, rows: npt.NDArray[np.int64], places: npt.NDArray[np.int64], records: Records
) -> tuple[Floats, npt.NDArray[np.bool_], Counter[str]]:
    """(p, 4) boxes in px of the stored images; whether each label stays; what was done to boxes."""
    stored = np.stack([_px(records, "width"), _px(records, "height")], 1)
    boxes, sizes, sides = found.boxes[places], found.sizes[places], stored[rows]
    whole = np.isnan(boxes).all(1)
    shares, drawn = (sizes == 1).all(1), (sizes > 1).all(1)
    turned = ~whole & drawn & _exchanged(sizes, sides)
    orientations = _orientations(records, np.unique(rows[turned]))
    turned &= np.isin(rows, list(orientations))
    shown = np.where(turned[:, None], sides[:, ::-1], sides)
    # Where records hold no size, px of the file are those of the stored image.
    scale = np.where((shares | drawn)[:, None], shown / sizes, 1.0)
    scale = np.where(np.isnan(scale) & ~shares[:, None], 1.0, scale)
    boxes = boxes * np.tile(scale, 2)
    for place in np.flatnonzero(turned):
        width, height = sides[place].astype(int).tolist()
        boxes[place] = turned_back(boxes[place].tolist(), width, height, orientations[rows[place]])
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    unsized = ~whole & shares & np.isnan(sides).any(1)
    boxes, inside, clipped = clip_boxes(corners, np.where(np.isnan(sides), np.inf, sides), tolerance=1e-3)
    kept = whole | inside
    scaled = kept & ~whole & ~turned & drawn & (np.abs(scale - 1) > 1e-9).any(1)
    treated = {TURNED: turned, SCALED: scaled, CLIPPED: clipped, OUTSIDE: ~kept & ~unsized, UNSIZED: unsized}
    return boxes, kept, Counter({what: int(chosen.sum()) for what, chosen in treated.items()})


def _exchanged(drawn: Floats, stored: Floats) -> npt.NDArray[np.bool_]:
    """Whether boxes were drawn on images whose width and height are those of the stored ones exchanged."""
    drawn_aspect, aspect = (np.log(sides[:, 0]) - np.log(sides[:, 1]) for sides in (drawn, stored))
    alike = np.abs(drawn_aspect - aspect) <= SAME_ASPECT
    return np.asarray(~alike & (np.abs(drawn_aspect + aspect) <= SAME_ASPECT), np.bool_)


def _orientations(records: Records, rows: npt.NDArray[np.int64]) -> dict[int, int]:
    """EXIF's orientation of the photographs that it turns on their sides, by row."""
    found = {}
    for row, ref in zip(rows.tolist(), records.take(rows.tolist()).image_refs(), strict=True):
        try:
            orientation = 1 if ref is None else orientation_of(open_image(ref))
        except UnreadableImageError:
            continue
        if orientation >= 5:
            found[row] = orientation
    return found


def _px(records: Records, name: str) -> Floats:
    return np.asarray(records.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _chunks(
    rows: npt.NDArray[np.int64],
    labels: pa.DictionaryArray,
    scores: npt.NDArray[np.float32],
    boxes: npt.NDArray[np.float32],
    *,
    n: int,
) -> Iterator[Labels]:
    for start in range(0, n, CHUNK):
        stop = min(start + CHUNK, n)
        first, last = np.searchsorted(rows, [start, stop])
        counts = np.bincount(rows[first:last] - start, minlength=stop - start)
        part = slice(first, last)
        terms = labels.slice(first, last - first).dictionary_decode()
        yield Labels(np.arange(start, stop), counts.astype(np.int64), terms, scores[part], boxes[part])
