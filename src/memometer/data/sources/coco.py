"""COCO's annotations, and what other programs write alike (LVIS, Roboflow, CVAT): captions, objects, boxes."""

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from memometer.data.images import ImageRef
from memometer.data.sources.base import Draft, Labels, Piece, Plan, Reject
from memometer.data.sources.coco_files import (
    CocoSplit,
    annotation_files,
    annotation_lists,
    find_splits,
    partners,
    split_names,
)
from memometer.data.sources.coco_join import JoinedImage, join_split
from memometer.data.sources.coco_places import folders_of
from memometer.data.sources.file_splits import split_remarks, splits_of
from memometer.data.sources.finding import ImageFolders
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.scratch import plan_rows, planned_rows
from memometer.errors import SourceError

__all__ = ["CocoReader", "open_coco"]


@dataclasses.dataclass(frozen=True)
class CocoReader:
    """The splits of a COCO dataset, one after another; the record's id is the stem of the image's file.

    An image without a caption is a reject where captions are required. One without instances has no objects (an empty
    list); where a split has no categories its objects are null.

    Attributes:
        paths: the annotation files of the chosen splits.
        images: folders that the user named, in which the images are.
        crowds: ``"drop"`` leaves crowd regions aside; None keeps them as objects.
        captions_required: whether images that only the instances name are left aside.
    """

    format: ClassVar[str] = "coco"
    paths: tuple[str, ...]
    images: tuple[str, ...] = ()
    crowds: Literal["drop"] | None = None
    captions_required: bool = True

    def files(self) -> Iterator[Path]:
        """The annotation files."""
        yield from map(Path, self.paths)

    def plan(self, scratch: Path) -> Plan:
        """Joins the annotations into one small table per split in ``scratch``.

        Raises:
            SourceError: malformed JSON, or none of a split's images is there.
        """
        pieces: list[Piece] = []
        aside: Counter[str] = Counter()
        n_federated = 0
        splits = find_splits(map(Path, self.paths))
        roles = {name: name for name in splits_of([split.name for split in splits])}
        for number, split in enumerate(splits):
            joined = join_split(split, drop_crowds=self.crowds == "drop", captions_required=self.captions_required)
            images = joined.images.values()
            folders = folders_of(split, images, images_in=self.images)
            rows = (_row(image, folders, role=roles.get(split.name)) for image in images)
            pieces += plan_rows(scratch / f"coco-{number}-{split.name}.parquet", rows)
            aside.update(joined.aside)
            n_federated += joined.n_federated
        return Plan(pieces, aside, [*split_remarks(roles), *self._remarks(n_federated)])

    def read(self, piece: Piece) -> Iterator[Draft | Reject]:
        """The images of one piece of a joined table."""
        for row in planned_rows(piece):
            if row["fault"] is not None:
                yield Reject(**row["named"], reason=row["fault"])
            else:
                labels = Labels(**row["labels"], size=row["size"] and tuple(row["size"]))
                yield Draft(**row["named"], image=ImageRef(row["image"]), labels=labels, **row["found"])

    def _remarks(self, n_federated: int) -> list[str]:
        remarks = []
        folders = dict.fromkeys(Path(path).parent for path in self.paths)
        unread = [path for folder in folders for path in annotation_lists(folder) if str(path) not in self.paths]
        if unread:
            names = split_names(find_splits(unread))
            n = "1 file of annotations was" if len(unread) == 1 else f"{len(unread)} files of annotations were"
            remarks.append(f"{n} not read, e.g. {unread[0]}; --split reads others, here: {names}")
        if n_federated:
            remarks.append(
                f"{n_federated:,} images have LVIS's lists of categories that are known to be absent or not labelled "
                "throughout; they are not read, so an object that is not listed may still be there"
            )
        return remarks


def open_coco(sources: Sequence[str], options: ReaderOptions) -> CocoReader:
    """A reader of a folder's splits, or of annotation files.

    Where captions are required, splits without any are passed over, unless they are all there are.

    Raises:
        SourceError: no annotations, an unknown split, no captions where they are required, or a folder of images that
            is not there.
    """
    paths, splits = [Path(source) for source in sources], options.splits
    root = paths[0] if len(paths) == 1 and paths[0].is_dir() else None
    named = dict.fromkeys(each for path in paths for each in partners(path))
    found = find_splits(named if root is None else annotation_files(root))
    if not found:
        raise SourceError(
            f"{root} is not laid out as COCO is downloaded: expected annotations/captions_*.json beside the images, or "
            "other JSON with lists of images and annotations, in annotations/, in the folder or in the folders in it"
        )
    for folder in options.images:
        if not Path(folder).is_dir():
            raise SourceError(f"there is no folder of images at {folder}; check --images")
    chosen = _chosen(found, splits, where=paths[0])
    if options.captions_required:
        captioned = [split for split in chosen if split.has_captions]
        if not captioned or (splits and len(captioned) < len(chosen)):
            lacking = next(split for split in chosen if split not in captioned).files[0]
            beside = lacking.name.replace("instances", "captions", 1)
            also = f", and there is no {beside} beside it" if beside != lacking.name else ""
            raise SourceError(
                f"{lacking} has no captions{also}; pass --captions optional to import objects and boxes without them"
            )
        chosen = captioned
    return CocoReader(
        paths=tuple(str(path) for split in chosen for path in split.files),
        images=tuple(os.path.abspath(folder) for folder in options.images),  # noqa: PTH100 (keeps links)
        crowds="drop" if options.crowds == "drop" else None,
        captions_required=options.captions_required,
    )


def _chosen(found: Sequence[CocoSplit], splits: tuple[str, ...], *, where: Path) -> list[CocoSplit]:
    for name in splits:
        if name not in {split.name for split in found}:
            raise SourceError(f"{where} has no split '{name}'; its splits are {split_names(found)}")
    return [split for split in found if (split.name in splits if splits else split.usual)]


def _row(image: JoinedImage, folders: ImageFolders, *, role: str | None) -> dict[str, Any]:
    """What `CocoReader.read` needs of an image."""
    path = None if image.fault is not None else folders.find(image.parts)
    fault = image.fault
    if fault is None and path is None:
        fault = f"missing image: {image.name} is in none of {folders}; pass --images FOLDER if it is elsewhere"
    record_id = Path(image.parts[-1]).stem if image.parts else None
    return {
        "named": {"record_id": record_id, "source": image.source, "member": image.name},
        "fault": fault,
        "image": str(path),
        "labels": {"objects": image.objects, "boxes": image.boxes},
        "size": image.size,
        "found": {
            "within": "" if path is None else "/".join(path.parent.parts[1:]),
            "captions": image.captions,
            "role": role,
        },
    }
