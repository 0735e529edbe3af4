"""Tables of results for a terminal."""

import re
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from memometer.report.charts.table import HeadTable
from memometer.report.text import plain

__all__ = ["head_tables"]


IN_GROUPS = re.compile(r"^([\d,]+ in) ([\d,]+ groups)$")
"""A number of records with that of their groups: it takes two lines, so that names keep theirs in one."""


def head_tables(name: str, tables: Sequence[HeadTable]) -> Iterator[Table]:
    """The tables at the head of a report, as a terminal shows them; what stands out is bold.

    Args:
        name: of the measure.
        tables: see `memometer.report.charts.table.HeadTable`.
    """
    for head in tables:
        numbers = head.numbers
        if not numbers.rows:
            continue
        table = Table(
            title=f"{name}: {head.title}",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            collapse_padding=True,
        )
        for place, heading in enumerate(numbers.header):
            justify: JustifyMethod = "left" if place < numbers.n_text else "right"
            table.add_column(Text(heading), justify=justify, overflow="fold")
        for place, row in enumerate(numbers.rows):
            cells = [Text(IN_GROUPS.sub(r"\1\n\2", plain(cell, limit=60))) for cell in row]
            table.add_row(*cells, style="bold" if place in numbers.strong else None)
        yield table
