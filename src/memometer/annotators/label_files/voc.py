"""Pascal VOC's annotations, one XML an image."""

from pathlib import Path

from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows, files_below, named_beside
from memometer.data.sources.base import BadRecordError
from memometer.data.sources.voc import OtherXmlError, voc_labels
from memometer.errors import SourceError

__all__ = ["read_voc"]


def read_voc(path: Path, _: LabelColumns) -> FileLabels:
    """The objects of all XML files below a folder, by the names of the files. What cannot be read is counted.

    Raises:
        SourceError: there are none, or none is Pascal VOC's.
    """
    files, rows, others = files_below(path, ".xml"), LabelRows(), 0
    if not files:
        raise SourceError(f"{path} holds no .xml; expected Pascal VOC's folder of annotations")
    for file in files:
        try:
            found = voc_labels(file.read_bytes())
        except BadRecordError as error:
            others += isinstance(error, OtherXmlError)
            rows.skip(f"whole file: {str(error).partition(':')[0]}")
            continue
        image = named_beside(file, path, {"Annotations": "JPEGImages"})
        rows.image(image)
        objects = found.objects or ()
        boxes = found.boxes or [None] * len(objects)
        for label, box in zip(objects, boxes, strict=True):
            rows.add(image, label, box=None if box is None else list(box), size=found.size)
    if others == len(files):
        raise SourceError(
            f"{files[0]} is no annotation of Pascal VOC: its root is not 'annotation'; "
            "CVAT's own XML is not read, export the task as Pascal VOC or as COCO"
        )
    return rows.done()
