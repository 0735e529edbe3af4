"""Image folders: a text beside the image or a template gives the caption, and a folder the class where it is one."""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from memometer.data.images import IMAGE_SUFFIXES, ImageRef
from memometer.data.sources.base import (
    Aside,
    BadRecordError,
    Draft,
    Labels,
    Piece,
    Plan,
    Reject,
    valid_text,
)
from memometer.data.sources.class_folders import class_of, folder_remarks, folders_are_classes
from memometer.data.sources.file_splits import split_remarks, splits_of
from memometer.data.sources.img2dataset import fetched, table_of
from memometer.data.sources.listing import Found, Listing, walk
from memometer.data.sources.masks import MASK, masks_among
from memometer.data.sources.scratch import plan_rows, planned_rows
from memometer.data.sources.sidecars import (
    ANNOTATION_SUFFIX,
    MAX_SIDECAR_BYTES,
    YOLO_SUFFIX,
    Sidecar,
    SidecarOptions,
    read_sidecars,
)
from memometer.data.sources.unread import unread_remarks
from memometer.data.sources.yolo import label_path
from memometer.errors import SourceError
from memometer.storage.addresses import is_remote, within_folder
from memometer.storage.reading import stored, whole_bytes

__all__ = ["FolderReader", "has_images"]


@dataclasses.dataclass(frozen=True)
class FolderReader:
    """Images in a folder and the folders below it.

    The record's id is the image's path below the source, without suffix; with it where several images of a folder share
    their stem. The caption is that of ``NAME.json`` or ``NAME.txt`` beside the image, else the template's. The folder
    of an image is its class, and its one object, where the user or the layout says so (see `folders_are_classes`) and
    nothing beside the image says otherwise. ``NAME.xml`` beside ``NAME.jpg`` names the objects with boxes (Pascal VOC),
    and so do YOLO's texts, beside the image or in a tree ``labels`` that mirrors ``images``. Links to folders are not
    followed; hidden files are counted and passed over; masks are no records.

    Attributes:
        paths: the folder, alone.
        sidecars: how the files beside the images are read.
        caption_template: e.g. ``"a photo of a {label}"``; underscores of the label become blanks. With ``{label}`` in
            it, folders are classes, unless the user says otherwise.
        annotations: a folder with the ``.xml`` of the images, in folders of the same names as the images' own; what is
            there goes before an ``.xml`` beside the image.
        captions_required: whether images without any caption at all are a mistake.
        label_from: whether folders are classes: ``"folder"``, ``"none"``, or ``"auto"`` as the layout says.
    """

    format: ClassVar[str] = "folder"
    paths: tuple[str, ...]
    sidecars: SidecarOptions = dataclasses.field(default_factory=SidecarOptions)
    caption_template: str | None = None
    annotations: str | None = None
    captions_required: bool = True
    label_from: Literal["auto", "folder", "none"] = "auto"

    def files(self) -> Iterator[str | Path]:
        """Every image and every file beside one, and every annotation."""
        for root in self.paths:
            listing = Listing(root)
            for found in listing.samples():
                for name in (*found.images, *found.sidecars.values()):
                    yield within_folder(root, found.path(name))
                    labels = label_path(within_folder(root, found.path(name))) if name in found.images else None
                    if labels is not None and (not is_remote(root) or listing.claim_labels(found.path(name))):
                        yield labels
        if self.annotations is not None:
            yield from _annotation_files(self.annotations)
        if self.sidecars.names is not None:
            yield Path(self.sidecars.names.path)

    def plan(self, scratch: Path) -> Plan:
        """Lists the samples into a table in ``scratch``.

        Raises:
            SourceError: no image, or no image can have a caption or an annotation.
        """
        root = self.paths[0]
        names = self.sidecars.names
        listing = Listing(root, read=None if names is None else names.path)
        folders = listing.image_folders()
        classes = self._are_classes(folders, root=root)
        roles = {} if self.sidecars.fields.role else splits_of(sorted(folders))
        n_images, captioned, annotated = 0, False, self.annotations is None
        keys: dict[str, set[str]] = {folder: set() for folder in folders if table_of(f"{root}/{folder}")}

        def rows() -> Iterator[dict[str, object]]:
            nonlocal n_images, captioned, annotated
            for found in listing.samples():
                n_images += len(found.images)
                if found.folder in keys:
                    keys[found.folder].add(found.stem)
                captioned = captioned or bool(found.sidecars.keys() - {ANNOTATION_SUFFIX, ".cls"})
                annotated = annotated or any(self._annotation(found.path(name)) is not None for name in found.images)
                yolo = {name: path for name in found.images if (path := listing.claim_labels(found.path(name)))}
                label, role = self._label(found, classes=classes), roles.get(found.folder)
                yield {"root": root, "found": vars(found), "label": label, "role": role, "yolo": yolo}

        pieces = plan_rows(scratch / "folder.parquet", rows())
        listing.count_orphans()
        for folder, inside in keys.items():
            for lost in fetched(f"{root}/{folder}", inside):
                listing.aside[lost.kind] += lost.count
        unread = unread_remarks(listing.others, root=root, annotations=self.annotations, names=self.sidecars.names)
        self._check(root, n_images=n_images, captioned=captioned, annotated=annotated, unread=unread)
        remarks = folder_remarks(folders, taken=classes, named=self.sidecars.renamed)
        remarks += [*split_remarks(roles), *unread]
        return Plan(pieces, listing.aside, remarks)

    def read(self, piece: Piece) -> Iterator[Draft | Reject | Aside]:
        """The samples of one piece of the listing."""
        for row in planned_rows(piece):
            root, found = row["root"], Found(**row["found"])
            images = found.images
            if len(images) > 1:
                masks = masks_among([within_folder(root, found.path(name)) for name in images])
                yield from [Aside(MASK)] * sum(masks)
                images = [name for name, mask in zip(images, masks, strict=True) if not mask]
            for name in images:
                stem = found.stem if len(images) == 1 else name
                yield from self._draft(root, found, name, record_id=found.path(stem), row=row)

    def _draft(
        self, root: str, found: Found, name: str, *, record_id: str, row: Mapping[str, Any]
    ) -> Iterator[Draft | Reject | Aside]:
        member, label = _shown(found.path(name)), row["label"]
        try:
            valid_text(found.path(name), what="the file's name")
            sidecar = self._read_sidecars(root, found, name, yolo=row["yolo"].get(name))
        except BadRecordError as error:
            yield Reject(_shown(record_id), root, member, str(error))
            return
        yield from sidecar.aside
        captions = sidecar.captions
        if not captions and self.caption_template is not None and (label or "{label}" not in self.caption_template):
            captions = [self.caption_template.replace("{label}", (label or "").replace("_", " "))]
        yield Draft(
            record_id=record_id,
            source=root,
            member=member,
            image=ImageRef(within_folder(root, found.path(name))),
            captions=captions,
            label=sidecar.label or label,
            labels=Labels([label]) if sidecar.labels.objects is None and label else sidecar.labels,
            group=sidecar.group,
            role=sidecar.role if self.sidecars.fields.role else row["role"],
            within=root,
            uid=sidecar.uid,
        )

    def _read_sidecars(self, root: str, found: Found, name: str, *, yolo: str | None) -> Sidecar:
        beside = found.sidecars.items()
        files = {suffix: _read(within_folder(root, found.path(text))) for suffix, text in beside}
        annotation = self._annotation(found.path(name))
        if annotation is not None:
            files[ANNOTATION_SUFFIX] = _read(str(annotation))
        if yolo is not None:
            files[YOLO_SUFFIX] = _read(yolo)
        return read_sidecars(files, self.sidecars, only_voc=annotation is not None)

    def _are_classes(self, folders: set[str], *, root: str) -> bool:
        if self.label_from != "auto":
            return self.label_from == "folder"
        templated = self.caption_template is not None and "{label}" in self.caption_template
        return templated or folders_are_classes(folders, root=root)

    def _label(self, found: Found, *, classes: bool) -> str | None:
        name = class_of(found.folder) if classes else None
        return None if name is None else self.sidecars.name_of(_shown(name))

    def _annotation(self, name: str) -> Path | None:
        """The annotation of an image, given its path below the source; None where there is none."""
        if self.annotations is None:
            return None
        path = Path(self.annotations, name).with_suffix(ANNOTATION_SUFFIX)
        return path if path.is_file() else None

    def _check(self, root: str, *, n_images: int, captioned: bool, annotated: bool, unread: Sequence[str]) -> None:
        if n_images == 0:
            raise SourceError(f"{root} holds no image; expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}")
        if self.captions_required and not captioned and self.caption_template is None:
            raise SourceError(
                f"none of the {n_images:,} images in {root} has a caption: expected a text NAME.txt beside NAME.jpg, "
                "or pass --caption-template 'a photo of a {label}' to make captions from the names of class folders, "
                f"or --captions optional to do without{''.join(f'; {remark}' for remark in unread)}"
            )
        if not annotated:
            raise SourceError(
                f"none of the {n_images:,} images in {root} has an annotation in {self.annotations}: expected "
                "FOLDER/NAME.xml there for FOLDER/NAME.jpg, so name the two folders that correspond"
            )


def has_images(root: str) -> bool:
    """Whether a folder, or one below it, holds an image."""
    return next(Listing(root).samples(), None) is not None


def _annotation_files(root: str) -> Iterator[Path]:
    for folder, names, _ in walk(root):
        yield from (Path(root, folder, name) for name in names if name.endswith(ANNOTATION_SUFFIX))


def _shown(name: str) -> str:
    """A path as a table can hold it: bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _read(path: str) -> bytes:
    name = PurePosixPath(path).name
    try:
        size = stored(path).size if is_remote(path) else Path(path).stat().st_size
        if size > MAX_SIDECAR_BYTES:
            raise BadRecordError(f"too large: {name} has {size:,} bytes")
        return whole_bytes(path)
    except OSError as error:
        raise BadRecordError(f"unreadable text: {name}: {error.strerror or error}") from None
