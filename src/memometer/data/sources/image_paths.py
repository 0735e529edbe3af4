"""Where the image is that a row of a table names, and the id that it gets."""

import os.path
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.base import BadRecordError
from memometer.data.sources.finding import ImageFolders, spellings, tail_parts

__all__ = ["find_image"]

GUESSED_SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG", ".JPEG")
"""Looked for where a table names images without a suffix, as Open Images does."""

MAX_CHARACTERS = 4096
"""No system has longer paths; such a cell holds something else."""


def find_image(name: str, *, table: str, folders: tuple[str, ...], shortest: int) -> tuple[str, str]:
    """The image of a name, and its usual id: where the table says, else by the end of the name in the folders.

    What is nowhere is where the table says, so that the reject tells where it was looked for.

    Args:
        name: a path of any system, or an address.
        table: the folder of the table.
        folders: other folders.
        shortest: how many parts of a name's end must be found there.

    Raises:
        BadRecordError: what cannot be the name of a file.
    """
    if "\0" in name:
        raise BadRecordError("missing image: the path holds a zero byte")
    if len(name) > MAX_CHARACTERS:
        raise BadRecordError(f"missing image: the cell holds {len(name):,} characters, which no path has")
    if name.startswith("file://"):
        name = unquote(name[name.index("/", len("file://")) :] if "/" in name[len("file://") :] else "")
    if "://" not in name:
        for written in dict.fromkeys((name, name.replace("\\", "/"))):
            for spelled in spellings(written):
                if os.path.isfile(os.path.join(table, spelled)):  # noqa: PTH113, PTH118 (a Path for each of many files takes longer)
                    return os.path.join(table, spelled), _id_of(spelled, table=table)  # noqa: PTH118
    try:
        parts = tail_parts(name)
    except BadRecordError:  # of no file
        return os.path.join(table, name), _id_of(name, table=table)  # noqa: PTH118
    here, others = (Path(table),), tuple(map(Path, folders))
    suffixes = ("",) if PurePosixPath(parts[-1]).suffix.lower() in IMAGE_SUFFIXES else ("", *GUESSED_SUFFIXES)
    for suffix in suffixes:
        ends = (*parts[:-1], parts[-1] + suffix)
        local = ImageFolders(here, shortest=len(parts))
        found = local.find(ends) or ImageFolders(others, shortest=min(shortest, len(parts))).find(ends)
        if found is not None:
            holders = [each for each in (*here, *others) if found.is_relative_to(each)]
            holder = max(holders, key=lambda each: len(each.parts))
            return str(found), str(PurePosixPath(found.relative_to(holder)).with_suffix(""))
    return os.path.join(table, name), _id_of(name, table=table)  # noqa: PTH118


def _id_of(name: str, *, table: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() and path.is_relative_to(table):
        path = path.relative_to(table)
    return str(path.with_suffix("")) if path.name else str(path)
