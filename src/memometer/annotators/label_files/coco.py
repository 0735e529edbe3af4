"""COCO's and LVIS's annotations of instances."""

from pathlib import Path

from memometer.annotators.label_files.base import FileLabels, LabelRows
from memometer.data.sources.base import BadRecordError
from memometer.data.sources.coco_json import CocoAnnotation, CocoCategory, CocoImage, read_coco
from memometer.data.sources.labels import box_from, check_places, labels_from, size_from

__all__ = ["read_instances"]


def read_instances(path: Path) -> FileLabels:
    """The objects of a file; images without objects count as looked at.

    Raises:
        SourceError: it is cut short, or no such file.
    """
    content, rows = read_coco(path), LabelRows()
    names = {each.id: each.name for each in content.categories if isinstance(each, CocoCategory) and _key(each.id)}
    images = {}
    for image in content.images:
        name = None if not isinstance(image, CocoImage) else image.file_name or image.coco_url
        if isinstance(image, CocoImage) and isinstance(name, str) and _key(image.id):
            images[image.id] = (name.rpartition("//")[2], size_from(image.width, image.height))
            rows.image(images[image.id][0])
        else:
            rows.skip("image without id or file name")
    for each in content.annotations:
        if not isinstance(each, CocoAnnotation):
            rows.skip("malformed annotation")
        elif not _key(each.image_id) or each.image_id not in images:
            rows.skip("annotation of an image that the file lacks")
        elif not _key(each.category_id) or not isinstance(names.get(each.category_id), str):
            rows.skip("annotation of a category that the file lacks")
        else:
            owner, size = images[each.image_id]
            try:
                box = box_from(each.bbox)
                found = check_places(labels_from([names[each.category_id]], boxes=[box]))
            except BadRecordError as error:
                rows.skip(str(error).partition(":")[0])
                continue
            for label in found.objects or ():
                rows.add(owner, label, box=box, size=size if box is not None else None)
    return rows.done()


def _key(value: object) -> bool:
    return isinstance(value, int | str)
