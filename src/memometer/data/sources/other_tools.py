"""Files of other tools that name images and are no list of records: what they are, and what to make of them."""

import re
from pathlib import Path, PurePosixPath

from memometer.data.sniffing import head_of

__all__ = ["of_other_tool"]

HEAD_BYTES = 1 << 16
"""Enough for the keys of the first entry, also where it holds many objects."""

_LINES = (
    "write JSON lines with the fields 'image', 'caption' and, where there are such, 'objects' and 'boxes' (x, y, "
    "width, height in px)"
)

_FIFTYONE = (
    "FiftyOne's own JSON, which is not read: export the dataset as COCO (fiftyone.types.COCODetectionDataset), or "
    f"{_LINES}, of each sample's filepath and labels"
)
_LABEL_STUDIO = (
    "an export of Label Studio in its own JSON, which is not read: export the project as COCO with images, or "
    f"{_LINES}, of each task's image and result"
)
_VISUAL_GENOME = (
    "a file of Visual Genome, which is not read as it is: "
    f"{_LINES}, of image_id (IMAGE_ID.jpg), the phrases of region_descriptions.json and the names of objects.json"
)

_SBU_TEXT = (
    "one of SBU's two texts, where line n of the addresses goes with line n of the captions: fetch the images, as "
    "img2dataset does from both pasted side by side, or write JSON lines with 'image' and 'caption' of those you have"
)

_KEYS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"samples", "filepath"}), _FIFTYONE),
    (frozenset({"sample_fields", "media_type"}), _FIFTYONE),
    (frozenset({"from_name", "to_name", "result"}), _LABEL_STUDIO),
    (frozenset({"annotations", "predictions", "file_upload"}), _LABEL_STUDIO),
    (frozenset({"annotation_id", "annotator", "lead_time"}), _LABEL_STUDIO),
    (frozenset({"rectanglelabels", "rotation"}), _LABEL_STUDIO),
    (frozenset({"coco_id", "flickr_id", "image_id"}), _VISUAL_GENOME),
    (frozenset({"region_id", "phrase"}), _VISUAL_GENOME),
    (frozenset({"objects", "object_id", "names"}), _VISUAL_GENOME),
    (frozenset({"attributes", "object_id", "names"}), _VISUAL_GENOME),
    (frozenset({"relationship_id", "predicate"}), _VISUAL_GENOME),
)
"""Keys that stand together in no other files."""

_SBU = re.compile(r"SBU_captioned_photo_dataset_(urls|captions)\.txt", re.IGNORECASE)


def of_other_tool(path: Path | str) -> str | None:
    """What a file is and what to do, for after "is"; None for one of no tool that is known, or that cannot be read."""
    name = PurePosixPath(path).name
    if _SBU.fullmatch(name):
        return _SBU_TEXT
    if not name.lower().endswith(".json"):
        return None
    keys = {name.decode("ascii") for name in re.findall(rb'"([a-z_]{2,20})"\s*:', head_of(path, HEAD_BYTES))}
    return next((told for needed, told in _KEYS if needed <= keys), None)
