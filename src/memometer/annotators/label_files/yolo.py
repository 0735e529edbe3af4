"""YOLO's label texts, with their ``data.yaml``."""

from pathlib import Path
from typing import Any

import yaml

from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows, files_below, named_beside
from memometer.data.sources.class_names import YOLO_FILES, ClassNames, find_class_names, load_class_names
from memometer.data.sources.yolo import UNNAMED, is_yolo, yolo_labels
from memometer.errors import SourceError

__all__ = ["ABOVE", "YAML", "read_yolo"]

ABOVE = 3
"""Folders above the labels in which names are looked for: those of ``labels/train`` lie two above."""

YAML = {".yaml", ".yml"}
"""Suffixes of a data set's description."""


def read_yolo(path: Path, _: LabelColumns) -> FileLabels:
    """The objects of all label texts below a folder, by the names of the files.

    ``path`` is the folder, or the YAML of a data set, whose labels are looked for beside it: a file does not say where
    to read. Of a data set of poses (``kpt_shape``) the boxes are taken, and not the keypoints.

    Raises:
        SourceError: there are none, or nothing names the classes.
    """
    names = _names(path)
    folder = path.parent if path.suffix in YAML else path
    posed = Path(names.path).suffix in YAML and "kpt_shape" in _content(Path(names.path))
    rows = LabelRows()
    files = [file for file in files_below(folder, ".txt") if file.name not in YOLO_FILES]
    if not files:
        raise SourceError(f"{folder} holds no .txt; expected YOLO's folder of labels, with its YAML in it or above it")
    for file in files:
        text = file.read_text("utf-8", "replace")
        if text.strip() and not is_yolo(text):
            rows.skip("text that is no YOLO label")
            continue
        if posed:
            text = "\n".join(" ".join(line.split()[:5]) for line in text.splitlines())
        image = named_beside(file, folder, {"labels": "images"})
        rows.image(image)
        found, aside = yolo_labels(text, names)
        for each in aside:
            rows.skip(each.kind)
        objects = found.objects or ()
        scores = found.scores or [None] * len(objects)
        for label, box, score in zip(objects, found.boxes or (), scores, strict=True):
            rows.add(image, label, box=box, score=score, size=(1.0, 1.0))
    return rows.done()


def _names(path: Path) -> ClassNames:
    if path.suffix in YAML:
        return load_class_names(path)
    whole = path.absolute()
    found = find_class_names([whole, *whole.parents[:ABOVE]], YOLO_FILES)
    if found is None:
        advice = "name the YAML of the data set in place of the folder, yolo:FILE.yaml"
        raise SourceError(f"{path} has {UNNAMED.partition(' (')[0]}; expected data.yaml or classes.txt, or {advice}")
    return found


def _content(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text("utf-8-sig"))  # its names were read
    return content if isinstance(content, dict) else {}
