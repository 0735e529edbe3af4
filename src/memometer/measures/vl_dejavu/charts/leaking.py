"""Which objects leak most."""

from typing import Any

import pyarrow as pa

from memometer.report.charts import theme
from memometer.report.charts.table import Numbers
from memometer.report.lazy import alt
from memometer.report.text import plain, signed
from memometer.runs import Run
from memometer.statistics.small_sets import counted

__all__ = ["leaking_numbers", "leaking_objects"]

N_SHOWN = 20
N_LISTED = 60
LABEL_WIDTH = 150
"""Room for an object's name in px; longer ones end in an ellipsis."""


def leaking_objects(audit: Run, *, width: int = theme.WIDE) -> "alt.LayerChart":
    """The objects with the largest surely positive gaps: ranked by the lower end of the 95 % interval.

    Ranking by the gap itself would put rare objects first, whose gaps are large by chance.

    Args:
        audit: the audit to show.
        width: of the whole chart in px.
    """
    rows = [
        {**row, "name": f"{rank}. {plain(row['label'], limit=30)} ({row['n']:,})", "sure": row["low"] > 0}
        for rank, row in enumerate(_ranked(audit.tables["objects"])[:N_SHOWN], start=1)
    ]
    color = alt.condition("datum.sure", alt.value(theme.TARGET), alt.value(theme.REFERENCE))
    axis, room = theme.name_axis([row["name"] for row in rows], limit=LABEL_WIDTH)
    base = alt.Chart(theme.data(rows)).encode(y=alt.Y("name:N", sort=None, title=None, axis=axis))
    ticks = alt.Axis(labelExpr=theme.GAP_LABEL, tickCount=max(3, width // 110))
    x = alt.X("low:Q", title="gap in recall where unmentioned", axis=ticks)
    interval = base.mark_rule(strokeWidth=2.5).encode(x=x, x2="high:Q", color=color)
    point = base.mark_point(filled=True, size=70, opacity=1).encode(x="gap:Q", color=color)
    layers = alt.layer(theme.zero_line(horizontal=False), interval, point)
    return theme.themed(layers.properties(width=width - room - 40, height=alt.Step(22)))


def leaking_numbers(audit: Run) -> Numbers:
    """The first objects of the ranking as a table."""
    rows = tuple(
        (
            plain(row["label"], limit=80),
            counted(row["n"], row.get("n_groups")),
            *(f"{row[name]:.3f}" for name in ("recall_target", "recall_reference")),
            *(signed(row[name]) for name in ("gap", "low", "high")),
        )
        for row in _ranked(audit.tables["objects"])[:N_LISTED]
    )
    return Numbers(("Object", "n", "recall, trained", "recall, never saw", "gap", "low", "high"), rows)


def _ranked(objects: pa.Table) -> list[dict[str, Any]]:
    """Objects with a defined interval, the largest lower end first; then by gap, then by label."""
    complete = objects.filter(objects["low"].is_valid()).to_pylist()
    return sorted(complete, key=lambda row: (-row["low"], -row["gap"], row["label"]))[: max(N_SHOWN, N_LISTED)]
