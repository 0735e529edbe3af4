"""COCO as it is downloaded, ``annotations/*.json`` beside ``train2017/`` and ``val2017/``: captions, objects, boxes."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from memometer.data.images import ImageRef
from memometer.data.sources.base import (
    PIECE_ROWS,
    BadRecordError,
    Draft,
    Labels,
    Piece,
    Plan,
    Reject,
    captions_from,
    decode_text,
)
from memometer.errors import SourceError
from memometer.tables import open_table, write_table

__all__ = ["CocoReader", "caption_files", "open_coco"]

# Text is read as bytes, so that one bad caption costs one record; fields not named here (polygons) are never built.
_IMAGES = pa.list_(pa.struct([("id", pa.int64()), ("file_name", pa.binary())]))
_CAPTIONS = pa.list_(pa.struct([("image_id", pa.int64()), ("caption", pa.binary())]))
_BOXES = pa.list_(pa.struct([("image_id", pa.int64()), ("category_id", pa.int64()), ("bbox", pa.list_(pa.float64()))]))
_CATEGORIES = pa.list_(pa.struct([("id", pa.int64()), ("name", pa.string())]))


@dataclasses.dataclass(frozen=True)
class CocoReader:
    """The splits of a COCO folder, one after another; the record's id is the stem of the image's file.

    An image without a caption is a reject. One without instances has no objects (an empty list); where a split has no
    instances file its objects are null.

    Attributes:
        paths: the captions files of the chosen splits.
    """

    format: ClassVar[str] = "coco"
    paths: tuple[str, ...]

    def files(self) -> Iterator[Path]:
        """The captions and instances files."""
        for path in map(Path, self.paths):
            yield path
            if _instances_file(path).is_file():
                yield _instances_file(path)

    def plan(self, scratch: Path) -> Plan:
        """Joins the annotations into one small table per split in ``scratch``; a piece is one row group of it.

        Raises:
            SourceError: malformed JSON, or an images' folder is missing.
        """
        pieces = []
        for path in map(Path, self.paths):
            joined = scratch / f"coco-{_split(path)}.parquet"
            write_table(joined, _join(path), row_group_size=PIECE_ROWS)
            groups = open_table(joined).num_row_groups
            pieces += [Piece(str(joined), group=group) for group in range(groups)]
        return Plan(pieces)

    def read(self, piece: Piece) -> Iterator[Draft | Reject]:
        """The images of one row group of a joined table."""
        for row in open_table(Path(piece.path)).read_row_group(piece.group).to_pylist():
            source, member = row["source"], (row["file_name"] or b"").decode("utf-8", "backslashreplace")
            try:
                yield _draft(row, source=source, member=member)
            except BadRecordError as error:
                yield Reject(PurePosixPath(member).stem or None, source, member, str(error))


def caption_files(root: Path) -> list[Path]:
    """The captions files of a COCO folder, by name."""
    return sorted((root / "annotations").glob("captions_*.json"))


def open_coco(root: Path, *, splits: tuple[str, ...]) -> CocoReader:
    """A reader of the folder's splits, e.g. ``("train2017",)``; () takes all.

    Raises:
        SourceError: no captions file, an unknown split, or an images' folder is missing.
    """
    found = caption_files(root)
    if not found:
        raise SourceError(
            f"{root} is not laid out as COCO is downloaded: expected annotations/captions_*.json beside the images"
        )
    for split in splits:
        if split not in map(_split, found):
            raise SourceError(f"{root} has no split '{split}'; its splits are {', '.join(map(_split, found))}")
    chosen = [path for path in found if not splits or _split(path) in splits]
    for path in chosen:
        _image_folder(path)
    return CocoReader(tuple(map(str, chosen)))


def _split(captions: Path) -> str:
    return re.sub("^captions_", "", captions.stem)


def _instances_file(captions: Path) -> Path:
    return captions.with_name(f"instances_{_split(captions)}.json")


def _image_folder(captions: Path) -> Path:
    root, split = captions.parent.parent, _split(captions)
    tried = [root / split, root / "images" / split]
    for folder in tried:
        if folder.is_dir():
            return folder
    raise SourceError(
        f"{captions} has no images: expected the folder {tried[0]}; download it, or choose other splits with --split"
    )


def _join(captions_file: Path) -> pa.Table:
    """One row per image: source, folder, file name, captions, objects, boxes; the order is the captions file's."""
    folder = _image_folder(captions_file)
    content = _read(captions_file, {"images": _IMAGES, "annotations": _CAPTIONS})
    ids, names = content["images"].field("id"), content["images"].field("file_name")
    annotations = content["annotations"]
    columns: dict[str, pa.Array] = {
        "source": pa.repeat(str(captions_file), len(names)),
        "folder": pa.repeat(str(folder), len(names)),
        "file_name": names,
        "captions": _per_image(ids, annotations.field("image_id"), annotations.field("caption")),
        "objects": pa.nulls(len(names), pa.list_(pa.string())),
        "boxes": pa.nulls(len(names), pa.list_(pa.list_(pa.float64()))),
    }
    instances_file = _instances_file(captions_file)
    if instances_file.is_file():
        content = _read(instances_file, {"annotations": _BOXES, "categories": _CATEGORIES})
        annotations, categories = content["annotations"], content["categories"]
        places = pc.index_in(annotations.field("category_id"), value_set=categories.field("id"))
        annotations, places = annotations.filter(pc.is_valid(places)), places.drop_null()
        labels = categories.field("name").take(places)
        columns["objects"] = _per_image(ids, annotations.field("image_id"), labels)
        columns["boxes"] = _per_image(ids, annotations.field("image_id"), annotations.field("bbox"))
    return pa.table(columns)


def _read(path: Path, lists: Mapping[str, pa.DataType]) -> dict[str, pa.StructArray]:
    """The named lists of a JSON object as flat arrays; everything else in the file is skipped, not built."""
    size = path.stat().st_size
    try:
        table = pj.read_json(
            path,
            read_options=pj.ReadOptions(use_threads=False, block_size=size + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=pa.schema(list(lists.items())),
                newlines_in_values=True,
                unexpected_field_behavior="ignore",
            ),
        )
    except (pa.ArrowException, OverflowError) as error:
        raise SourceError(f"{path} cannot be read as COCO annotations: {error}; download it again") from error
    arrays = {name: table[name].combine_chunks().flatten() for name in lists}
    empty = [name for name in lists if len(arrays[name]) == 0]
    if "images" in empty or "categories" in empty:
        raise SourceError(f"{path} is not a COCO annotations file: its list '{empty[0]}' is missing or empty")
    return arrays


def _per_image(ids: pa.Array, image_ids: pa.Array, values: pa.Array) -> pa.ListArray:
    """The values of each image as a list, in the file's order; values of unknown images are dropped."""
    places = pc.index_in(image_ids, value_set=ids)
    known = pc.is_valid(places)
    rows: npt.NDArray[np.int64] = places.filter(known).to_numpy().astype(np.int64)
    order = np.argsort(rows, kind="stable")
    offsets = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(ids)))))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.filter(known).take(pa.array(order)))


def _draft(row: dict[str, Any], *, source: str, member: str) -> Draft:
    path = PurePosixPath(member)
    if not path.name:
        raise BadRecordError("no image")
    if path.is_absolute() or ".." in path.parts or "\0" in member:
        raise BadRecordError("unsafe name: points outside the images' folder")
    captions = (decode_text(caption, what="caption") for caption in row["captions"] if caption is not None)
    return Draft(
        record_id=path.stem,
        source=source,
        member=member,
        image=ImageRef(str(Path(row["folder"]) / path)),
        captions=captions_from(list(captions), what="caption"),
        labels=_labels(row["objects"], row["boxes"]),
    )


def _labels(objects: list[str] | None, boxes: list[list[float] | None] | None) -> Labels:
    if objects is None or boxes is None:
        return Labels()
    return Labels(objects, [box if box is not None and len(box) == 4 else None for box in boxes])
