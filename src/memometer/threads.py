"""Keeps torch's number of threads, which numba's parallel loops set to their own: both ask the one OpenMP for it.

Without this, a model trained after an audit in the same process runs on another number of threads than one trained
before, and its weights differ in the last bits.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

__all__ = ["keeping_threads", "one_thread"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_lock = threading.Lock()
_alone: list[int] = []
"""Torch's number of threads before the first of those who are within `one_thread`, once for each of them."""


def keeping_threads(kernel: Kernel) -> Kernel:
    """The kernel, after which torch has the number of threads that it had; torch is not loaded for this."""

    @functools.wraps(kernel)
    def run(*arguments: Any) -> Any:
        torch = sys.modules.get("torch")
        threads = torch.get_num_threads() if torch else None
        try:
            return kernel(*arguments)
        finally:
            if torch:
                torch.set_num_threads(threads)

    return cast("Kernel", run)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within it torch computes on the calling thread alone, whoever else is within it.

    Torch's number is each thread's own, but a new thread starts with what any of them said last: so all go back to what
    it was before the first came in.
    """
    import torch

    with _lock:
        before = _alone[0] if _alone else torch.get_num_threads()
        _alone.append(before)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        with _lock:
            _alone.pop()
