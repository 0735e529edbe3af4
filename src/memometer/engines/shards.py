"""The engine of shards: several runs of one command that share a store, with nobody to tell them what to do.

Each makes pieces that nobody has, beginning at its own share of the order, then those of others that have died, and
waits for the rest; so all of them have all pieces at the end of each stage.
"""

import dataclasses
import itertools
import os
import time
from collections.abc import Iterator
from typing import Any

from memometer.engines import claims as claiming
from memometer.engines.agreement import SHARDS, Ledger, check_there
from memometer.engines.base import Engine, Here, Job
from memometer.engines.claims import Claims
from memometer.errors import InputError, JobError
from memometer.files import clear_leftovers
from memometer.progress import notice, warn
from memometer.software import timestamp
from memometer.storage.paths import AnyPath

__all__ = ["Merging", "Shard", "Shards", "shard_of"]

POLL = 0.5
"""Seconds between two looks at what others have made."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """Which of how many, from 1."""

    number: int
    n: int

    def __str__(self) -> str:
        return f"{self.number}/{self.n}"


def shard_of(words: str) -> Shard:
    """The shard that ``3/64`` names.

    Raises:
        InputError: it names none.
    """
    number, _, n = words.partition("/")
    if not (number.isdecimal() and n.isdecimal() and len(words) < 20 and 1 <= int(number) <= int(n)):
        raise InputError(f"'{words}' is no shard; expected I/N with I from 1 to N, e.g. 3/64 for the third of 64")
    return Shard(int(number), int(n))


class Shards:
    """Makes pieces together with the other shards.

    Args:
        shard: this one.
        store: that all shards share.
        within: the engine by which this shard makes its pieces.
    """

    shared = True

    def __init__(self, shard: Shard, *, store: AnyPath, within: Engine | None = None) -> None:
        self._shard, self._within = shard, within or Here()
        self._who = f"shard {shard} on {os.uname().nodename} (process {os.getpid()})"
        self._store = store
        name = f"{shard.number}-of-{shard.n}.{os.uname().nodename}.{os.getpid()}.tsv"
        self._ledger = Ledger(store / SHARDS / name)

    def run(self, job: Job) -> Iterator[tuple[int, Any]]:
        """See `memometer.engines.base.Engine`.

        Raises:
            JobError: the store is gone.
        """
        check_there(self._store)
        with Claims(job.folder, who=self._who) as claims, self._ledger:
            for piece, arrays, ours in _Share(job, claims, self._ordered(job), self._within).results():
                check_there(self._store)
                if ours:
                    self._ledger.note(f"{timestamp()}\t{self._who}\t{job.folder.name}\t{piece}\n")
                yield piece, arrays
            claims.clear()

    def close(self) -> None:
        """Ends the engine within."""
        self._within.close()

    def _ordered(self, job: Job) -> list[int]:
        """The pieces from the first of this shard's share on, and then from the beginning."""
        missing = list(job.missing)
        start = len(missing) * (self._shard.number - 1) // self._shard.n
        return [*missing[start:], *missing[:start]]


class _Share:
    """One folder's pieces, as one shard sees them."""

    def __init__(self, job: Job, claims: Claims, left: list[int], within: Engine) -> None:
        self._job, self._claims, self._within = job, claims, within
        self._left = dict.fromkeys(left)
        self._found: dict[int, Any] = {}
        self._waits = False

    def results(self) -> Iterator[tuple[int, Any, bool]]:
        """Every piece that was missing, once it is there, and whether it was made here."""
        while self._left:
            free = self._free()
            first = next(free, None)
            yield from self._others()
            if first is None:
                if self._left:
                    self._wait()
                continue
            ours = dataclasses.replace(self._job, missing=itertools.chain([first], free))
            for piece, arrays in self._within.run(ours):
                self._claims.give_up(piece)
                self._left.pop(piece, None)
                yield piece, arrays, True
                yield from self._others()
            yield from self._others()

    def _others(self) -> Iterator[tuple[int, Any, bool]]:
        """What was found that others have made."""
        found, self._found = self._found, {}
        for piece, arrays in found.items():
            yield piece, arrays, False

    def _free(self) -> Iterator[int]:
        """Pieces that are to be made by us, each claimed as it is taken."""
        there, claimed = self._claims.standing()
        for piece in list(self._left):
            if piece in there and self._whole(piece):
                continue
            taken = self._claims.take(piece, claimed.get(piece, 0))
            if taken is None:
                continue
            if self._whole(piece):  # since we looked
                self._claims.give_up(piece)
                continue
            if taken.before is not None:
                warn(
                    f"{taken.before} has shown no sign of life for {claiming.PATIENCE:.0f} s; "
                    f"{self._job.name(piece)} is made here"
                )
            yield piece

    def _whole(self, piece: int) -> bool:
        """Whether another has made it."""
        arrays = self._job.read(piece)
        if arrays is None:
            return False
        self._left.pop(piece, None)
        self._found[piece] = arrays
        return True

    def _wait(self) -> None:
        if not self._waits:
            notice(f"{len(self._left):,} pieces of {self._job.label} are being made by other shards; waiting for them")
            self._waits = True
        time.sleep(POLL)


class Merging:
    """Makes nothing: all pieces are there, or it says which are not."""

    shared = True

    def run(self, job: Job) -> Iterator[tuple[int, Any]]:
        """See `memometer.engines.base.Engine`.

        Raises:
            JobError: pieces are missing.
        """
        missing = list(job.missing)
        if missing:
            raise JobError(
                f"{job.label}: {len(missing):,} of {job.n:,} pieces are missing in {job.folder} ({_spans(missing)}), "
                "and what comes after them; run the shards to their end, or one alone with --shard 1/1, then --merge"
            )
        clear_leftovers(job.folder)  # of shards that were killed
        Claims(job.folder, who="").clear()
        yield from ()

    def close(self) -> None:
        """There is nothing to end."""


def _spans(numbers: list[int], most: int = 8) -> str:
    """Ascending numbers in words.

    >>> _spans([0, 1, 2, 7])
    '0–2, 7'
    """
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [f"{first}" if first == last else f"{first}–{last}" for first, last in spans]
    return ", ".join([*words[:most], *(["…"] if len(words) > most else [])])
