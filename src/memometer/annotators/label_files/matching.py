"""Which records are meant by the images that a file of labels names."""

import re
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence

from memometer.annotators.label_files.cells import cell_names
from memometer.data.records import Records

__all__ = ["match_images"]

UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of a file that was uploaded."""

Rows = list[int]

BY_ID = (True, sys.maxsize)
"""How far an image's name agrees with the record whose id it is."""


def match_images(images: Sequence[str], records: Records) -> tuple[list[Rows], int]:
    """The records of each image, and how many images could be of several records, or share one with others.

    An image is named by its record's id, with or without a suffix; else by its file, as the file name or without its
    suffix, whatever the folders are. In a tar the file is the sample's key, in a table what its cell is called. Where
    several files share a name, the one whose folders agree the furthest from the end is meant; where several images
    claim one record, the one that agrees with it the furthest. What is not told apart so, is nobody's.

    Args:
        images: (k,) distinct.
        records: n records.

    Returns:
        (k,) lists of rows; several where several records have one image.
    """
    ids = {record_id: row for row, record_id in enumerate(records.record_ids.to_pylist())}
    index = _Index(records, ids)
    found: list[Rows] = []
    agreed: list[tuple[bool, int]] = []
    claims = defaultdict[int, list[int]](list)
    unclear = set[int]()
    for place, image in enumerate(images):
        *folders, name = image.replace("\\", "/").split("/")
        stem = name.rpartition(".")[0] or name
        row = ids.get(image, ids.get("/".join((*folders, stem))))
        rows, agrees = ([row], BY_ID) if row is not None else index.nearest(folders, name, stem)
        if rows is None:
            unclear.add(place)
        else:
            for row in rows:
                claims[row].append(place)
        found.append(rows or [])
        agreed.append(agrees)
    for places in claims.values():
        if len(places) > 1:
            best = max(agreed[place] for place in places)
            nearest = [place for place in places if agreed[place] == best]
            unclear.update(places if len(nearest) > 1 and best != BY_ID else set(places) - set(nearest))
    return [[] if place in unclear else rows for place, rows in enumerate(found)], len(unclear)


class _Index:
    """Records by the names of their files; of those in tars and tables by those of their samples or cells."""

    def __init__(self, records: Records, ids: Mapping[str, int]) -> None:
        self._ids = ids
        columns = [
            records.column(name).to_pylist() for name in ("record_id", "image_path", "image_offset", "image_row")
        ]
        self._places: list[str] = []
        self._by_name, self._by_stem, self._by_key = (defaultdict[str, Rows](list) for _ in range(3))
        cells = cell_names(records)
        for row, (record_id, path, offset, number) in enumerate(zip(*columns, strict=True)):
            own = path is not None and offset is None and number is None
            place = path if own else f"{path}/{cells[row]}" if row in cells else record_id
            self._places.append(place)
            name = place.rpartition("/")[2]
            self._by_name[name].append(row)
            self._by_stem[name.rpartition(".")[0] or name].append(row)
            if not own:
                self._by_key[name].append(row)

    def nearest(self, folders: Sequence[str], name: str, stem: str) -> tuple[Rows | None, tuple[bool, int]]:
        """The records of an image, and how far they agree with its name; None where several images could be meant."""
        rows, exact = self._called(name, stem)
        uploaded = UPLOADED.match(name)
        if not rows and uploaded:
            rows, exact = self._called(name[uploaded.end() :], stem[uploaded.end() :])
        if not rows:
            return [], (False, 0)
        shared = {place: _shared(folders, place.split("/")[:-1]) for place in {self._places[row] for row in rows}}
        most = max(shared.values())
        if sum(each == most for each in shared.values()) > 1:
            return None, (exact, most)
        return [row for row in rows if shared[self._places[row]] == most], (exact, most)

    def _called(self, name: str, stem: str) -> tuple[Rows, bool]:
        rows = self._by_name.get(name)
        if rows:
            return rows, True
        # A tar's key ends at the first full stop of the member's name.
        key = name.partition(".")[0]
        rows = self._by_stem.get(name) or self._by_stem.get(stem) or self._by_key.get(key)
        # Files of labels may be called by records' ids where images are called otherwise.
        named = [self._ids[each] for each in (name, stem) if each in self._ids]
        return rows or named[:1], False


def _shared(folders: Sequence[str], others: Sequence[str]) -> int:
    """How many folders two paths share, from the end."""
    n = 0
    for one, other in zip(reversed(folders), reversed(others), strict=False):
        if one != other:
            break
        n += 1
    return n
