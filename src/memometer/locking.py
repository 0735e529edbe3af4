"""One writer at a time: a lock on a folder or a file that is written, which says who holds it and dies with its holder.

The lock is the kernel's (``flock``) on a small file: ``.memometer.lock`` in a folder, ``.NAME.lock`` beside a file. It
is there while a command writes and goes with it; one that a killed command left behind locks nothing. Over NFS the
kernel hands it to the server, for which the file is open for writing. The package filelock would empty the holder's
note in some of its releases and split the waiters over two files in others, so it is not used.
"""

import contextlib
import contextvars
import errno
import fcntl
import functools
import inspect
import json
import os
import secrets
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

from memometer.errors import BusyError, InputError
from memometer.files import clear_leftovers
from memometer.progress import notice, warn
from memometer.software import timestamp
from memometer.storage.paths import AnyPath, StorePath, path_of

__all__ = ["LOCK", "one_writer", "writes", "writing"]

LOCK = ".memometer.lock"
"""The lock's file in a folder that is being written."""

GRACE = 2.0
"""Seconds to try for: a killed holder's memory may take a moment to go, and short commands are done soon."""

NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}
"""What ``flock`` says on file systems that have no locks."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_held_in_stores: contextvars.ContextVar[frozenset[StorePath]] = contextvars.ContextVar(
    "_held_in_stores", default=frozenset()
)
_held: contextvars.ContextVar[frozenset[Path]] = contextvars.ContextVar("_held", default=frozenset())


@contextlib.contextmanager
def one_writer(target: AnyPath, *, file: bool = False, wait: bool = False, shared: bool = False) -> Iterator[None]:
    """Within it this process alone writes ``target``; a folder that is missing is made, and goes again while empty.

    What a killed writer had begun to write there is removed.

    Taken again within itself it does nothing; nor where nothing can be written, for then the work will say so.

    Args:
        target: a folder, or a file.
        file: whether it is a file.
        wait: wait for another writer, rather than say who it is.
        shared: with all others who share it, which agree among themselves on who writes what; nothing is removed.

    In a store, which has no locks, who would wait does not: what is written there in pieces is the same, whoever does
    it. Else an object says who writes; that of a killed command stays until it is removed.

    Raises:
        BusyError: another process writes it.
    """
    if isinstance(target, StorePath):
        with contextlib.nullcontext() if wait or shared else _only_one(target):
            yield
        return
    if isinstance(address := path_of(target), StorePath):
        raise InputError(
            f"{address} is in a bucket, and what this command writes is not; name a folder here, and copy it there"
        )
    folder = target.parent if file else target
    path = folder / f".{target.name}.lock" if file else folder / LOCK
    place = path.resolve()
    if place in _held.get():
        yield
        return
    made = _missing(folder)
    handle = None
    try:
        handle = _acquire(path, target, wait=wait, kind=fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        if not shared:
            clear_leftovers(folder, target.name if file else "")
        _held.set(_held.get() | {place})
        try:
            yield
        finally:
            _held.set(_held.get() - {place})
    finally:
        if handle is not None:
            _release(handle, path)
        for each in made:
            with contextlib.suppress(OSError):  # not empty: it is wanted
                each.rmdir()


def writing(
    target: str | AnyPath | None, *, file: bool = False, wait: bool = False, in_stores: bool = False
) -> contextlib.AbstractContextManager[None]:
    """`one_writer`, or nothing where None names nothing.

    Args:
        target: what is written.
        file: as of `one_writer`.
        wait: as of `one_writer`.
        in_stores: whether it may lie in a store.
    """
    if target is None:
        return contextlib.nullcontext()
    return one_writer(path_of(target) if in_stores else Path(str(target)), file=file, wait=wait)


def writes(
    option: str, *, file: bool = False, wait: bool = False, in_stores: bool = False
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Makes a function the `one_writer` of what its argument ``option`` names; None names nothing."""

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def locked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            with writing(bound.arguments[option], file=file, wait=wait, in_stores=in_stores):
                return function(*args, **kwargs)

        return locked

    return decorate


@contextlib.contextmanager
def _only_one(target: StorePath) -> Iterator[None]:
    """`one_writer` of a place in a store."""
    path = target / LOCK
    if path in _held_in_stores.get():
        yield
        return
    if not path.create(json.dumps({**_this_process(), "once": secrets.token_hex(8)}).encode()):
        raise BusyError(
            f"{target} is being written by {_holder(path)}; wait until that is done, choose another place, or remove "
            f"{path} if that command was killed"
        )
    before = _held_in_stores.set(_held_in_stores.get() | {path})
    try:
        yield
    finally:
        _held_in_stores.reset(before)
        path.unlink(missing_ok=True)


def _missing(folder: Path) -> list[Path]:
    """The folder and those above it that are not there yet, the innermost first."""
    return [each for each in (folder, *folder.parents) if not os.path.lexists(each)]


def _acquire(path: Path, target: Path, *, wait: bool, kind: int) -> int | None:
    """The handle of the lock; None where there can be none."""
    deadline, told = time.monotonic() + GRACE, False
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = _try(path, kind)
        except FileNotFoundError:
            if time.monotonic() > deadline:
                return None
            continue  # a former holder has just removed the folder that it made
        except OSError as error:
            if error.errno in NO_LOCKS:
                warn(f"the file system of {target} has no locks; see to it yourself that nothing else writes there")
            return None
        if handle is not None:
            _note(handle)
            return handle
        if time.monotonic() > deadline:
            if not wait:
                raise BusyError(
                    f"{target} is being written by {_holder(path)}; wait until that is done, or choose another place"
                )
            if not told:
                notice(f"waiting for {target}, which is being written by {_holder(path)}")
                told = True
        time.sleep(0.05)


def _try(path: Path, kind: int) -> int | None:
    """The handle of the lock file once it is ours; None while it is another's."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except PermissionError:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)  # another user's, who was killed or is at it
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            if _is_at(handle, path):
                return handle
        except OSError as error:
            os.close(handle)
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return None
            raise
        os.close(handle)  # it went with its former holder


def _is_at(handle: int, path: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _note(handle: int) -> None:
    """Writes down who holds the lock; it holds without, where the disk is full."""
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(_this_process()).encode(), 0)


def _this_process() -> dict[str, str | int]:
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else ""
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": timestamp(), "command": command}


def _holder(path: AnyPath) -> str:
    """Who holds the lock, for a sentence."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']} since {note['since']} ({note['command']})"
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"


def _release(handle: int, path: Path) -> None:
    """Removes the lock file while it is still ours alone, then lets go."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while others share it: the last of them removes it
        if _is_at(handle, path):
            path.unlink()
    except OSError:
        pass  # or of a folder that has become read-only: a lock file without a holder locks nothing
    finally:
        os.close(handle)
