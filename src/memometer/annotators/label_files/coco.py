"""COCO's and LVIS's annotations of instances, and what other tools write in their layout."""

from pathlib import Path

from memometer.annotators.label_files.base import FileLabels, LabelColumns, LabelRows
from memometer.data.sources.base import BadRecordError
from memometer.data.sources.coco_join import category_names, coco_key, segments_of
from memometer.data.sources.coco_json import CocoAnnotation, CocoImage, read_coco
from memometer.data.sources.labels import box_from, check_places, labels_from, size_from
from memometer.errors import SourceError

__all__ = ["read_instances"]


def read_instances(path: Path, _: LabelColumns) -> FileLabels:
    """The objects of a file, crowd regions among them; images without objects count as looked at.

    Raises:
        SourceError: it is cut short, no such file, or of other lists.
    """
    if path.is_dir():
        below = sorted(file for file in path.rglob("*.json") if "captions" not in file.name)
        have = ", ".join(str(file.relative_to(path)) for file in below[:3])
        raise SourceError(f"{path} is a folder; name one of its files of instances: {have or 'it holds no .json'}")
    content, rows = read_coco(path), LabelRows()
    names = category_names(content)
    images: dict[int | str | None, tuple[str, tuple[float, float] | None]] = {}
    for image in content.images:
        key = coco_key(image.id)
        name = None if not isinstance(image, CocoImage) else image.file_name or image.coco_url
        if key is None or not isinstance(image, CocoImage) or not isinstance(name, str):
            rows.skip("image without id or file name")
            continue
        images[key] = (name.rpartition("//")[2], size_from(image.width, image.height))
        rows.image(images[key][0])
    for annotation in content.annotations:
        if not isinstance(annotation, CocoAnnotation):
            rows.skip("malformed annotation")
            continue
        owner, size = images.get(coco_key(annotation.image_id), ("", None))
        for each in segments_of(annotation):
            label = names.get(coco_key(each.category_id))
            if not owner or label is None:
                rows.skip(f"annotation of {'a category' if owner else 'an image'} that the file lacks")
                continue
            try:
                box = box_from(each.bbox or None)
                scores = None if each.score is None else [each.score]
                (score,) = check_places(labels_from([label], boxes=[box], scores=scores)).scores or [None]
            except BadRecordError as error:
                rows.skip(str(error).partition(":")[0])
                continue
            rows.add(owner, label, box=box, score=score, size=size if box is not None else None)
    return rows.done()
