"""The numbers of a summary, one by one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memometer.catalogue import headline_of
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["headline", "numbers_of"]

OF_A_NUMBER = ("value", "low", "high", "std", "n", "reason")


def numbers_of(part: object, *, at: str = "") -> Iterator[tuple[str, Number]]:
    """Every number of a summary that says how many are behind it, with its place, e.g. ``balanced/unmentioned/prg``.

    Beside `Number` these are a sweep's: means over seeds, whose ``n`` is the seeds, and their differences.

    Args:
        part: a summary, or a part of one.
        at: its place.
    """
    if isinstance(part, Number):
        yield at, part
        return
    entries: Any = ()
    if isinstance(part, Mapping):
        if "value" in part and "n" in part:
            yield at, Number(**{"low": None, "high": None, **{key: part[key] for key in OF_A_NUMBER if key in part}})
        entries = part.items()
    elif isinstance(part, list):
        entries = zip(_names(part), part, strict=True)
    for name, value in entries:
        yield from numbers_of(value, at=f"{at}/{name}" if at else str(name))


def _names(parts: Sequence[Any]) -> Sequence[Any]:
    """What the entries of a list are called, where each has a name of its own; else their places."""
    for key in ("name", "key"):
        names = [part.get(key) if isinstance(part, Mapping) else None for part in parts]
        if None not in names and len(set(names)) == len(names):
            return names
    return range(len(parts))


def headline(run: Run[Any]) -> dict[str, Number]:
    """The numbers that a run is judged by; all that it has, where its measure names none."""
    found = headline_of(run.summary)
    return dict(numbers_of(run.summary)) if found is None else found
