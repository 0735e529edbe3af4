"""Label Studio's exported tasks and FiftyOne's exported samples: JSON in which each image holds its labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from memometer.annotators.label_files.base import FileLabels, LabelRows
from memometer.errors import SourceError

__all__ = ["read_fiftyone", "read_label_studio"]


def read_label_studio(path: Path) -> FileLabels:
    """The rectangles and choices of people's annotations; predictions and cancelled annotations are left out.

    Raises:
        SourceError: it is cut short, or no list of tasks.
    """
    tasks, rows = _decoded(path), LabelRows()
    if not isinstance(tasks, list):
        raise SourceError(f"{path} is no export of Label Studio: expected a list of tasks")
    for task in tasks:
        data = _object(_object(task).get("data"))
        image = next((data[name] for name in ("image", "img", "url") if isinstance(data.get(name), str)), None)
        if image is None:
            rows.skip("task without an image")
            continue
        name = image.partition("?d=")[2] or image.partition("?")[0]
        rows.image(name)
        for annotation in map(_object, _list(_object(task).get("annotations"))):
            if annotation.get("was_cancelled"):
                rows.skip("cancelled annotation")
                continue
            for result in map(_object, _list(annotation.get("result"))):
                value = _object(result.get("value"))
                labels = [*_list(value.get("rectanglelabels")), *_list(value.get("choices"))]
                box = [value.get(side) for side in ("x", "y", "width", "height")]
                turned = value.get("rotation") or 0
                if not labels or turned:
                    rows.skip("rotated rectangle" if turned else "result of another type")
                    continue
                _add(rows, name, labels, None if "choices" in value else box, scale=100, score=result.get("score"))
    return rows.done()


def read_fiftyone(path: Path) -> FileLabels:
    """The detections and classifications of ``samples.json`` in a folder, or of the file itself.

    Raises:
        SourceError: it is cut short, or no list of samples.
    """
    content = _decoded(path / "samples.json" if path.is_dir() else path)
    samples, rows = content.get("samples") if isinstance(content, dict) else content, LabelRows()
    if not isinstance(samples, list):
        raise SourceError(f"{path} is no export of FiftyOne: expected a list 'samples'")
    for sample in map(_object, samples):
        name = sample.get("filepath")
        if not isinstance(name, str):
            rows.skip("sample without filepath")
            continue
        rows.image(name)
        for found in _fields(sample):
            _add(rows, name, [found.get("label")], found.get("bounding_box"), scale=1, score=found.get("confidence"))
    return rows.done()


def _fields(sample: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for field in map(_object, sample.values()):
        if field.get("_cls") == "Classification":
            yield field
        for name in ("detections", "classifications"):
            yield from map(_object, _list(field.get(name)))


def _add(rows: LabelRows, image: str, labels: list[Any], box: Any, *, scale: float, score: Any) -> None:
    sides = None
    if box is not None:
        if not isinstance(box, list) or len(box) != 4 or not all(type(side) in (int, float) for side in box):
            rows.skip("impossible box")
            return
        sides = [side / scale for side in box]
    for label in labels:
        if isinstance(label, str) and label.strip():
            certainty = float(score) if isinstance(score, int | float) else None
            size = None if sides is None else (1.0, 1.0)
            rows.add(image, label.strip(), box=sides, score=certainty, size=size)
        else:
            rows.skip("label that is no text")


def _decoded(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{path} cannot be read: {error}; mend it, or export it again if it was cut") from error


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
