"""The numbers behind a chart, for those who read them rather than see them."""

import dataclasses
from collections.abc import Iterable
from typing import Self

__all__ = ["HeadTable", "Numbers"]


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A table of text.

    Attributes:
        header: the columns' names.
        rows: cells as shown, one tuple per row.
        n_text: how many leading columns hold text; the rest hold numbers.
        strong: rows that stand out, such as those whose interval is clear of 0.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_text: int = 1
    strong: frozenset[int] = frozenset()

    @classmethod
    def marked(cls, header: tuple[str, ...], rows: Iterable[tuple[bool, tuple[str, ...]]], *, n_text: int = 1) -> Self:
        """A table of rows, each with whether it stands out."""
        kept = list(rows)
        strong = frozenset(place for place, (stands_out, _) in enumerate(kept) if stands_out)
        return cls(header, tuple(cells for _, cells in kept), n_text, strong)


@dataclasses.dataclass(frozen=True)
class HeadTable:
    """A table of results at the head of the page, and in the terminal.

    Attributes:
        title: what it holds.
        numbers: its cells.
        note: how to read it; may be empty.
    """

    title: str
    numbers: Numbers
    note: str = ""
