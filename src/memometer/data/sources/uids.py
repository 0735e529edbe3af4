"""Lists of uids that choose records of a pool, as DataComp's baselines write them."""

import csv
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from memometer.arrays import map_array
from memometer.data.arrow_tables import version_of
from memometer.data.sources.base import Aside, Draft, Reject
from memometer.errors import DamagedError, InputError, first_of, shown

__all__ = ["chosen", "load_uids", "unmet_remark"]

NOT_CHOSEN = "not in the list of uids"
DIGITS = 32
PAIR = np.dtype("u8,u8")


def chosen(
    found: Iterator[Draft | Reject | Aside], uids: str | None, *, met: list[int]
) -> Iterator[Draft | Reject | Aside]:
    """What a reader found, without records whose uid is not in the list; these are counted.

    Args:
        found: by a reader.
        uids: the list; None takes all.
        met: is given the places in the list of the records that are in it.
    """
    if uids is None:
        yield from found
        return
    listed = load_uids(uids)
    for each in found:
        if not isinstance(each, Draft):
            yield each
        elif each.uid is None:
            yield _without(each, "--uid-column names its column or JSON field")
        elif (pair := _pair(each.uid)) is None:
            yield _without(each, f"'{each.uid[:40]}' is not {DIGITS} hex digits")
        elif (place := _place(listed, pair)) is None:
            yield Aside(NOT_CHOSEN)
        else:
            met.append(place)
            yield each


def unmet_remark(uids: str, met: Iterable[Sequence[int]]) -> str | None:
    """A sentence on the uids of a list that no record of the source has; None where there are none.

    Args:
        uids: the list.
        met: as of `chosen`, of every piece.
    """
    listed = load_uids(uids)
    unmet = np.ones(len(listed), np.bool_)
    unmet[1:] = listed[1:] != listed[:-1]  # one that is listed twice is one
    n_listed = int(unmet.sum())
    for places in met:
        unmet[np.asarray(places, np.int64)] = False
    lacking = listed[unmet]
    if len(lacking) == 0:
        return None
    named = first_of([f"{int(one):016x}{int(other):016x}" for one, other in lacking[:4]], 3)
    return f"{len(lacking):,} of {n_listed:,} listed uids are of no record in the source: {named}"


def _without(draft: Draft, why: str) -> Reject:
    return Reject(draft.record_id, draft.source, draft.member, f"no uid: {why}")


def load_uids(path: str) -> npt.NDArray[Any]:
    """(n,) of pairs of 64-bit numbers, ascending.

    Raises:
        InputError: there is no such list, it is damaged or of another form.
    """
    if not Path(path).is_file():
        raise InputError(
            f"there is no list of uids at {path}; expected .npy, .parquet, .csv or a text with a uid a line"
        )
    return _loaded(path, version_of(path))


@functools.lru_cache(maxsize=1)
def _loaded(path: str, version: tuple[int, int]) -> npt.NDArray[Any]:  # noqa: ARG001 (a key)
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".npy":
            pairs = map_array(Path(path))
            if pairs.ndim == 2 and pairs.dtype == np.uint64 and pairs.shape[1:] == (2,):
                pairs = np.ascontiguousarray(pairs).view(PAIR)[:, 0]
            if pairs.dtype != PAIR or pairs.ndim != 1:
                raise InputError(
                    f"{path} holds {pairs.dtype} of shape {pairs.shape}; expected DataComp's list of pairs of uint64, "
                    "numpy.dtype('u8,u8')"
                )
        elif suffix == ".parquet":
            table = pq.ParquetFile(path)
            if "uid" not in table.schema_arrow.names:
                raise InputError(f"{path} has no column 'uid'; its columns are {', '.join(table.schema_arrow.names)}")
            pairs = _pairs(table.read(["uid"])["uid"].cast(pa.string()).to_pylist(), path)
        else:
            lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
            if suffix in {".csv", ".tsv"}:
                rows = list(csv.DictReader(lines, delimiter="\t" if suffix == ".tsv" else ","))
                lines = [row.get("uid") or "" for row in rows]
            pairs = _pairs([line.strip() for line in lines if line.strip()], path)
    except (DamagedError, pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the list of uids at {path} cannot be read: {error}") from None
    if len(pairs) == 0:
        raise InputError(f"the list of uids at {path} is empty")
    first = pairs["f0"]
    return pairs if bool(np.all(first[:-1] <= first[1:])) else np.sort(pairs)


def _pairs(uids: Sequence[str | None], path: str) -> npt.NDArray[Any]:
    try:
        data = bytes.fromhex("".join(uid if uid is not None and len(uid) == DIGITS else "?" for uid in uids))
    except ValueError:
        row = next(row for row, uid in enumerate(uids) if uid is None or _pair(uid) is None)
        raise InputError(f"row {row + 1} of {path} is {shown(uids[row])}; expected {DIGITS} hex digits") from None
    return np.sort(np.frombuffer(data, ">u8").astype(np.uint64).view(PAIR))


def _pair(uid: str) -> tuple[int, int] | None:
    """The two halves of a uid; None where it is none."""
    try:
        data = bytes.fromhex(uid) if len(uid) == DIGITS else b""
    except ValueError:
        return None
    return (int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big")) if len(data) == DIGITS // 2 else None


def _place(pairs: npt.NDArray[Any], pair: tuple[int, int]) -> int | None:
    """Where a uid stands first in an ascending list; None where it does not."""
    first = pairs["f0"]
    start = int(np.searchsorted(first, np.uint64(pair[0])))
    while start < len(pairs) and int(first[start]) == pair[0]:
        if int(pairs["f1"][start]) == pair[1]:
            return start
        start += 1
    return None
