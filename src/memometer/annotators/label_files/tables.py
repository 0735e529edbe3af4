"""Tables of labels, CSV or Parquet, Open Images' among them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows
from memometer.data.sources.base import BadRecordError, Fields, Labels, valid_text
from memometer.data.sources.cells import list_in_cell
from memometer.data.sources.class_names import load_class_names
from memometer.data.sources.columns import Corners, find_corners, image_column, size_columns
from memometer.data.sources.delimited import open_lines
from memometer.data.sources.labels import box_from, check_places, label_from, labels_from
from memometer.data.sources.row_labels import box_of_row, size_of_shares
from memometer.errors import InputError, SourceError

__all__ = ["CLASSES", "read_open_images", "read_table"]

LABELS = ("objects", "label", "labelname", "label_name", "class", "class_name", "category", "category_name", "name")
SCORES = ("scores", "score", "confidence", "probability")
BOXES = ("boxes", "bbox", "box")
CLASSES = (
    *("oidv7-class-descriptions-boxable.csv", "class-descriptions-boxable.csv", "oidv7-class-descriptions.csv"),
    *("oidv6-class-descriptions.csv", "class-descriptions.csv"),
)
"""Where names of Open Images' classes are, beside its tables."""

NEAR, FAR = ("x", "y", "width", "height"), ("xmin", "ymin", "xmax", "ymax")
"""What four columns of a box may hold."""


@dataclasses.dataclass(frozen=True)
class _Columns:
    """Of one table: which hold what."""

    image: str
    label: str
    scores: str | None
    boxes: str | None
    corners: Corners | None

    @property
    def read(self) -> list[str]:
        """All of them, each once."""
        corners = () if self.corners is None else (*self.corners.sides, *self.corners.size)
        named = (self.image, self.label, self.scores, self.boxes, *corners)
        return list(dict.fromkeys(name for name in named if name is not None))


def read_table(path: Path, columns: LabelColumns) -> FileLabels:
    """A row per label: ``record_id`` or a column of images, ``label``, and perhaps ``score`` and a box in px or shares.

    Or a row per image, with lists of ``objects``, ``boxes`` and ``scores``, as in ``records.parquet``. Sides that are
    all at most 1 are shares of the image's.

    Args:
        path: CSV, TSV or Parquet.
        columns: those of other names.

    Raises:
        SourceError: it cannot be read, or lacks the columns.
        InputError: what is asked of ``boxes`` is neither a column nor four.
    """
    return _read(path, columns, names={}, shares=False)


def read_open_images(path: Path, _: LabelColumns) -> FileLabels:
    """Open Images' boxes: ``ImageID``, ``LabelName``, ``XMin``… as shares; names from the list of classes beside it.

    Image-level labels of confidence 0, which say that something is absent, are counted and left out.

    Raises:
        SourceError: as `read_table`.
    """
    beside = next((path.parent / name for name in CLASSES if (path.parent / name).is_file()), None)
    names = {} if beside is None else load_class_names(beside).names
    found = _read(path, LabelColumns(), names=names, shares=True)
    nameless = sum(name.startswith("/") for name in found.names)
    if nameless:
        whence = "no list of classes lies beside it" if beside is None else f"{beside.name} does not have them"
        said = f"{nameless:,} classes stay numbers such as {min(found.names)}: {whence}; put {CLASSES[2]} there"
        return dataclasses.replace(found, remarks=(said,))
    return found


def _read(path: Path, columns: LabelColumns, *, names: Mapping[str, str], shares: bool) -> FileLabels:
    rows = LabelRows()
    read = _of_parquet if path.suffix.lower() == ".parquet" else _of_text
    try:
        for values, chosen in read(path, columns, rows):
            _take(rows, values, chosen, names=names, shares=shares)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} cannot be read as a table of labels: {error}") from error
    return rows.done()


def _of_parquet(path: Path, asked: LabelColumns, _: LabelRows) -> Iterator[tuple[dict[str, Any], _Columns]]:
    """The rows, with the columns that were chosen; of images that lie in a column their names alone."""
    table = pq.ParquetFile(path)
    schema = table.schema_arrow
    chosen = _choose(schema.names, asked, path)
    names = [f"{name}.path" if pa.types.is_struct(schema.field(name).type) else name for name in chosen.read]
    for batch in table.iter_batches(columns=names, batch_size=8192):
        for values in batch.to_pylist():
            yield values, chosen


def _of_text(path: Path, asked: LabelColumns, rows: LabelRows) -> Iterator[tuple[dict[str, Any], _Columns]]:
    table, names = open_lines(str(path))
    with table:
        chosen = _choose(names, asked, path)
        for cells, fault, _ in table.rows():
            if fault or len(cells) != len(names):
                rows.skip("malformed row")
            else:
                yield dict(zip(names, cells, strict=True)), chosen


def _choose(names: Sequence[str], asked: LabelColumns, path: Path) -> _Columns:
    plain = {name.strip().lower(): name for name in reversed(names)}
    corners, boxes = _corners(asked.boxes, names), None if "=" in (asked.boxes or "") else asked.boxes
    given = (asked.record_id, asked.image, asked.label, asked.scores, boxes, *(corners.sides if corners else ()))
    for name in given:
        if name is not None and name not in names:
            raise SourceError(f"{path} has no column '{name}'; its columns are {', '.join(names)}")
    image = asked.record_id or asked.image or plain.get("record_id") or image_column(names, Fields())
    label = asked.label or next((plain[name] for name in LABELS if name in plain), None)
    if image is None or label is None:
        raise SourceError(
            f"{path} has the columns {', '.join(names)}; expected record_id or image, and label: name others with "
            "--image-column, --label-column, --scores-column and --boxes-column"
        )
    if boxes is None and corners is None:
        corners = find_corners(names)
        boxes = None if corners else next((plain[name] for name in BOXES if name in plain), None)
    scores = asked.scores or next((plain[name] for name in SCORES if name in plain), None)
    return _Columns(image, label, scores, boxes, corners)


def _corners(asked: str | None, names: Sequence[str]) -> Corners | None:
    """The four columns of ``x=left,y=top,width=w,height=h``; None of one column, or none."""
    if asked is None or "=" not in asked:
        return None
    sides = dict(part.strip().split("=", 1) for part in asked.split(",") if "=" in part)
    for four, far in ((NEAR, False), (FAR, True)):
        if sides.keys() == set(four):
            x, y, third, fourth = (sides[name].strip() for name in four)
            return Corners((x, y, third, fourth), far, size_columns(names, sides.values()))
    raise InputError(
        f"the columns of boxes are '{asked}'; expected one column, or x=NAME,y=NAME,width=NAME,height=NAME, or "
        "xmin=NAME,ymin=NAME,xmax=NAME,ymax=NAME"
    )


def _take(
    rows: LabelRows, values: Mapping[str, Any], columns: _Columns, *, names: Mapping[str, str], shares: bool
) -> None:
    image = values[columns.image]
    if isinstance(image, Mapping):  # Hugging Face's struct<bytes, path>
        image = image.get("path")
    try:
        found = None if image in (None, "") or isinstance(image, bytes) else _labels(values, columns)
        if found is None or found.objects is None:
            rows.skip("row without image or label")
            return
        check_places(found)
        image = valid_text(str(image).strip(), what=columns.image)
    except BadRecordError as error:
        rows.skip(str(error).partition(":")[0])
        return
    rows.image(image)
    nothing = [None] * len(found.objects)
    for label, box, score in zip(found.objects, found.boxes or nothing, found.scores or nothing, strict=True):
        if shares and box is None and score == 0:
            rows.skip("label that is said to be absent")
        elif box is None:
            rows.add(image, names.get(label, label), score=score)
        else:
            size = (1.0, 1.0) if shares else size_of_shares(box) or found.size
            rows.add(image, names.get(label, label), box=box, score=score, size=size)


def _labels(values: Mapping[str, Any], columns: _Columns) -> Labels | None:
    """What a row says; None where it has no label."""
    several = _parsed(values[columns.label], columns.label)
    boxes = None if columns.boxes is None else _parsed(values[columns.boxes], columns.boxes)
    if isinstance(several, list):
        scores = None if columns.scores is None else _parsed(values[columns.scores], columns.scores)
        return labels_from(several, boxes=boxes, scores=scores)
    label = label_from(several, what=columns.label)
    if label is None:
        return None
    score = None if columns.scores is None else _number(values[columns.scores])
    box, size = box_from(boxes), None
    if columns.corners is not None and any(values[name] not in (None, "") for name in columns.corners.sides):
        box, size = box_of_row(values, columns.corners)
        if box is None:
            raise BadRecordError("impossible box: a side is missing or no number")
    return Labels([label], [box], [score], size=size)


def _parsed(value: Any, name: str) -> Any:
    """A cell; of a text that is a list the list, of a blank one nothing."""
    if not isinstance(value, str):
        return value
    found = list_in_cell(value, what=f"column '{name}'")
    return (value if value.strip() else None) if found is None else found


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
