"""The annotations of one COCO split by image: captions, objects, boxes, and what of them belongs to nothing."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

from memometer.data.sources.base import BadRecordError, captions_from
from memometer.data.sources.coco_files import CocoSplit
from memometer.data.sources.coco_json import CocoAnnotation, CocoCategory, CocoFile, CocoImage, Unreadable, read_coco
from memometer.data.sources.finding import name_parts
from memometer.data.sources.labels import box_from, size_from

__all__ = ["JoinedImage", "JoinedSplit", "category_names", "coco_key", "join_split", "segments_of"]

UNKNOWN_IMAGE = "annotation of an unknown image"
UNKNOWN_CATEGORY = "annotation of an unknown category"
CROWD = "crowd region"
WITHOUT_CAPTIONS = "image of the instances that the captions do not name"
Key = int | str
CategoryNames = dict[Key | None, str]

MAX_DIGITS = 18
"""Longer runs of digits are no numbers of images, but names."""

EMPTY = "annotation without caption, category or box"


@dataclasses.dataclass(slots=True)
class JoinedImage:
    """An image with all that the files of its split say of it.

    Attributes:
        source: the file that names it.
        name: as the file has it, for people.
        parts: of the name; () where it has none.
        size: width and height in px, where the file says them.
        captions: in the file's order.
        objects: likewise; None where no file of the split has categories.
        boxes: parallel to the objects.
        fault: why the image is a reject; None where it is none.
    """

    source: str
    name: str
    parts: tuple[str, ...]
    size: tuple[float, float] | None
    captions: list[str] = dataclasses.field(default_factory=list)
    objects: list[str] | None = None
    boxes: list[list[float] | None] | None = None
    fault: str | None = None


@dataclasses.dataclass
class JoinedSplit:
    """The images of a split in the order of its first file.

    Attributes:
        images: by id.
        aside: annotations and images that are left out, by kind.
        n_federated: images with LVIS's lists of categories that are known to be absent or not labelled throughout.
    """

    images: dict[Key, JoinedImage] = dataclasses.field(default_factory=dict)
    aside: Counter[str] = dataclasses.field(default_factory=Counter)
    n_federated: int = 0


def join_split(split: CocoSplit, *, drop_crowds: bool, captions_required: bool) -> JoinedSplit:
    """Reads the files of a split.

    Ids are equal where they are written alike, or are the same number: 9, "9" and "000000009". Where captions are
    required, the images of the captions' file are all there are; else those of the instances come after them.

    Raises:
        SourceError: see `read_coco`.
    """
    joined = JoinedSplit()
    for number, path in enumerate(split.files):
        content = read_coco(path)
        extra = _add_images(joined, content, path, only_known=number > 0 and captions_required)
        _add_annotations(joined, content, extra, drop_crowds=drop_crowds)
        del content  # the next file may be as large
    return joined


def _add_images(joined: JoinedSplit, content: CocoFile, path: Path, *, only_known: bool) -> set[Key]:
    """Takes up the images of a file; returns the ids of those that are left aside."""
    extra: set[Key] = set()
    seen: set[Key] = set()
    for number, image in enumerate(content.images):
        key = coco_key(image.id)
        if isinstance(image, CocoImage) and (image.neg_category_ids or image.not_exhaustive_category_ids):
            joined.n_federated += 1
        if key is not None and key not in seen and key in joined.images:
            joined.images[key].size = joined.images[key].size or _size(image)
        elif only_known:
            joined.aside[WITHOUT_CAPTIONS] += 1
            extra.add("" if key is None else key)
        else:
            repeats = key is not None and key in seen
            place = f"{path}\0{number}" if key is None or repeats else key
            joined.images[place] = _joined_image(image, str(path), key, repeats=repeats)
        seen.add("" if key is None else key)
    return extra


def _joined_image(image: CocoImage | Unreadable, source: str, key: Key | None, *, repeats: bool) -> JoinedImage:
    if isinstance(image, Unreadable):
        return JoinedImage(source, f"image {key}", (), None, fault=image.reason)
    named = image.file_name if image.file_name not in (None, "") else image.coco_url
    if not isinstance(named, str):
        kind = "no image" if named is None else f"malformed annotation: the image's name is {type(named).__name__}"
        return JoinedImage(source, f"image {key}", (), None, fault=kind)
    parts: tuple[str, ...] = ()
    fault: str | None = None
    try:
        parts = name_parts(named)
    except BadRecordError as error:
        fault = str(error)
    if key is None:
        fault = fault or "malformed annotation: the image has no id"
    if repeats:
        fault = fault or f"duplicate id: two images of {source} have the id {key}"
    return JoinedImage(source, named, parts, _size(image), fault=fault)


def _size(image: CocoImage | Unreadable) -> tuple[float, float] | None:
    return None if isinstance(image, Unreadable) else size_from(image.width, image.height)


def _add_annotations(joined: JoinedSplit, content: CocoFile, extra: set[Key], *, drop_crowds: bool) -> None:
    names = category_names(content)
    if names:
        for each in joined.images.values():
            each.objects, each.boxes = each.objects or [], each.boxes or []
    for annotation in content.annotations:
        image_id = annotation.id if isinstance(annotation, Unreadable) else annotation.image_id
        key = coco_key(image_id)
        image = None if key is None else joined.images.get(key)
        if image is None:
            if key not in extra:
                joined.aside[UNKNOWN_IMAGE] += 1
        elif isinstance(annotation, Unreadable):
            image.fault = image.fault or annotation.reason
        else:
            for segment in segments_of(annotation):
                kind = _add(image, segment, names, drop_crowds=drop_crowds)
                if kind is not None:
                    joined.aside[kind] += 1


def segments_of(annotation: CocoAnnotation) -> list[CocoAnnotation]:
    """The annotation itself; of a panoptic file those of its segments."""
    if not isinstance(annotation.segments_info, list):
        return [annotation]
    names = ("category_id", "bbox", "iscrowd")
    segments = (each for each in annotation.segments_info if isinstance(each, dict))
    return [CocoAnnotation(**{name: each.get(name) for name in names}) for each in segments]


def _add(image: JoinedImage, annotation: CocoAnnotation, names: CategoryNames, *, drop_crowds: bool) -> str | None:
    """Adds one annotation to its image; returns the kind of one that is left aside."""
    try:
        if annotation.caption is not None:
            image.captions += captions_from(annotation.caption, what="caption")
        if annotation.category_id is None:
            return EMPTY if annotation.caption is None else None
        name = names.get(coco_key(annotation.category_id))
        if name is None:
            return UNKNOWN_CATEGORY
        if drop_crowds and annotation.iscrowd in (1, True):
            return CROWD
        box = box_from(annotation.bbox or None)
    except BadRecordError as error:
        image.fault = image.fault or str(error)
        return None
    if image.objects is not None and image.boxes is not None:
        image.objects.append(name)
        image.boxes.append(box)
    return None


def category_names(content: CocoFile) -> CategoryNames:
    """Names by id; a category without a name is unknown."""
    named: CategoryNames = {}
    for category in content.categories:
        key = coco_key(category.id)
        name = category.name if isinstance(category, CocoCategory) else None
        if key is not None and isinstance(name, str) and name.strip():
            named.setdefault(key, name.strip())
    return named


def coco_key(value: Any) -> Key | None:
    """An id: whole numbers without leading zeros are numbers, whatever type they are written as."""
    if type(value) is int:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else text
