"""Labels of images that a file names → labels of records."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.annotators.label_files.base import FileLabels
from memometer.annotators.labelling import Labels
from memometer.annotators.store import CLIPPED, OUTSIDE
from memometer.data.records import Records

__all__ = ["Joined", "joined"]

CHUNK = 65_536


@dataclasses.dataclass(frozen=True)
class Joined:
    """Labels by record.

    Attributes:
        labels: in the order of the records.
        boxes: those that are not as the file gave them, by what was done to them.
        n_unknown_images: images of the file that are no record's.
        n_unknown_labels: their labels.
        n_unnamed: records that the file does not name.
    """

    labels: list[Labels]
    boxes: dict[str, int]
    n_unknown_images: int
    n_unknown_labels: int
    n_unnamed: int


def joined(found: FileLabels, records: Records) -> Joined:
    """Joins by record id, else by file name with or without suffix, else, of several, by the end of the path."""
    of_image = _rows_of(found.images, records)
    known = {row for rows in of_image for row in rows}
    counts = np.array([len(rows) for rows in of_image], np.int64)
    unknown = (counts[found.owner] == 0) if len(found.owner) else np.zeros(0, bool)
    pairs = [(row, place) for place, owner in enumerate(found.owner.tolist()) for row in of_image[owner]]
    rows, places = np.array(pairs, np.int64).reshape(-1, 2).T
    boxes, kept, clipped = _placed(found, rows, places, records)
    rows, places, boxes = rows[kept], places[kept], boxes[kept]
    scores = found.scores[places]
    terms = np.array(found.labels, object)[places]
    order = np.lexsort((places, np.nan_to_num(-scores, nan=0.0), rows))
    rows, terms, scores, boxes = rows[order], terms[order], scores[order], boxes[order]
    treated = Counter({CLIPPED: int(clipped.sum()), OUTSIDE: int((~kept).sum())})
    return Joined(
        list(_chunks(rows, terms, scores, boxes.astype(np.float32), n=len(records))),
        dict(+treated),
        int((counts == 0).sum()),
        int(unknown.sum()),
        len(records) - len(known),
    )


def _rows_of(images: list[str], records: Records) -> list[list[int]]:
    ids = {record_id: row for row, record_id in enumerate(records.record_ids.to_pylist())}
    paths = records.column("image_path").to_pylist()
    by_name, by_stem = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    offsets = records.column("image_offset").to_pylist()
    image_rows = records.column("image_row").to_pylist()
    for row, path in enumerate(paths):
        if path is not None and offsets[row] is None and image_rows[row] is None:
            name = PurePosixPath(path).name
            by_name[name].append(row)
            by_stem[PurePosixPath(name).stem].append(row)
    result = []
    for image in images:
        path = PurePosixPath(image.replace("\\", "/"))
        if image in ids or str(path.with_suffix("") if path.name else path) in ids:
            result.append([ids[image] if image in ids else ids[str(path.with_suffix(""))]])
            continue
        rows = by_name.get(path.name) or by_stem.get(path.name) or by_stem.get(path.stem) or []
        if len({paths[row] for row in rows}) > 1:
            ends = str(path).lstrip("/")
            rows = [row for row in rows if f"/{paths[row]}".endswith(f"/{ends}")]
            if len({paths[row] for row in rows}) > 1:
                rows = []
        result.append(rows)
    return result


def _placed(
    found: FileLabels, rows: npt.NDArray[np.int64], places: npt.NDArray[np.int64], records: Records
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(p, 4) boxes in px of the stored images; whether each is kept; whether it was clipped."""
    stored = np.stack([_px(records, "width"), _px(records, "height")], 1)[rows]
    boxes, sizes = found.boxes[places], found.sizes[places]
    whole = np.isnan(boxes).all(1)
    scale = np.where(np.isnan(sizes), 1.0, stored / sizes)
    # Where records hold no size, px of the file are those of the stored image.
    scale = np.where(np.isnan(scale) & (sizes > 1), 1.0, scale)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1) * np.tile(scale, 2)
    limits = np.tile(np.where(np.isnan(stored), np.inf, stored), 2)
    inside = np.clip(corners, 0, limits)
    sides = inside[:, 2:] - inside[:, :2]
    kept = whole | (np.isfinite(corners).all(1) & (sides > 0).all(1))
    clipped = kept & ~whole & (np.abs(inside - corners) > 1e-3).any(1)
    return np.concatenate([inside[:, :2], sides], 1), kept, clipped


def _px(records: Records, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(records.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _chunks(
    rows: npt.NDArray[np.int64],
    terms: npt.NDArray[np.object_],
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
        labels = pa.array(terms[part].tolist(), pa.string())
        yield Labels(np.arange(start, stop), counts.astype(np.int64), labels, scores[part], boxes[part])
