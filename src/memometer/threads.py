"""Keeps torch's number of threads, which numba's parallel loops set to their own: both ask the one OpenMP for it.

Without this, a model trained after an audit in the same process runs on another number of threads than one trained
before, and its weights differ in the last bits.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["keeping_threads"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


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
