"""Label Studio's exported tasks and FiftyOne's exported samples: JSON in which each image holds its labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows
from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.labels import size_from
from memometer.errors import SourceError

__all__ = ["read_fiftyone", "read_label_studio"]

SHAPES = ("rectanglelabels", "polygonlabels")
"""Label Studio's regions that have a box: a polygon's bounds are its."""

FIELDS = {"Detections": "detections", "Classifications": "classifications", "Classification": None, "Detection": None}
"""FiftyOne's classes of labels → where their lists are."""


def read_label_studio(path: Path, columns: LabelColumns) -> FileLabels:
    """The rectangles, polygons and choices that people drew: of each task the ground truth, else its first annotation.

    Predictions, cancelled annotations, those of further people, and regions of other kinds are left out.

    Args:
        path: of the export as JSON.
        columns: ``label`` is the ``name`` of the control whose results are taken, in the labelling interface.

    Raises:
        SourceError: it is cut short, or no list of tasks.
    """
    tasks, rows = _decoded(path), LabelRows()
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise SourceError(f"{path} is no export of Label Studio: expected a list of tasks")
    if any("annotation_id" in task and "data" not in task for task in tasks):
        raise SourceError(f"{path} is Label Studio's JSON-MIN, which does not say what its values are; export as JSON")
    for task in tasks:
        name = _image_of(_object(task.get("data")))
        if name is None:
            rows.skip("task without an image")
            continue
        rows.image(name)
        made = [_object(each) for each in _list(task.get("annotations", task.get("completions")))]
        given = [each for each in made if not each.get("was_cancelled")]
        chosen = [each for each in given if each.get("ground_truth")][:1] or given[:1]
        for reason, count in (
            ("cancelled annotation", len(made) - len(given)),
            ("annotation by a further person", len(given) - len(chosen)),
        ):
            if count:
                rows.skip(reason, count)
        for result in (_object(result) for each in chosen for result in _list(each.get("result"))):
            if columns.label in {None, result.get("from_name")}:
                _take_result(rows, name, result)
    return rows.done()


def _image_of(data: dict[str, Any]) -> str | None:
    """What a task calls its image: a path, an address, or a file of a storage that Label Studio serves."""
    texts = {key: value for key, value in data.items() if isinstance(value, str) and not value.startswith("data:")}
    names = {key: unquote(text.partition("?d=")[2] or text.partition("?")[0]) for key, text in texts.items()}
    usual = (names[key] for key in ("image", "img", "url") if names.get(key))
    others = (name for name in names.values() if Path(name).suffix.lower() in IMAGE_SUFFIXES)
    return next(usual, None) or next(others, None)


def _take_result(rows: LabelRows, image: str, result: dict[str, Any]) -> None:
    value = _object(result.get("value"))
    kind = next((kind for kind in (*SHAPES, "choices") if kind in value), None)
    if kind is None or (kind == "choices" and "x" in value):  # what is chosen of a region
        rows.skip("result of another type")
    elif value.get("rotation") or result.get("image_rotation"):
        rows.skip("rotated region")
    else:
        size = size_from(result.get("original_width"), result.get("original_height"))
        box: list[Any] | None = None
        if kind == "rectanglelabels":
            box = [value.get(side) for side in ("x", "y", "width", "height")]
        elif kind == "polygonlabels":
            box = _bounds(value.get("points"))
        _add(rows, image, _list(value.get(kind)), box, whole=100, size=size, score=result.get("score"))


def _bounds(points: Any) -> list[float] | None:
    pairs = [point for point in _list(points) if isinstance(point, list) and len(point) == 2 and _are_numbers(point)]
    if len(pairs) < 3:
        return []
    across, down = zip(*pairs, strict=True)
    return [min(across), min(down), max(across) - min(across), max(down) - min(down)]


def read_fiftyone(path: Path, columns: LabelColumns) -> FileLabels:
    """The detections or classifications of ``samples.json`` or ``labels.json`` in a folder, or of the file itself.

    Args:
        path: a ``FiftyOneDataset``, or an image detection or classification dataset of FiftyOne's.
        columns: ``label`` is the field that holds the labels.

    Raises:
        SourceError: it is cut short, holds no list of samples, or labels in several fields of which none was named.
    """
    there = (
        [path / name for name in ("samples.json", "labels.json") if (path / name).is_file()]
        if path.is_dir()
        else [path]
    )
    if not there:
        raise SourceError(f"{path} holds neither samples.json nor labels.json; expected an export of FiftyOne")
    content = _decoded(there[0])
    if isinstance(content, dict) and isinstance(content.get("labels"), dict):
        return _simple_labels(content)
    samples, rows = content.get("samples") if isinstance(content, dict) else content, LabelRows()
    if not isinstance(samples, list):
        raise SourceError(f"{there[0]} is no export of FiftyOne: expected a list 'samples', or an object 'labels'")
    samples = [_object(sample) for sample in samples]
    field = _field(samples, columns.label, there[0])
    for sample in samples:
        name = sample.get("filepath")
        if not isinstance(name, str):
            rows.skip("sample without filepath")
            continue
        rows.image(name)
        for found in _labels_in(sample.get(field)):
            box = found.get("bounding_box")
            _add(rows, name, [found.get("label")], box, whole=1, score=found.get("confidence"))
    return rows.done()


def _field(samples: list[dict[str, Any]], asked: str | None, path: Path) -> str:
    fields = dict.fromkeys(name for sample in samples for name, value in sample.items() if _is_field(value))
    if asked in fields or (asked is None and len(fields) == 1):
        return asked or next(iter(fields))
    have = (
        f"its fields of detections and classifications are {', '.join(fields)}"
        if fields
        else ("no field of its samples holds detections or classifications")
    )
    wanted = f"{path} has no field '{asked}'" if asked else f"{path} does not say which labels are meant"
    raise SourceError(f"{wanted}: {have}" + ("; pass --label-column NAME" if fields else ""))


def _is_field(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") in FIELDS


def _labels_in(value: Any) -> Iterator[dict[str, Any]]:
    if _is_field(value):
        place = FIELDS[value["_cls"]]
        yield from [value] if place is None else map(_object, _list(value.get(place)))


def _simple_labels(content: dict[str, Any]) -> FileLabels:
    """Of ``{"classes": [...], "labels": {"name": [{"label": 0, "bounding_box": [...]}]}}``, or of a label a name."""
    classes, rows = _list(content.get("classes")), LabelRows()

    def named(label: Any) -> Any:
        return classes[label] if type(label) is int and 0 <= label < len(classes) else label

    for image, value in content["labels"].items():
        rows.image(image)
        for each in value if isinstance(value, list) else [value]:
            found = each if isinstance(each, dict) else {"label": each}
            if each is None:
                continue
            box, score = found.get("bounding_box"), found.get("confidence")
            _add(rows, image, [named(found.get("label"))], box, whole=1, score=score)
    return rows.done()


def _add(
    rows: LabelRows,
    image: str,
    labels: list[Any],
    box: Any,
    *,
    whole: float,
    score: Any,
    size: tuple[float, float] | None = None,
) -> None:
    """Takes the labels of a region whose box is in parts of ``whole``; ``size`` is that of its image, where known."""
    sides, drawn = None, (1.0, 1.0) if size is None else size
    if box is not None:
        if not isinstance(box, list) or len(box) != 4 or not _are_numbers(box):
            rows.skip("impossible box")
            return
        sides = [side / whole * length for side, length in zip(box, drawn * 2, strict=True)]
    for label in labels:
        if isinstance(label, str) and label.strip():
            certainty = float(score) if isinstance(score, int | float) else None
            rows.add(image, label.strip(), box=sides, score=certainty, size=None if sides is None else drawn)
        else:
            rows.skip("label that is no text")


def _are_numbers(values: list[Any]) -> bool:
    return all(type(value) in (int, float) for value in values)


def _decoded(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{path} cannot be read: {error}; mend it, or export it again if it was cut") from error


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
