"""Tables of labels, CSV or Parquet, Open Images' among them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from memometer.annotators.label_files.base import FileLabels, LabelRows
from memometer.data.sources.base import Fields
from memometer.data.sources.class_names import load_class_names
from memometer.data.sources.columns import find_corners, image_column
from memometer.errors import SourceError

__all__ = ["CLASSES", "read_open_images", "read_table"]

LABELS = ("label", "labelname", "label_name", "class", "class_name", "category", "category_name", "name")
SCORES = ("score", "confidence", "probability")
CLASSES = ("oidv7-class-descriptions-boxable.csv", "class-descriptions-boxable.csv", "class-descriptions.csv")


def read_table(path: Path) -> FileLabels:
    """A row per label: ``record_id`` or a column of images, ``label``, and perhaps ``score`` and a box in px.

    Raises:
        SourceError: it cannot be read, or lacks the columns.
    """
    return _read(path, names={}, shares=False)


def read_open_images(path: Path) -> FileLabels:
    """Open Images' boxes: ``ImageID``, ``LabelName``, ``XMin``… as shares; names from the list of classes beside it.

    Image-level labels of confidence 0, which say that something is absent, are counted and left out.

    Raises:
        SourceError: as `read_table`.
    """
    beside = next((path.parent / name for name in CLASSES if (path.parent / name).is_file()), None)
    return _read(path, names={} if beside is None else dict(load_class_names(beside).names), shares=True)


def _read(path: Path, *, names: dict[str, str], shares: bool) -> FileLabels:
    rows = LabelRows()
    try:
        for batch in _batches(path):
            _take(rows, batch, path, names=names, shares=shares)
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise SourceError(f"{path} cannot be read as a table of labels: {error}") from error
    return rows.done()


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix.lower() == ".parquet":
        yield from pq.ParquetFile(path).iter_batches()
    else:
        tabs = path.suffix.lower() == ".tsv"
        parsing = pa.csv.ParseOptions(delimiter="\t" if tabs else ",")
        with pa.csv.open_csv(path, parse_options=parsing) as head:
            texts = dict.fromkeys(head.schema.names, pa.string())  # an id of digits keeps its zeros
        converting = pa.csv.ConvertOptions(column_types=texts)
        with pa.csv.open_csv(path, parse_options=parsing, convert_options=converting) as reader:
            yield from reader


def _take(rows: LabelRows, batch: pa.RecordBatch, path: Path, *, names: dict[str, str], shares: bool) -> None:
    columns = batch.schema.names
    plain = {name.strip().lower(): name for name in reversed(columns)}
    image = plain.get("record_id") or image_column(columns, Fields())
    label = next((plain[name] for name in LABELS if name in plain), None)
    if image is None or label is None:
        raise SourceError(f"{path} has the columns {', '.join(columns)}; expected record_id or image, and label")
    score = next((plain[name] for name in SCORES if name in plain), None)
    corners = find_corners(columns)
    values = batch.to_pydict()
    for place in range(batch.num_rows):
        owner, name = values[image][place], values[label][place]
        if owner in {None, ""} or name is None or not str(name).strip():
            rows.skip("row without image or label")
            continue
        certainty = None if score is None else _number(values[score][place])
        if shares and corners is None and certainty == 0:
            rows.skip("label that is said to be absent")
            continue
        box, size = None, (1.0, 1.0) if shares else None
        if corners is not None:
            sides = [_number(values[side][place]) for side in corners.sides]
            if all(side is None for side in sides):
                size = None
            elif any(side is None for side in sides):
                rows.skip("impossible box: a side is missing or no number")
                continue
            else:
                x, y, third, fourth = (side for side in sides if side is not None)
                box = [x, y, third - x, fourth - y] if corners.far else [x, y, third, fourth]
                if corners.size and not shares:
                    width, height = (_number(values[each][place]) for each in corners.size)
                    size = (width, height) if width and height else None
        text = str(name).strip()
        rows.add(str(owner), names.get(text, text), box=box, score=certainty, size=size)


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
