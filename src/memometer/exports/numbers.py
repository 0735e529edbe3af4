"""The numbers of a summary, one by one."""

from collections.abc import Iterator, Mapping
from typing import Any

from memometer.catalogue import headline_of
from memometer.runs import Run
from memometer.runs.schema import Number

__all__ = ["headline", "numbers_of"]


def numbers_of(part: object, *, at: str = "") -> Iterator[tuple[str, Number]]:
    """Every number of a summary that has an interval, with its place, e.g. ``balanced/unmentioned/prg``.

    Args:
        part: a summary, or a part of one.
        at: its place.
    """
    if isinstance(part, Number):
        yield at, part
        return
    entries: Any = ()
    if isinstance(part, Mapping):
        entries = part.items()
    elif isinstance(part, list):
        entries = enumerate(part)
    for name, value in entries:
        yield from numbers_of(value, at=f"{at}/{name}" if at else str(name))


def headline(run: Run[Any]) -> dict[str, Number]:
    """The numbers that a run is judged by; all that it has, where its measure names none."""
    found = headline_of(run.summary)
    return dict(numbers_of(run.summary)) if found is None else found
