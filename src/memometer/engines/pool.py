"""An ordered map over a pool of processes, with a bounded number of pieces under way."""

import collections
import concurrent.futures
import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from memometer.errors import JobError

__all__ = ["decoding_workers", "default_workers", "end_with_parent", "map_ordered"]

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def decoding_workers(workers: int | None, *, device: str) -> int:
    """How many processes decode where none were asked for: beside a CPU's model, decoding costs more than it saves."""
    if workers is not None:
        return workers
    return 0 if device == "cpu" else default_workers()


def default_workers() -> int:
    """The number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_ordered(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], *, workers: int, ahead: int = 2
) -> Iterator[Result]:
    """``map(work, pieces)`` in the order of ``pieces``, whatever the number of workers.

    Args:
        work: a picklable function of one piece.
        pieces: consumed lazily: at most ``workers * ahead`` are under way, so memory stays bounded.
        workers: processes; 0 runs everything in this process.
        ahead: pieces under way per worker.

    Raises:
        JobError: a worker process died (killed, or out of memory).
    """
    if workers <= 0:
        yield from map(work, pieces)
        return
    # spawn, not fork: a fork of a process that has used torch's or numba's threads can deadlock.
    context = multiprocessing.get_context("spawn")
    remaining = iter(pieces)
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
        under_way: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
        try:
            for piece in itertools.islice(remaining, workers * ahead):
                under_way.append(pool.submit(work, piece))
            while under_way:
                result = under_way.popleft().result()
                for piece in itertools.islice(remaining, 1):
                    under_way.append(pool.submit(work, piece))
                yield result
        except BrokenProcessPool as error:
            raise JobError(
                "a worker process died, most likely for want of memory; "
                "run the same command again with fewer --workers: it goes on where it was"
            ) from error
        finally:
            for future in under_way:
                future.cancel()


def end_with_parent(_worker: int | None = None) -> None:
    """Runs in each worker: without it, the workers of a killed process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
