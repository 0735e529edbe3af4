"""Everything that memometer raises on purpose.

    MemometerError
    ├── InputError          wrong usage or wrong input: the command line exits with 2
    │   ├── SourceError     a data source that cannot be read as asked
    │   ├── RejectsError    more records rejected than allowed
    │   ├── DamagedError    a file whose bytes are not those that were written
    │   ├── ModelError      a model or checkpoint that cannot be loaded
    │   └── VectorError     embeddings that are non-finite, zero, of another width or missing
    ├── JobError            the input was right, the work failed: the command line exits with 1
    │   └── BusyError       another process writes there
    └── ShardDone           nothing failed: a shard has made its share, and there is no result yet

Every message says what was got, what was expected and what to do.
"""

from collections.abc import Sequence

__all__ = [
    "BusyError",
    "DamagedError",
    "InputError",
    "JobError",
    "MemometerError",
    "ModelError",
    "RejectsError",
    "ShardDone",
    "SourceError",
    "VectorError",
    "first_of",
    "shown",
]


class MemometerError(Exception):
    """Base of every error that memometer raises on purpose."""

    exit_code = 1


class InputError(MemometerError):
    """Wrong usage or wrong input."""

    exit_code = 2


class SourceError(InputError):
    """A data source that cannot be read as asked."""


class RejectsError(InputError):
    """More records were rejected than the caller allows."""


class DamagedError(InputError):
    """A file whose bytes are not those that were written.

    Attributes:
        fault: what is wrong with which file; the message goes on with what to do.
    """

    def __init__(self, fault: str, advice: str = "") -> None:
        super().__init__(f"{fault}; {advice}" if advice else fault)
        self.fault = fault


class ModelError(InputError):
    """A model or checkpoint that cannot be loaded."""


class VectorError(InputError):
    """Embeddings that are non-finite, zero, of another width, or missing."""


class JobError(MemometerError):
    """The input was right, the work failed."""


class BusyError(JobError):
    """Another process writes what was to be written."""


class ShardDone(MemometerError):  # noqa: N818 (nothing failed)
    """A shard has seen all pieces made; what they say, ``--merge`` tells."""

    exit_code = 0


def first_of(names: Sequence[str], most: int) -> str:
    """The first few names in words, with an ellipsis where there are more.

    >>> first_of(["a", "b", "c"], 2), first_of(["a", "b"], 2)
    ('a, b, …', 'a, b')
    """
    return ", ".join([*names[:most], *(["…"] if len(names) > most else [])])


def shown(value: object, *, most: int = 80) -> str:
    """A value as messages show it: in quotes where it is a text, and not more of it than a line.

    >>> shown("x" * 100, most=5)
    "'xxxx …"
    """
    words = repr(value)
    return words if len(words) <= most else f"{words[:most]} …"
