"""An ordered map over a pool of processes, with a bounded number of pieces under way."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from memometer.errors import JobError
from memometer.progress import warn

__all__ = [
    "deaf_children",
    "decoding_workers",
    "default_workers",
    "end_with_parent",
    "map_ordered",
    "processes_to_decode",
    "take_share",
]

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def decoding_workers(workers: int | None, *, device: str) -> int:
    """How many processes decode where none were asked for: beside a CPU's model, decoding costs more than it saves."""
    if workers is not None:
        return workers
    return 0 if device == "cpu" else default_workers()


@dataclasses.dataclass
class _Share:
    """What this process may use of the machine, where it is one of several that an engine started."""

    cores: int | None = None
    decoders: int | None = None


_share = _Share()


def take_share(*, cores: int, decoders: int) -> None:
    """Says what this process may use, which is one of several of an engine.

    Args:
        cores: that it may use.
        decoders: processes that decode images for it.
    """
    _share.cores, _share.decoders = cores, decoders


def processes_to_decode(asked: int) -> int:
    """How many processes decode for this one: as many as asked for, or its share where it is one of several."""
    return asked if _share.decoders is None else _share.decoders


def default_workers() -> int:
    """The number of cores this process may use."""
    if _share.cores is not None:
        return _share.cores
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_ordered(
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    *,
    workers: int,
    ahead: int = 2,
    name: Callable[[Piece], str] = str,
) -> Iterator[Result]:
    """``map(work, pieces)`` in the order of ``pieces``, whatever the number of workers.

    Where a worker process dies, the pieces that were under way, and all after them, are done one at a time: a machine
    that had too little memory for several goes on, and a piece that kills its worker alone is named.

    Args:
        work: a picklable function of one piece.
        pieces: consumed lazily: at most ``workers * ahead`` are under way, so memory stays bounded.
        workers: processes; 0 runs everything in this process.
        ahead: pieces under way per worker.
        name: what a user calls a piece.

    Raises:
        JobError: a worker process died (killed, out of memory, or by a fault of a library) that had one piece alone.
    """
    if workers <= 0:
        yield from map(work, pieces)
        return
    remaining = iter(pieces)
    under_way: collections.deque[Piece] = collections.deque()
    try:
        yield from _in_pool(work, remaining, under_way, workers=workers, most=workers * ahead)
    except BrokenProcessPool:
        warn("a worker process died, for want of memory or by a piece that it cannot do; going on one piece at a time")
    else:
        return
    again, under_way = itertools.chain(list(under_way), remaining), collections.deque()
    try:
        yield from _in_pool(work, again, under_way, workers=1, most=1)
    except BrokenProcessPool as error:
        raise JobError(
            f"a worker process died, which had nothing else to do, at {name(under_way[0])}: for want of memory, or "
            "because a library fails on what is there; give more memory, or leave that out, then run the command again"
        ) from error


def _in_pool(
    work: Callable[[Piece], Result],
    pieces: Iterator[Piece],
    under_way: collections.deque[Piece],
    *,
    workers: int,
    most: int,
) -> Iterator[Result]:
    """The results of the pieces in their order; ``under_way`` holds those whose result is still to come.

    Raises:
        BrokenProcessPool: a worker died.
    """
    # spawn, not fork: a fork of a process that has used torch's or numba's threads can deadlock.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    futures: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
        try:
            while True:
                for piece in itertools.islice(pieces, most - len(futures)):
                    under_way.append(piece)
                    with deaf_children():
                        futures.append(pool.submit(work, piece))
                if not futures:
                    return
                result = futures[0].result()
                futures.popleft()
                under_way.popleft()
                yield result
        except Exception:
            raise
        except BaseException:  # stopped: what is under way is of no use to anyone
            for child in set(multiprocessing.active_children()) - others:
                child.kill()
            raise
        finally:
            for future in futures:
                future.cancel()


@contextlib.contextmanager
def deaf_children() -> Iterator[None]:
    """Processes that start within it do not hear Ctrl-C, which their parent answers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent(_worker: int | None = None) -> None:
    """Runs in each worker: without it, the workers of a killed process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
