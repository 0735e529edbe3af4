"""Where images are that a list names by paths of another machine, by addresses, or with folders of its own."""

import dataclasses
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from memometer.data.sources.base import BadRecordError

__all__ = ["ImageFolders", "name_parts", "tail_parts"]

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
        distinct = set(names)
        longest = max(map(len, distinct), default=1)
        shortest = next(
            (n for n in range(1, longest) if len({parts[-n:] for parts in distinct}) == len(distinct)), longest
        )
        return cls(tuple(folder for folder in dict.fromkeys(folders) if folder.is_dir()), shortest)

    def find(self, parts: tuple[str, ...]) -> Path | None:
        """The image of a name; None where none of the folders has it.

        The whole name is looked for first, then what is left when its first folders are taken off: those of another
        machine.
        """
        for first in range(max(len(parts) - self.shortest, 0) + 1):
            tail = parts[first:]
            for folder in self.folders:
                path = "/".join((str(folder), *tail))
                if os.path.isfile(path):  # noqa: PTH113 (a Path for each of a million files takes longer)
                    return Path(path)
        return None

    def __str__(self) -> str:
        return ", ".join(map(str, self.folders)) or "no folder that is there"
