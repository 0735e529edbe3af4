"""Pascal VOC's annotations, one XML an image."""

from pathlib import Path

from memometer.annotators.label_files.base import FileLabels, LabelRows, files_below
from memometer.data.sources.base import BadRecordError
from memometer.data.sources.voc import voc_labels
from memometer.errors import SourceError

__all__ = ["read_voc"]


def read_voc(path: Path) -> FileLabels:
    """The objects of all XML files below a folder, by the names of the files. What cannot be read is counted.

    Raises:
        SourceError: there are none.
    """
    files, rows = files_below(path, ".xml"), LabelRows()
    if not files:
        raise SourceError(f"{path} holds no .xml; expected Pascal VOC's folder of annotations")
    for file in files:
        try:
            found = voc_labels(file.read_bytes())
        except BadRecordError as error:
            rows.skip(str(error).partition(":")[0])
            continue
        rows.image(file.stem)
        objects = found.objects or ()
        boxes = found.boxes or [None] * len(objects)
        for label, box in zip(objects, boxes, strict=True):
            rows.add(file.stem, label, box=None if box is None else list(box), size=found.size)
    return rows.done()
