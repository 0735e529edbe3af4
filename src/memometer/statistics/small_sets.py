"""Small sets: with few scored records an interval holds less often than it says, and single records decide."""

from collections.abc import Iterable

__all__ = ["SMALL", "counted", "is_small_warning", "small_warning"]

SMALL = 200
"""Scored records, or groups of them, below which a set is small."""

_START = f"small sets, fewer than {SMALL} scored records or groups: "


def counted(n: int, n_groups: int | None, *, what: str = "") -> str:
    """How many records, or whatever is counted, and the groups that they come in.

    >>> counted(1200, 120, what="records")
    '1,200 records in 120 groups'
    """
    return f"{n:,} {what}".rstrip() + ("" if n_groups in (None, n) else f" in {n_groups:,} groups")


def small_warning(sets: Iterable[tuple[str, int, int | None]]) -> str | None:
    """What to say where a set is small; None where none is.

    Args:
        sets: that a headline rests on: name, scored records, and what is drawn (groups, or None).
    """
    small = [f"{name} {counted(n, groups, what='records')}" for name, n, groups in sets if min(n, groups or n) < SMALL]
    if not small:
        return None
    return (
        f"{_START}{', '.join(dict.fromkeys(small))}; single records weigh much here, and intervals of so few may "
        "cover a little less than 95 %: audit more before relying on them"
    )


def is_small_warning(note: str) -> bool:
    """Whether a note of a summary is `small_warning`: it stands beside the headline."""
    return note.startswith(_START)
