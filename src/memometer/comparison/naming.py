"""What a report calls the audits that it compares."""

from collections.abc import Sequence
from pathlib import Path

from memometer.errors import InputError

__all__ = ["distinct_names"]


def distinct_names(paths: Sequence[str], names: Sequence[str] | None = None) -> list[str]:
    """A short name for each: as much of the end of its path as tells them apart.

    Args:
        paths: of the audits; equal ones are numbered.
        names: the names to take instead.

    Raises:
        InputError: another number of names, or equal ones.

    >>> distinct_names(["runs/a/audit", "runs/b/audit", "runs/b/audit"])
    ['a/audit', 'b/audit', 'b/audit (2)']
    """
    if names is not None:
        if len(names) != len(paths) or len(set(names)) != len(names):
            raise InputError(
                f"{len(names)} names ({', '.join(names)}) for {len(paths)} audits; expected a name of its own for each"
            )
        return list(names)
    parts = [Path(path).parts for path in paths]
    length = 1
    while length < max(map(len, parts)) and len({each[-length:] for each in parts}) < len(set(parts)):
        length += 1
    seen: dict[str, int] = {}
    result = []
    for each in parts:
        name = str(Path(*each[-length:])) if each else "audit"
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result
