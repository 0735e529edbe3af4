"""Several images per record: generated or augmented variants, given as files (C, Table 1)."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from memometer.data.images import ImageRef, UnreadableImageError, decode_image, read_image_bytes
from memometer.data.records import Records
from memometer.errors import InputError
from memometer.files import hash_bytes, hash_json
from memometer.tables import read_table
from memometer.training.mitigations.base import Mitigation

__all__ = ["ImageVariants", "load_variants"]

COLUMNS = ("record_id", "path")


@dataclasses.dataclass(frozen=True)
class ImageVariants(Mitigation):
    """Draws, anew every epoch and each with equal chance, a record's own image or one of its variants.

    Attributes:
        n_records: that have variants.
        n_images: variants in all.
        hash: of which record has which images, by content.
        refs: record id → the files of its variants, in the order of their content's hashes.
    """

    n_records: int
    n_images: int
    hash: str
    refs: Mapping[str, tuple[ImageRef, ...]] = dataclasses.field(repr=False, compare=False)

    def image_ref(self, record_id: str, *, rng: np.random.Generator) -> ImageRef | None:
        """The file of the drawn variant; None where the record's own image was drawn, or is the only one."""
        refs = self.refs.get(record_id, ())
        drawn = int(rng.integers(len(refs) + 1)) if refs else 0
        return refs[drawn - 1] if drawn else None

    def remark(self, captions: pa.Array) -> str:
        """How many records have variants."""
        return f"image variants: {self.n_images:,} images of {self.n_records:,} of {len(captions):,} records"


def load_variants(path: Path, *, records: Records, whole: Records) -> ImageVariants:
    """The variants that a Parquet file names: columns ``record_id`` and ``path``, relative to the file's folder.

    Every image is decoded once, so that one that cannot be read does not end the training in the middle.

    Args:
        path: the file.
        records: to train on; variants of other records are left aside.
        whole: all records of the folder; an id that none of them has is an error.

    Raises:
        InputError: the file or an image cannot be read, or an id is unknown.
    """
    table = _read(path)
    unknown = pc.unique(table["record_id"].filter(pc.invert(pc.is_in(table["record_id"], whole.record_ids))))
    if len(unknown):
        raise InputError(
            f"{len(unknown):,} records named in {path} are not among the {len(whole):,} in {whole.folder}, e.g. "
            f"{', '.join(map(str, unknown[:3].to_pylist()))}; give the file that was made for these records"
        )
    table = table.filter(pc.is_in(table["record_id"], records.record_ids))
    found: dict[str, list[tuple[str, str]]] = {}
    unreadable: list[str] = []
    for record_id, name in zip(*(table[column].to_pylist() for column in COLUMNS), strict=True):
        ref = ImageRef(path=str(path.parent / name))
        try:
            data = read_image_bytes(ref)
            decode_image(data)
        except UnreadableImageError as error:
            unreadable.append(f"'{name}' of record '{record_id}' ({error})")
            continue
        found.setdefault(record_id, []).append((hash_bytes(data), ref.path))
    if unreadable:
        raise InputError(
            f"{len(unreadable):,} of the {table.num_rows:,} images named in {path} cannot be read, e.g. "
            f"{unreadable[0]}; paths start at the folder of the file: mend them, or take their rows out"
        )
    ordered = {record_id: sorted(images) for record_id, images in sorted(found.items())}
    contents = [[record_id, [content for content, _ in images]] for record_id, images in ordered.items()]
    return ImageVariants(
        n_records=len(ordered),
        n_images=table.num_rows,
        hash=hash_json(contents),
        refs={
            record_id: tuple(ImageRef(path, hash=content) for content, path in images)
            for record_id, images in ordered.items()
        },
    )


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise InputError(f"there are no image variants at {path}; expected a Parquet file of record_id and path")
    try:
        table = read_table(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error
    lacking = [name for name in COLUMNS if name not in table.column_names]
    if lacking:
        raise InputError(f"{path} has no column {' and '.join(lacking)}, only {', '.join(table.column_names)}")
    table = pa.table({name: table[name].cast(pa.string()) for name in COLUMNS})
    if table["record_id"].null_count or table["path"].null_count:
        raise InputError(f"{path} has rows without a record_id or without a path; every row needs both")
    return table
