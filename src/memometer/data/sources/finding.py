"""Where images are that a list names by paths of another machine, by addresses, or with folders of its own."""

import dataclasses
import os
import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from memometer.data.sources.base import BadRecordError

__all__ = ["ImageFolders", "name_parts", "spellings", "tail_parts", "telling_parts"]

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://[^/?#]*/([^?#]*)")
_DRIVE = re.compile(r"[a-zA-Z]:")


def name_parts(name: str) -> tuple[str, ...]:
    r"""The folders and the file that a name goes through: of a path of any system, or of an address.

    Raises:
        BadRecordError: no name, one with a zero byte, or one that goes up with ``..``.

    >>> name_parts("C:\\data\\train\\1.jpg"), name_parts("http://host.org/train2017/1.jpg?x=1")
    (('data', 'train', '1.jpg'), ('train2017', '1.jpg'))
    """
    address = _ADDRESS.match(name)
    path = (address[1] if address else name).replace("\\", "/")
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if parts and _DRIVE.fullmatch(parts[0]):
        parts = parts[1:]
    if not parts:
        raise BadRecordError("no image")
    if ".." in parts or "\0" in name:
        raise BadRecordError("unsafe name: points outside the images' folder")
    return parts


def tail_parts(name: str) -> tuple[str, ...]:
    r"""`name_parts` of what follows the last ``..``: the place that a name goes up from is another machine's.

    Raises:
        BadRecordError: no name, one with a zero byte, or one that ends in ``..``.

    >>> tail_parts("..\\..\\images\\1.jpg")
    ('images', '1.jpg')
    """
    return name_parts(re.split(r"(?:^|(?<=[\\/]))\.\.[\\/]", name)[-1])


def spellings(path: str) -> list[str]:
    """A path as it is written, then as others write it: ``%20`` as a blank, letters with accents as one or as two.

    >>> spellings("a%20b.jpg"), spellings("a b.jpg")
    (['a%20b.jpg', 'a b.jpg'], ['a b.jpg'])
    """
    if path.isascii() and "%" not in path:
        return [path]
    plain = path
    if "%" in path:
        parts = [unquote(part) for part in path.split("/")]
        changed = [part for part, written in zip(parts, path.split("/"), strict=True) if part != written]
        if not any(part in {".", ".."} or {"/", "\\", "\0"}.intersection(part) for part in changed):
            plain = "/".join(parts)  # else it would lead elsewhere
    forms = (unicodedata.normalize(form, each) for each in (path, plain) for form in ("NFC", "NFD"))
    return list(dict.fromkeys((path, plain, *forms)))


def telling_parts(names: Iterable[tuple[str, ...]]) -> int:
    """How many parts of a name's end tell all names apart, which may be millions.

    >>> telling_parts([("a", "1.jpg"), ("b", "1.jpg"), ("b", "1.jpg")]), telling_parts([("a", "1.jpg"), ("a", "2.jpg")])
    (2, 1)
    """
    ends: list[array[int]] = []  # by number of parts, a hash of the end of each name
    for parts in names:
        while len(ends) < len(parts):
            ends.append(array("q", ends[-1]) if ends else array("q"))
        for n_parts, known in enumerate(ends, start=1):
            known.append(hash(parts[-n_parts:]))
    counts = [len(np.unique(np.frombuffer(known, np.int64))) for known in ends]
    return next((n_parts for n_parts, count in enumerate(counts, start=1) if count == counts[-1]), 1)


@dataclasses.dataclass(frozen=True)
class ImageFolders:
    """Folders in which images are looked for, the likeliest first.

    Attributes:
        folders: the folders.
        shortest: how many parts of a name's end must be found at least: as many as tell the list's images apart.
    """

    folders: tuple[Path, ...]
    shortest: int = 1

    @classmethod
    def of(cls, folders: Sequence[Path], names: Iterable[tuple[str, ...]]) -> "ImageFolders":
        """Those of the ``folders`` that are there, for the images of these names."""
        return cls(tuple(folder for folder in dict.fromkeys(folders) if folder.is_dir()), telling_parts(names))

    def find(self, parts: tuple[str, ...]) -> Path | None:
        """The image of a name; None where none of the folders has it.

        The whole name is looked for first, then what is left when its first folders are taken off: those of another
        machine; then the same in the name's other `spellings`.
        """
        for spelled in spellings("/".join(parts)):
            named = spelled.split("/")
            for first in range(max(len(parts) - self.shortest, 0) + 1):
                tail = "/".join(named[first:])
                for folder in self.folders:
                    path = f"{folder}/{tail}"
                    if os.path.isfile(path):  # noqa: PTH113 (a Path for each of a million files takes longer)
                        return Path(path)
        return None

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders)) or "no folder that is there"
