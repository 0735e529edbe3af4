"""Image folders: the class folder is the object, a text beside the image or a template gives the caption."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pyarrow as pa

from memometer.data.images import ImageRef
from memometer.data.sources.base import (
    IMAGE_SUFFIXES,
    PIECE_ROWS,
    BadRecordError,
    Draft,
    Fields,
    Labels,
    Piece,
    Plan,
    Reject,
    valid_text,
)
from memometer.data.sources.sidecars import ANNOTATION_SUFFIX, MAX_SIDECAR_BYTES, SIDECAR_SUFFIXES, read_sidecars
from memometer.errors import SourceError
from memometer.tables import open_table, table_writer

__all__ = ["FolderReader", "has_images"]

_LISTING = pa.schema([("root", pa.string()), ("name", pa.binary())])


@dataclasses.dataclass(frozen=True)
class FolderReader:
    """Images in a folder and the folders below it.

    The record's id is the image's path below the source, without suffix. The folder that holds the image is its class
    and its one object, unless that is the source itself or a JSON beside the image says otherwise; ``NAME.xml`` beside
    ``NAME.jpg`` names the objects with boxes (Pascal VOC). The caption is that of ``NAME.json`` or ``NAME.txt`` beside
    the image, else the template's. Links to folders are not followed; hidden files are passed over.

    Attributes:
        paths: the folder, alone.
        fields: names of fields of the JSON files beside the images.
        caption_template: e.g. ``"a photo of a {label}"``; underscores of the label become blanks.
        annotations: a folder with the ``.xml`` of the images, in folders of the same names as the images' own; what is
            there goes before an ``.xml`` beside the image.
        captions_required: whether images without any caption at all are a mistake.
    """

    format: ClassVar[str] = "folder"
    paths: tuple[str, ...]
    fields: Fields = dataclasses.field(default_factory=Fields)
    caption_template: str | None = None
    annotations: str | None = None
    captions_required: bool = True

    def files(self) -> Iterator[Path]:
        """Every image and every text beside one, and every annotation."""
        for root in self.paths:
            for name in _walk(root):
                yield Path(root, os.fsdecode(name))
        if self.annotations is not None:
            yield from _annotation_files(self.annotations)

    def plan(self, scratch: Path) -> Plan:
        """Lists the images into a table in ``scratch``; a piece is one row group of it.

        Raises:
            SourceError: no image, or no image can have a caption or an annotation.
        """
        root = self.paths[0]
        listing = scratch / "folder.parquet"
        n_images, n_texts, pending = 0, 0, list[bytes]()
        annotated = self.annotations is None
        with table_writer(listing, _LISTING, compression="snappy") as writer:
            for name in _walk(root):
                if _suffix(name) in SIDECAR_SUFFIXES:
                    n_texts += _suffix(name) != ANNOTATION_SUFFIX
                    continue
                n_images += 1
                annotated = annotated or self._annotation(os.fsdecode(name)) is not None
                pending.append(name)
                if len(pending) == PIECE_ROWS:
                    writer.write_table(_listing(root, pending))
                    pending = []
            if pending:
                writer.write_table(_listing(root, pending))
        if n_images == 0:
            raise SourceError(f"{root} holds no image; expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}")
        if self.captions_required and n_texts == 0 and self.caption_template is None:
            raise SourceError(
                f"none of the {n_images:,} images in {root} has a caption: expected a text NAME.txt beside NAME.jpg, "
                "or pass --caption-template 'a photo of a {label}' to make captions from the names of class folders, "
                "or --captions optional to do without"
            )
        if not annotated:
            raise SourceError(
                f"none of the {n_images:,} images in {root} has an annotation in {self.annotations}: expected "
                "FOLDER/NAME.xml there for FOLDER/NAME.jpg, so name the two folders that correspond"
            )
        return Plan([Piece(str(listing), group=group) for group in range(open_table(listing).num_row_groups)])

    def read(self, piece: Piece) -> Iterator[Draft | Reject]:
        """The images of one row group of the listing."""
        for row in open_table(Path(piece.path)).read_row_group(piece.group).to_pylist():
            yield self._draft(row["root"], row["name"])

    def _draft(self, root: str, raw: bytes) -> Draft | Reject:
        name = raw.decode("utf-8", "backslashreplace")
        path = PurePosixPath(name)
        record_id = str(path.with_suffix(""))
        try:
            valid_text(raw.decode("utf-8", "surrogateescape"), what="the file's name")
            image = Path(root, name)
            files, annotation = _sidecars_of(image), self._annotation(name)
            if annotation is not None:
                files[ANNOTATION_SUFFIX] = _read(annotation)
            sidecar = read_sidecars(files, self.fields, only_voc=annotation is not None)
            folder = path.parent.name or None
            captions = sidecar.captions
            if (
                not captions
                and self.caption_template is not None
                and (folder or "{label}" not in self.caption_template)
            ):
                captions = [self.caption_template.replace("{label}", (folder or "").replace("_", " "))]
            return Draft(
                record_id=record_id,
                source=root,
                member=name,
                image=ImageRef(str(image)),
                captions=captions,
                label=sidecar.label or folder,
                labels=Labels([folder]) if sidecar.labels.objects is None and folder else sidecar.labels,
                group=sidecar.group,
                role=sidecar.role,
            )
        except BadRecordError as error:
            return Reject(record_id, root, name, str(error))

    def _annotation(self, name: str) -> Path | None:
        """The annotation of an image, given its path below the source; None where there is none."""
        if self.annotations is None:
            return None
        path = Path(self.annotations, name).with_suffix(ANNOTATION_SUFFIX)
        return path if path.is_file() else None


def has_images(root: str) -> bool:
    """Whether a folder, or one below it, holds an image."""
    return next(_walk(root), None) is not None


def _walk(root: str) -> Iterator[bytes]:
    """Images below ``root``, and texts that share a name with one, as paths from there; the order is that of names."""
    start = os.fsencode(root)
    for folder, below, names in os.walk(start):
        below[:] = sorted(name for name in below if not name.startswith(b"."))
        stems = {_split(name)[0] for name in names if _suffix(name) in IMAGE_SUFFIXES}
        below_start = folder[len(start) :].lstrip(b"/")
        for name in sorted(names):
            known = _suffix(name) in IMAGE_SUFFIXES or _suffix(name) in SIDECAR_SUFFIXES
            if known and not name.startswith(b".") and _split(name)[0] in stems:
                yield below_start + b"/" + name if below_start else name


def _annotation_files(root: str) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(ANNOTATION_SUFFIX))


def _split(name: bytes) -> tuple[bytes, bytes]:
    """Stem and suffix of a name in bytes, which pathlib does not take: not every file's name is UTF-8."""
    return os.path.splitext(name)  # noqa: PTH122 (above)


def _suffix(name: bytes) -> str:
    return os.fsdecode(_split(name)[1]).lower()


def _listing(root: str, names: list[bytes]) -> pa.Table:
    return pa.table([pa.repeat(root, len(names)), names], schema=_LISTING)


def _sidecars_of(image: Path) -> dict[str, bytes]:
    files = {}
    for suffix in SIDECAR_SUFFIXES:
        beside = image.with_suffix(suffix)
        if beside.is_file():
            files[suffix] = _read(beside)
    return files


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_SIDECAR_BYTES:
            raise BadRecordError(f"too large: {path.name} has {path.stat().st_size:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BadRecordError(f"unreadable text: {path.name}: {error.strerror}") from None
