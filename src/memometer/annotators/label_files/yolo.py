"""YOLO's label texts, with their ``data.yaml``."""

from pathlib import Path

from memometer.annotators.label_files.base import FileLabels, LabelRows, files_below
from memometer.data.sources.class_names import YOLO_FILES, find_class_names
from memometer.data.sources.yolo import UNNAMED, is_yolo, yolo_labels
from memometer.errors import SourceError

__all__ = ["read_yolo"]


def read_yolo(path: Path) -> FileLabels:
    """The objects of all label texts below a folder, by the names of the files.

    Raises:
        SourceError: there are none, or nothing names the classes.
    """
    names = find_class_names([path, path.parent], YOLO_FILES)
    if names is None:
        raise SourceError(f"{path} holds {UNNAMED.replace(', or --class-names FILE', '')}".replace("holds", "has"))
    rows = LabelRows()
    files = [file for file in files_below(path, ".txt") if file.name not in YOLO_FILES]
    if not files:
        raise SourceError(f"{path} holds no .txt; expected YOLO's folder of labels")
    for file in files:
        text = file.read_text("utf-8", "replace")
        if text.strip() and not is_yolo(text):
            rows.skip("text that is no YOLO label")
            continue
        rows.image(file.stem)
        found, aside = yolo_labels(text, names)
        for each in aside:
            rows.skip(each.kind)
        objects = found.objects or ()
        scores = found.scores or [None] * len(objects)
        for label, box, score in zip(objects, found.boxes or (), scores, strict=True):
            rows.add(file.stem, label, box=None if box is None else list(box), score=score, size=(1.0, 1.0))
    return rows.done()
