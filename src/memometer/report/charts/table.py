"""The numbers behind a chart, for those who read them rather than see them."""

import dataclasses

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
