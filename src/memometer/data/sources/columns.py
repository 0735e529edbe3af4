"""Which column of a table means what."""

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence

from memometer.data.sources.base import Fields
from memometer.errors import SourceError

__all__ = [
    "Corners",
    "caption_columns",
    "choose_columns",
    "column_remarks",
    "find_corners",
    "image_column",
    "size_columns",
    "used_columns",
]

USUAL_IMAGE = (
    "filepath", "image", "image_path", "file_name", "filename", "path", "image_name", "image_file", "image_filename",
    "img", "img_path", "img_name", "imagepath", "file", "file_path", "photo", "picture",
    "image_file_name", "image_bytes", "jpg", "jpeg", "png", "webp", "image_id", "imageid",
)  # fmt: skip
USUAL_CAPTIONS = (
    "title", "captions", "caption", "text", "comment", "description", "sentence", "sentences", "raw", "caption_text",
    "alt_text", "alt", "prompt", "txt", "caption_str", "blip_caption",
)  # fmt: skip
USUAL_ID = "record_id"
USUAL_LABEL = "label"
USUAL_OBJECTS = "objects"
USUAL_BOXES = "boxes"
USUAL_SCORES = "scores"
USUAL_ROLE = "split"
_ONE_BY_ONE = "import tables of other columns one by one"

_ADDRESSES = ("url", "image_url", "img_url", "image_link", "coco_url", "photo_image_url", "link", "urls", "image_urls")
_DIALOGUES = ("conversations", "conversation", "messages")
_TELLING = frozenset({
    "class", "class_name", "category", "categories", "labels", "ground_truth", "detections", "predictions", "bbox",
    "bboxes", "annotations", "regions", "tags", "subset", "fold", *_DIALOGUES,
})  # fmt: skip
"""Names of columns that may say what an image shows or where it belongs; they are read where the user names them."""

_CLASS_OF_BOX = ("class", "class_name", "labelname", "label_name", "category", "category_name", "name")
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"), ("x_min", "y_min", "x_max", "y_max"), ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"), ("bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax"),
)  # fmt: skip
_SIDES = (
    ("x", "y", "w", "h"), ("x", "y", "width", "height"), ("bbox_x", "bbox_y", "bbox_w", "bbox_h"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"), ("left", "top", "width", "height"),
)  # fmt: skip
_SIZES = (("width", "height"), ("image_width", "image_height"), ("img_width", "img_height"))
_NUMBERED = re.compile(r"(caption|sentence|text|comment|description)s?_?(\d{1,2})")


@dataclasses.dataclass(frozen=True)
class Corners:
    """Columns that hold one box of a row.

    Attributes:
        sides: four columns.
        far: whether the third and fourth are the far corner, and not width and height.
        size: columns of the width and height of the image that the box was drawn on; () where there are none.
    """

    sides: tuple[str, str, str, str]
    far: bool
    size: tuple[str, ...] = ()


def choose_columns(
    names: Sequence[str], fields: Fields, *, path: str, captions_required: bool = True, like: str | None = None
) -> Fields:
    """``fields`` with a column named for everything that the table has, the usual names where none was asked for.

    Names count whatever their case, and whether words are joined by blanks, dashes or underscores.

    Args:
        names: of the table's columns.
        fields: the columns that were asked for.
        path: of the table.
        captions_required: whether a table without captions is a mistake.
        like: the table of the same source by which ``fields`` were chosen; None where the user asked for them.

    Raises:
        SourceError: two columns of one name, a column that was asked for is missing, or one that the other table would
            have been read by, no image or (where required)
            caption column is found, or boxes or scores were asked for and nothing says whose they are.
    """
    have = f"its columns are {', '.join(names)}" if names else "it has no columns"
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(f"{path} has several columns called '{twice[0]}'; {have}; rename all but one")
    for name in _asked(fields):
        if name not in names:
            unlike = "" if like in {None, path} else f", which {like} has; {_ONE_BY_ONE}"
            raise SourceError(f"{path} has no column '{name}'{unlike}; {have}")
    usual = _usual(names)
    image = image_column(names, fields)
    if image is None:
        raise SourceError(f"{path} has no column '{USUAL_IMAGE[0]}' for images; {have}; {_advice(usual)}")
    captions = caption_columns(names, fields)
    if captions_required and not captions:
        dialogue = next((usual[name] for name in _DIALOGUES if name in usual), None)
        which = f" ('{dialogue}' holds dialogues, which are no captions)" if dialogue else ""
        raise SourceError(
            f"{path} has no column '{USUAL_CAPTIONS[0]}' for captions; {have}{which}; pass --caption-column NAME, "
            "or --captions optional to do without"
        )
    corners = find_corners(names)
    of_box = next((usual[name] for name in _CLASS_OF_BOX if corners and name in usual), None)
    label = fields.label or usual.get(USUAL_LABEL) or of_box
    objects = fields.objects or usual.get(USUAL_OBJECTS)
    if objects is None and label is None and (fields.boxes or fields.scores):
        raise SourceError(
            f"{path} has no column of objects that {fields.boxes or fields.scores} could belong to; {have}; "
            "pass --objects-column NAME, or --label-column NAME where all of them show the image's class"
        )
    owned = objects is not None or label is not None
    boxes = fields.boxes or (usual.get(USUAL_BOXES) if owned else None)
    scored = objects is not None or boxes is not None  # beside a label alone, scores may be a classifier's
    chosen = dataclasses.replace(
        fields,
        image=image,
        captions=captions,
        record_id=fields.record_id or usual.get(USUAL_ID),
        label=label,
        objects=objects,
        boxes=boxes,
        scores=fields.scores or (usual.get(USUAL_SCORES) if scored else None),
        role=fields.role or usual.get(USUAL_ROLE),
    )
    if like not in {None, path} and (more := [name for name in _asked(chosen) if name not in _asked(fields)]):
        raise SourceError(f"{path} has a column '{more[0]}', which {like} lacks; {_ONE_BY_ONE}")
    return chosen


def column_remarks(names: Sequence[str], chosen: Fields, corners: Corners | None) -> list[str]:
    """A sentence on columns that may say something of the images and are not read; none where there are none."""
    read = {*used_columns(chosen, corners)}
    telling = {*USUAL_CAPTIONS, *_TELLING}
    unread = [name for name in names if name not in read and _plain(name) in telling]
    if not unread:
        return []
    captions = f"; captions are those of {', '.join(map(repr, chosen.captions))}" if chosen.captions else ""
    options = "--caption-column, --label-column, --objects-column and --role-column name others"
    return [f"not read: column {', '.join(map(repr, unread))}{captions} ({options})"]


def image_column(names: Sequence[str], fields: Fields) -> str | None:
    """The column of images: the one asked for, or one of a usual name."""
    usual = _usual(names)
    return fields.image or next((usual[name] for name in USUAL_IMAGE if name in usual), None)


def caption_columns(names: Sequence[str], fields: Fields) -> tuple[str, ...]:
    """The columns of captions: those asked for, else the first usual one, else all of ``caption_0``, ``caption_1``."""
    if fields.captions:
        return fields.captions
    usual, image = _usual(names), image_column(names, fields)
    one = next((usual[name] for name in USUAL_CAPTIONS if name in usual and usual[name] != image), None)
    if one is not None:
        return (one,)
    matches = [(match[1], int(match[2]), name) for name in names if (match := _NUMBERED.fullmatch(_plain(name)))]
    return tuple(name for stem, _, name in sorted(matches) if stem == min(matches)[0])


def find_corners(names: Sequence[str]) -> Corners | None:
    """The columns of one box per row, as TensorFlow's and Open Images' tables have them; None where there are none."""
    usual = _usual(names)
    for wanted, far in ((_CORNERS, True), (_SIDES, False)):
        for four in wanted:
            if all(name in usual for name in four):
                x, y, third, fourth = sides = tuple(usual[name] for name in four)
                return Corners((x, y, third, fourth), far, size_columns(names, sides))
    return None


def size_columns(names: Sequence[str], sides: Collection[str]) -> tuple[str, ...]:
    """The columns of the size of the image that boxes were drawn on; () where there are none beside the boxes' own."""
    usual = _usual([name for name in names if name not in sides])
    pair = next((pair for pair in _SIZES if all(name in usual for name in pair)), ())
    return tuple(usual[name] for name in pair)


def used_columns(fields: Fields, corners: Corners | None = None) -> list[str]:
    """The columns that a row is read from, each once."""
    return list(dict.fromkeys((*_asked(fields), *(corners.sides + corners.size if corners else ()))))


def _advice(usual: Mapping[str, str]) -> str:
    """What to do where no column names images."""
    address = next((usual[name] for name in _ADDRESSES if name in usual), None)
    if address is None:
        return "pass --image-column NAME"
    return (
        f"column '{address}' has addresses, and memometer downloads nothing: fetch the images first, e.g. with "
        f"img2dataset, and import what it writes; where they lie here already, --image-column '{address}' "
        "--images FOLDER"
    )


def _asked(fields: Fields) -> list[str]:
    """The columns that ``fields`` names; one may stand twice."""
    first = (fields.record_id, fields.uid, fields.image, fields.label, fields.objects, fields.boxes, fields.scores)
    return [*(name for name in (*first, fields.group, fields.role) if name is not None), *fields.captions]


def _usual(names: Sequence[str]) -> dict[str, str]:
    """The first name of every plain spelling."""
    return {_plain(name): name for name in reversed(names)}


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())
