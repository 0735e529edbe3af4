"""One process of a crew: it takes pieces as it needs them, makes and writes them, and says so."""

import dataclasses
import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

from memometer import __version__
from memometer.engines.pool import take_share
from memometer.engines.travel import Parcel, Shelf
from memometer.errors import JobError

__all__ = ["End", "Failed", "Idle", "Made", "Piece", "Wanted", "Work", "serve"]


@dataclasses.dataclass(frozen=True)
class Work:
    """To a member: what makes pieces from now on.

    Attributes:
        job: its number, which all answers to it carry.
    """

    job: int
    parcel: Parcel
    version: str = __version__


@dataclasses.dataclass(frozen=True)
class Piece:
    """To a member: the next piece to make."""

    number: int


@dataclasses.dataclass(frozen=True)
class End:
    """To a member: there is no further piece for now."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """From a member: it can take one more piece, though it may be at work on others."""

    job: int


@dataclasses.dataclass(frozen=True)
class Made:
    """From a member: a piece is written."""

    job: int
    number: int
    arrays: Any


@dataclasses.dataclass(frozen=True)
class Idle:
    """From a member: all that it took is made."""

    job: int


@dataclasses.dataclass(frozen=True)
class Failed:
    """From a member: the work raised an error."""

    job: int
    error: BaseException


def serve(receive: Callable[[], Any], send: Callable[[Any], None], *, cores: int, decoders: int) -> None:
    """The life of a member: it ends with an ``EOFError`` of ``receive``.

    Args:
        receive: waits for the next message.
        send: takes an answer.
        cores: that this member may use.
        decoders: processes that decode images for its model.
    """
    take_share(cores=cores, decoders=decoders)
    shelf, inbox = Shelf(), _Inbox(receive)
    make, job = None, 0
    while True:
        try:
            message = inbox.next()
        except EOFError:
            return
        try:
            if isinstance(message, Work):
                make, job = None, message.job
                _check_version(message.version)
                make = shelf.unpack(message.parcel)
            elif isinstance(message, Piece):
                inbox.back = message
            if make is not None and not isinstance(message, End):
                for number, arrays in make(_asked(inbox, send, job)):
                    send(Made(job, number, arrays))
            send(Idle(job))
        except BaseException as error:  # noqa: BLE001 (the crew raises it)
            send(Failed(job, _portable(error)))


class _Inbox:
    """Messages in their order, of which one may be put back."""

    def __init__(self, receive: Callable[[], Any]) -> None:
        self._receive = receive
        self.back: Any = None

    def next(self) -> Any:
        """The next one."""
        back, self.back = self.back, None
        return self._receive() if back is None else back


def _asked(inbox: _Inbox, send: Callable[[Any], None], job: int) -> Iterator[int]:
    """The pieces, each asked for when the work takes it."""
    while True:
        if inbox.back is None:
            send(Wanted(job))
        message = inbox.next()
        if not isinstance(message, Piece):
            inbox.back = message if isinstance(message, Work) else None
            return
        yield message.number


def _check_version(version: str) -> None:
    if version != __version__:
        raise JobError(
            f"this machine ({os.uname().nodename}) has memometer {__version__}, where the command runs has {version}; "
            "install the same version on all machines"
        )


def _portable(error: BaseException) -> BaseException:
    """The error, as far as another process can read it."""
    try:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    except Exception:  # noqa: BLE001 (whatever a class of errors does)
        return JobError(f"{type(error).__name__}: {error}")
    return again if isinstance(again, BaseException) else JobError(str(error))
