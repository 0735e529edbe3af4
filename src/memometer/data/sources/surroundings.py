"""What lies in a source's folder beside the files that its reader reads: counted, so that nothing is passed over."""

import dataclasses
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from memometer.data.images import IMAGE_SUFFIXES
from memometer.data.sources.base import Reader
from memometer.data.sources.listing import walk
from memometer.data.sources.pairing import HIDDEN
from memometer.storage.addresses import is_remote
from memometer.storage.reading import list_objects

__all__ = ["Surroundings", "surroundings"]


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """Files of the source's folder that no reader reads.

    Attributes:
        aside: by kind; images are not among them.
        images: their absolute paths; a table may name some of them.
        remarks: sentences on them.
    """

    aside: Counter[str]
    images: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def surroundings(source: str | Path, reader: Reader, *, out: Path) -> Surroundings:
    """What lies beside the files of a source that is a folder; nothing where it is a file or several.

    Args:
        source: as the user named it.
        reader: which counts what it reads itself; a reader of image folders counts all of it.
        out: the folder of the records, which may lie within the source.
    """
    if is_remote(str(source)) and reader.format != "folder":
        there = [path for path in list_objects(str(source)) if path not in set(map(str, reader.files()))]
        return Surroundings(Counter(PurePosixPath(path).suffix.lower() or "no suffix" for path in there))
    root = os.path.abspath(source)  # noqa: PTH100 (keeps links, as readers do)
    if not Path(root).is_dir() or reader.format == "folder":
        return Surroundings(Counter())
    read = {str(path) for path in reader.files()}
    aside: Counter[str] = Counter()
    images = set()
    for path in _others(root, out=out, aside=aside):
        if path in read:
            continue
        name = Path(path).name
        suffix = Path(name.lower()).suffix
        if name.startswith("."):
            aside[HIDDEN] += 1
        elif suffix in IMAGE_SUFFIXES:
            images.add(path)
        else:
            aside[suffix or "no suffix"] += 1
    remarks = []
    if images and reader.format == "webdataset":
        remarks.append(
            f"read as webdataset; {len(images):,} images beside the shards were not read: --format folder does"
        )
    return Surroundings(aside, frozenset(images), tuple(remarks))


def _others(root: str, *, out: Path, aside: Counter[str]) -> Iterator[str]:
    n_hidden = 0
    for folder, names, n_hidden in walk(root):  # noqa: B007 (its last value is used)
        place = Path(root, folder)
        if place != out and out not in place.parents:
            yield from (str(place / name) for name in names)
    if n_hidden:
        aside["hidden folder"] += n_hidden
