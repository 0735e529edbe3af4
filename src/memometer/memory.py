"""Whether memory ran out, or what was read asks for more than any machine has."""

import errno
import mmap
import re

__all__ = ["memory_ended", "memory_is_short"]

WORDS = re.compile(
    r"out of memory|can't allocate memory|not enough memory|cannot allocate memory|std::bad_alloc|bad allocation"
    r"|failed to map segment|malloc of size|Unable to allocate|can't start new thread|pthread_create failed"
    r"|failed to launch worker thread|cannot join thread before it is started",
    re.IGNORECASE,
)
"""What libraries say where memory ends; some raise RuntimeError, ImportError or OSError."""

ENOUGH = 1 << 31
"""Bytes with which the largest image that is read is decoded and converted."""


def memory_ended(error: BaseException) -> bool:
    """Whether an error says that memory, or one of the things that it takes, ran out."""
    known = isinstance(error, OSError) and error.errno == errno.ENOMEM
    return known or isinstance(error, MemoryError) or bool(WORDS.search(str(error)))


def memory_is_short(error: BaseException) -> bool:
    """Whether it ran out for want of memory: what is damaged can ask for more than there is, where there is plenty.

    What reads a user's files takes an error for damage only where this is False.
    """
    if not memory_ended(error):
        return False
    try:
        mmap.mmap(-1, ENOUGH).close()  # asks for the room and touches none of it
    except (OSError, MemoryError):
        return True
    return False
