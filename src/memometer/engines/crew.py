"""Pieces of a job among the members of a crew, wherever these are: who is lost leaves its pieces to the others."""

import abc
import collections
import dataclasses
import pickle
from collections.abc import Iterator
from typing import Any

from memometer.engines.base import Job
from memometer.engines.member import End, Failed, Idle, Made, Piece, Wanted, Work
from memometer.engines.travel import Parcel, packed
from memometer.errors import JobError
from memometer.files import clear_leftovers
from memometer.progress import notice, warn

__all__ = ["Crew", "Lost", "Member"]

MOST_DEATHS = 3
"""How many members may be lost with one piece under way, before the piece is held to be what kills them."""


@dataclasses.dataclass(frozen=True)
class Lost:
    """In place of a message: the member is gone."""

    why: str


class Member(abc.ABC):
    """One process that makes pieces.

    Attributes:
        under_way: the pieces that it took, in their order.
        idle: whether it waits to be given a piece.
        heard: whether it has ever said anything; until then it may be about to start.
        models: keys of the models that it was sent.
    """

    def __init__(self) -> None:
        self.under_way: collections.deque[int] = collections.deque()
        self.idle = self.heard = False
        self.models: set[str] = set()

    @abc.abstractmethod
    def send(self, message: Any) -> None:
        """Hands it a message; one that is gone is found out later."""

    @abc.abstractmethod
    def end(self) -> None:
        """Ends it at once."""


class Crew(abc.ABC):
    """An engine of several processes; they stay for the next job."""

    shared = False

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.jobs = 0

    @abc.abstractmethod
    def muster(self) -> None:
        """Sees to it that ``members`` are as many as there should be."""

    @abc.abstractmethod
    def heard(self) -> Iterator[tuple[Member, Any]]:
        """The next messages of members, and what is `Lost`; waits for one at least."""

    def replaced(self, member: Member) -> None:
        """Takes a lost member out; another comes in its place where none is left."""
        self.members.remove(member)
        member.end()
        if not self.members:
            self.muster()

    def run(self, job: Job) -> Iterator[tuple[int, Any]]:
        """See `memometer.engines.base.Engine`."""
        try:
            packing = packed(job.make, folder=job.folder)
            parcel = packing.__enter__()
        except (TypeError, AttributeError, RuntimeError, pickle.PicklingError) as error:
            notice(f"{job.folder.name} is made in this process: other processes cannot be sent it ({error})")
            yield from job.make(job.missing)
            return
        try:
            self.jobs += 1
            self.muster()
            yield from _Sharing(self, job, parcel).results()
            clear_leftovers(job.folder)  # of members that were lost
        except BaseException:
            self.close()  # what its members are at is of no use to anyone
            raise
        finally:
            packing.__exit__(None, None, None)

    def close(self) -> None:
        """Ends all members."""
        for member in self.members:
            member.end()
        self.members = []


class _Sharing:
    """One job on its way through a crew."""

    def __init__(self, crew: Crew, job: Job, parcel: Parcel) -> None:
        self._crew, self._job, self._parcel = crew, job, parcel
        self._left = iter(job.missing)
        self._again: collections.deque[int] = collections.deque()
        self._deaths: collections.Counter[int] = collections.Counter()
        self._barren, self._ended = 0, False

    def results(self) -> Iterator[tuple[int, Any]]:
        for member in self._crew.members:
            self._begin(member)
        while not self._done():
            for member, message in list(self._crew.heard()):
                if isinstance(message, Lost):
                    self._lose(member, message)
                    continue
                member.heard = True
                if message.job != self._crew.jobs:  # of one that was long in coming
                    continue
                if isinstance(message, Made):
                    member.under_way.remove(message.number)
                    self._barren = 0
                    yield message.number, message.arrays
                elif isinstance(message, Wanted):
                    self._give(member)
                elif isinstance(message, Idle):
                    member.idle = True
                elif isinstance(message, Failed):
                    raise message.error
            for member in self._crew.members:  # what a lost one left goes to those who had nothing more to do
                if member.idle and self._again:
                    self._give(member)

    def _done(self) -> bool:
        if self._again or any(member.under_way for member in self._crew.members):
            return False
        return self._ended and all(member.idle for member in self._crew.members if member.heard)

    def _begin(self, member: Member) -> None:
        new = {key: data for key, data in self._parcel.models.items() if key not in member.models}
        member.models |= new.keys()
        member.idle = False
        member.send(Work(self._crew.jobs, Parcel(self._parcel.work, new)))

    def _give(self, member: Member) -> None:
        """The next piece, or that there is none."""
        number = self._again.popleft() if self._again else next(self._left, None)
        if number is None:
            self._ended = True
            member.send(End())
            return
        member.under_way.append(number)
        member.idle = False
        member.send(Piece(number))

    def _lose(self, member: Member, lost: Lost) -> None:
        pieces = list(member.under_way)
        self._barren += 1
        if self._barren > 2 * MOST_DEATHS and not self._deaths:
            raise JobError(
                f"{self._barren} processes died before they made anything, the last of them {lost.why}; see what they "
                "say above, give more memory, or do without: --engine here"
            )
        for number in pieces[:1]:  # the others had not begun
            self._deaths[number] += 1
            if self._deaths[number] >= MOST_DEATHS:
                raise JobError(
                    f"{self._deaths[number]} processes died at {self._job.name(number)}, the last of them {lost.why}: "
                    "for want of memory, or because a library fails on what is there; give more memory, or leave that "
                    "out, then run the command again"
                )
        self._again.extend(pieces)
        warn(f"{lost.why}; {f'its {len(pieces)} pieces go on elsewhere' if pieces else 'the others go on'}")
        before = set(self._crew.members)
        self._crew.replaced(member)
        for new in set(self._crew.members) - before:
            self._begin(new)
