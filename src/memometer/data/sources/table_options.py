"""How the rows of any table are read, from what the user said and what lies beside the table."""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from memometer.data.sources.base import BadRecordError, Fields
from memometer.data.sources.class_names import load_class_names
from memometer.data.sources.columns import Corners, column_remarks
from memometer.data.sources.file_splits import split_remarks, splits_of
from memometer.data.sources.finding import tail_parts, telling_parts
from memometer.data.sources.options import ReaderOptions
from memometer.data.sources.rows import RowOptions, image_name
from memometer.errors import InputError
from memometer.storage.addresses import is_remote

__all__ = ["row_options", "table_remarks"]

_BESIDE = (
    "images", "Images", "image", "img", "imgs", "photos", "data", "Flicker8k_Dataset", "Flickr8k_Dataset",
    "flickr8k_images", "flickr30k_images", "flickr30k-images", "train2014", "val2014", "train2017", "val2017",
)  # fmt: skip
"""Folders beside a table in which its images usually lie."""


def row_options(
    paths: Sequence[str],
    options: ReaderOptions,
    fields: Fields,
    *,
    corners: Corners | None = None,
    classes: Mapping[str, tuple[str, ...]] | None = None,
    images: Callable[[], Iterable[object]] = tuple,
) -> RowOptions:
    """How rows are read.

    Args:
        paths: the tables.
        options: what the user said.
        fields: the columns, chosen.
        corners: columns of one box per row.
        classes: names of numbered classes that the table itself has, by column.
        images: the cells of all images; read where images may lie in other folders than the table says.

    Raises:
        InputError: a folder of ``--images`` is none.
    """
    for folder in options.images:
        if not Path(folder).is_dir():
            raise InputError(f"there is no folder of images at {folder}; --images names one")
    given = [str(Path(folder).absolute()) for folder in options.images]
    own = dict.fromkeys(Path(path).parent for path in paths if not is_remote(path))
    beside = _beside(own) or _beside(dict.fromkeys(folder.parent for folder in own), but=own)
    nested = [inner for folder in beside if (inner := folder / folder.name).is_dir()]  # as archives unpack on Kaggle
    folders = given or [str(folder) for folder in (*beside, *nested)]
    asked = options.fields
    return RowOptions(
        fields,
        tuple(name for name in (asked.label, asked.objects, asked.boxes, asked.scores, asked.role) if name),
        corners,
        tuple(folders),
        _telling(images()) if folders else 1,
        None if options.class_names is None else load_class_names(options.class_names),
        classes or {},
        {} if fields.role else splits_of(paths),
        () if given or all(folder.parent in own for folder in beside) else (_elsewhere(beside),),
    )


def table_remarks(names: Sequence[str], rows: RowOptions) -> tuple[str, ...]:
    """Sentences on columns of these names that are not read, on splits that became roles, and on where images lie."""
    return (*column_remarks(names, rows.fields, rows.corners), *split_remarks(rows.roles), *rows.found_elsewhere)


def _beside(folders: Iterable[Path], *, but: Collection[Path] = ()) -> list[Path]:
    """Folders in these in which images usually lie."""
    found = (folder / name for folder in folders for name in _BESIDE)
    return [folder for folder in found if folder not in but and folder.is_dir()]


def _elsewhere(folders: Sequence[Path]) -> str:
    return (
        f"images are looked for beside the table's own folder, too: {', '.join(map(str, folders))}; --images says where"
    )


def _telling(cells: Iterable[object]) -> int:
    """How many parts of a name's end tell all images apart."""

    def parts() -> Iterator[tuple[str, ...]]:
        last = None
        for name in map(image_name, cells):
            if name is not None and name != last:
                with contextlib.suppress(BadRecordError):
                    yield tail_parts(name)
            last = name

    return telling_parts(parts())
