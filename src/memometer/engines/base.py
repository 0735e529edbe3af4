"""What an engine is: it makes the missing pieces of a folder, wherever and in whatever order."""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from memometer.storage.paths import AnyPath

__all__ = ["Engine", "Here", "Job", "current", "using"]


@dataclasses.dataclass(frozen=True)
class Job:
    """The missing pieces of one folder: each whole or absent, and the same bytes whoever makes it.

    Attributes:
        folder: where they are, or will be.
        missing: their numbers, ascending; an engine within another may get them as it takes them.
        n: how many pieces the folder has in all.
        label: what is made, for messages, e.g. ``"embedding images"``.
        make: makes and writes pieces one after another, which it takes as it needs them, and gives the number and the
            small arrays of each. Picklable where the work can be done elsewhere; else it is done in this process.
        read: the small arrays of a piece that another process has written; None where it has not yet.
        name: what a user calls a piece, e.g. ``records 2,048 to 4,095``.
    """

    folder: AnyPath
    missing: Iterable[int]
    n: int
    label: str
    make: Callable[[Iterable[int]], Iterator[tuple[int, Any]]]
    read: Callable[[int], Any | None]
    name: Callable[[int], str] = str


class Engine(Protocol):
    """Where pieces are made.

    Attributes:
        shared: whether other processes make pieces of the same folders at the same time.
    """

    shared: bool

    def run(self, job: Job) -> Iterator[tuple[int, Any]]:
        """Every missing piece of a folder with its small arrays, in any order; all are there in the end."""
        ...

    def close(self) -> None:
        """Ends the processes that it has; it may be used again."""
        ...


class Here:
    """This process makes all pieces, in their order."""

    shared = False

    def run(self, job: Job) -> Iterator[tuple[int, Any]]:
        """See `Engine`."""
        return job.make(job.missing)

    def close(self) -> None:
        """There is nothing to end."""


_engine: contextvars.ContextVar[Engine] = contextvars.ContextVar("_engine", default=Here())  # noqa: B039 (it has no state)


def current() -> Engine:
    """The engine of this context; `Here` by default."""
    return _engine.get()


@contextlib.contextmanager
def using(engine: Engine) -> Iterator[None]:
    """Within it pieces are made by ``engine``, which is closed at the end. It changes no byte of them."""
    before = _engine.set(engine)
    try:
        yield
    finally:
        _engine.reset(before)
        engine.close()
