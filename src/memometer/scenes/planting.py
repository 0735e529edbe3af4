"""Planted cases: records that a study may look for, because it is known what is the matter with them."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from memometer.errors import InputError
from memometer.scenes.composition import Scene
from memometer.seeds import rng_for

__all__ = ["PLANTED_SCHEMA", "Entry", "Planting", "plan", "scene_id"]

PLANTED_SCHEMA = pa.schema(
    [
        pa.field("record_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # "miscaptioned" or "repeated"
        pa.field("of", pa.string(), nullable=False),  # the scene whose captions, or whose image and captions, it has
    ]
)
"""Columns of ``planted.parquet``: one row per planted record; of repeated ones the first is a row too."""

ELSEWHERE = 10**9
"""Scenes from this index on belong to no set of records; they lend their captions to miscaptioned records."""


@dataclasses.dataclass(frozen=True)
class Planting:
    """What to plant.

    Attributes:
        miscaptioned: how many records get the captions of another scene; below 1, which share of them.
        repeated: how many records occur more than once.
        times: how often each of those occurs, the first included.
    """

    miscaptioned: float = 0
    repeated: int = 0
    times: int = 8

    def check(self, n: int) -> None:
        """Passes where ``n`` records have room for what is to be planted.

        Raises:
            InputError: a number is out of range, or the planted records are more than there are.
        """
        if self.miscaptioned < 0 or (self.miscaptioned > 1 and self.miscaptioned != int(self.miscaptioned)):
            raise InputError(
                f"miscaptioned is {self.miscaptioned}; expected a number of records such as 50, or a share such as 0.05"
            )
        if self.repeated < 0 or self.times < 2:
            raise InputError(
                f"repeated is {self.repeated} and times is {self.times}; expected repeated >= 0 and times >= 2"
            )
        share = 0 < self.miscaptioned < 1
        planted = int(n * self.miscaptioned if share else self.miscaptioned) + self.repeated
        if planted > n:
            raise InputError(f"{planted:,} records are to be planted among {n:,}; plant fewer, or draw more with --n")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One record to be drawn.

    Attributes:
        record_id: its id.
        index: the scene that is drawn.
        captions_from: the scene whose captions it gets; ``index`` where nothing is the matter.
        group: the id that it shares with its copies, or None.
    """

    record_id: str
    index: int
    captions_from: int
    group: str | None = None

    @property
    def planted(self) -> dict[str, str] | None:
        """Its row in ``planted.parquet``, or None."""
        if self.captions_from != self.index:
            return {"record_id": self.record_id, "kind": "miscaptioned", "of": scene_id(self.captions_from)}
        if self.group is not None:
            return {"record_id": self.record_id, "kind": "repeated", "of": self.group}
        return None


def scene_id(index: int) -> str:
    """The record id of a scene.

    >>> scene_id(123)
    'scene-000123'
    """
    return f"scene-{index:06d}"


def plan(seed: int, planting: Planting, *, n: int, compose: Callable[[int, int], Scene]) -> Iterator[Entry]:
    """All records: the ``n`` scenes in order, then the copies of the repeated ones; ``compose`` makes a scene.

    With a share of miscaptioned records, what is the matter with a record depends on the seed and its index alone;
    with a number of them it depends on ``n`` too, since exactly so many are chosen.
    """
    miscaptioned, repeated = _chosen(seed, planting, n)
    for index in range(n):
        captions_from = _elsewhere(compose(seed, index), compose) if miscaptioned[index] else index
        yield Entry(scene_id(index), index, captions_from, scene_id(index) if repeated[index] else None)
    for index in np.flatnonzero(repeated).tolist():
        for copy in range(1, planting.times):
            yield Entry(f"{scene_id(index)}-copy-{copy}", index, index, scene_id(index))


def _chosen(seed: int, planting: Planting, n: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(n,) which records are miscaptioned, (n,) which are repeated; never both."""
    miscaptioned, repeated = np.zeros(n, bool), np.zeros(n, bool)
    if not planting.miscaptioned and not planting.repeated:
        return miscaptioned, repeated
    draws = np.array([rng_for(seed, "planted", index).random() for index in range(n)])
    order = np.argsort(draws, kind="stable")
    if planting.miscaptioned < 1:
        miscaptioned = draws < planting.miscaptioned
    else:
        miscaptioned[order[: int(planting.miscaptioned)]] = True
    rest = order[::-1][~miscaptioned[order[::-1]]]
    repeated[rest[: planting.repeated]] = True
    return miscaptioned, repeated


def _elsewhere(scene: Scene, compose: Callable[[int, int], Scene]) -> int:
    """A scene outside of every set that has no object in common with this one, so that no caption is true of it."""
    kinds = {item.kind.word for item in scene.items}
    first = ELSEWHERE + 32 * scene.index
    for index in range(first, first + 32):
        if kinds.isdisjoint(item.kind.word for item in compose(scene.seed, index).items):
            return index
    return first
